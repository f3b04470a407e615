"""Processors, memory, folders with the space on their disks, and the encoding of names."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from keras_samplernn import machine
from keras_samplernn.data.cache import cache_folder, list_cache
from keras_samplernn.doctor.finding import FAIL, NOTE, OK, Finding, size_text
from keras_samplernn.errors import UserError

# A process that has only imported TensorFlow has most of a gigabyte; a checkpoint of a small model has megabytes.
LEAST_MEMORY_BYTES, LITTLE_DISK_BYTES, LEAST_DISK_BYTES = 2 * 10**9, 2 * 10**9, 10**8
_OTHER_CACHE = "set KERAS_SAMPLERNN_CACHE to another folder"
_NAMES = "\u00e9\u97f3"


def look_at_machine(root: Path = Path("/")) -> Iterator[Finding]:
    """Yield a finding for processors and one for memory, with the limits of a container.

    Args:
        root: the folder that holds `proc` and `sys`.
    """
    quota, there = machine.container_cores(root), os.cpu_count() or 1
    allowed, usable = machine.allowed_cores(), machine.usable_cores(root)
    of = "" if allowed == there else f" of {there} that the machine has"
    if quota is not None and quota < allowed:
        found = f"{quota:g} by the container's limit, {allowed} without it{of}"
        remedy = f"TensorFlow starts a thread for each of the {allowed}: TF_NUM_INTRAOP_THREADS={usable} may be faster"
        yield Finding("processors", found, NOTE, remedy)
    else:
        yield Finding("processors", f"{allowed}{of}")
    usable_bytes = machine.machine_bytes(root)
    limited = usable_bytes < machine.physical_bytes()
    found = size_text(usable_bytes)
    found += f" by the container's limit; the machine has {size_text(machine.physical_bytes())}" if limited else ""
    if usable_bytes < LEAST_MEMORY_BYTES:
        remedy = "raise the container's limit" if limited else "use a small model, or a larger machine"
        yield Finding("memory", found, NOTE, f"TensorFlow alone takes about 1 GB: {remedy}")
    else:
        yield Finding("memory", found)


def look_at_folders() -> Iterator[Finding]:
    """Yield findings for the cache folder and the present folder: their disks, and whether they can be written."""
    try:
        cache = cache_folder()
    except UserError as error:
        what, _, rule = error.lines[0].partition(": ")
        found, _, remedy = rule.partition("; ")
        yield Finding("cache", f"{what}: {found}", FAIL, remedy)
    else:
        if problem := _not_writable(cache):
            yield Finding("cache", f"{cache}: {problem}", FAIL, _OTHER_CACHE)
        else:
            entries = list_cache()
            size = size_text(sum(entry.size_bytes for entry in entries))
            yield Finding("cache", f"{cache}: {len(entries):,} prepared corpora, {size}")
        yield from _disk("disk of the cache", cache, f"free space, or {_OTHER_CACHE}")
    try:
        here = Path.cwd()
    except OSError as error:
        yield Finding("present folder", error.strerror or "is not there", FAIL, "change to another one")
        return
    if problem := _not_writable(here):
        yield Finding("present folder", f"{here}: {problem}", NOTE, "give fit another place for the run with --run")
    yield from _disk("disk of the present folder", here, "free space, or give fit another place with --run")


def look_at_locale(encodings: tuple[str, str] | None = None) -> Finding:
    """Return whether every name can be written.

    Args:
        encodings: that of names of files and that of stdout; None: those of this process.
    """
    if encodings is None:
        encodings = sys.getfilesystemencoding(), getattr(sys.stdout, "encoding", None) or "utf-8"
    kinds = ("names of files", "stdout")
    poor = [
        f"{kind} are {name}" if kind != "stdout" else f"{kind} is {name}"
        for kind, name in zip(kinds, encodings, strict=True)
        if not _writes_names(name)
    ]
    if not poor:
        return Finding("locale", f"names of files and stdout take every character ({encodings[0]})")
    found = f"{' and '.join(poor)}, which has no characters for some names"
    return Finding("locale", found, NOTE, "set LC_ALL=C.UTF-8, or PYTHONUTF8=1")


def _writes_names(encoding: str) -> bool:
    try:
        return bool(_NAMES.encode(encoding))
    except (UnicodeError, LookupError):
        return False


def _existing(folder: Path) -> Path:
    """Return the folder, or the nearest one above it that is there."""
    folder = folder.absolute()
    return next((place for place in (folder, *folder.parents) if os.path.lexists(place)), folder)


def _not_writable(folder: Path) -> str:
    """Return why nothing can be written to a folder, which need not be there yet; empty: it can."""
    place = _existing(folder)
    if not place.is_dir():
        return f"{place} is not a folder"
    return "" if os.access(place, os.W_OK | os.X_OK) else f"{place} cannot be written"


def _disk(what: str, folder: Path, remedy: str) -> Iterator[Finding]:
    try:
        free = shutil.disk_usage(_existing(folder)).free
    except OSError as error:
        yield Finding(what, f"{folder}: {error.strerror}", NOTE)
        return
    state = FAIL if free < LEAST_DISK_BYTES else NOTE if free < LITTLE_DISK_BYTES else OK
    yield Finding(what, f"{size_text(free)} free", state, "" if state == OK else remedy)
