"""A bundle into a run directory; whatever the file holds, it leads to a run that is whole or to an error."""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import ValidationError

from keras_samplernn.bundles.archive import Archive
from keras_samplernn.bundles.manifest import (
    CARD,
    MEMBERS,
    MOST_CARD_BYTES,
    MOST_MANIFEST_BYTES,
    MOST_SOUND_BYTES,
    MOST_SOUNDS,
    SOUND,
    SPEC,
    STATE,
    WEIGHTS,
    Manifest,
)
from keras_samplernn.bundles.nameless import names_in
from keras_samplernn.bundles.sounds import is_plain
from keras_samplernn.checkpoints.arrays import Shape, bytes_range, read_arrays
from keras_samplernn.checkpoints.checkpoint import MOST_STATE_BYTES, save_weights, state_in
from keras_samplernn.errors import UserError
from keras_samplernn.files import make_folder, named, replace_json, staged_folder, writing
from keras_samplernn.model.memory import check_generation_memory, outline
from keras_samplernn.model.registry import Kind, load_types, offers
from keras_samplernn.run_folder import BUNDLE, LONGEST_SPANS, RUNS, RunFolder
from keras_samplernn.spec import Spec, parse_spec
from keras_samplernn.spec.loading import MOST_BYTES as MOST_SPEC_BYTES
from keras_samplernn.training.bookkeeping import write_metrics
from keras_samplernn.training.state import TrainingState

if TYPE_CHECKING:
    from keras_samplernn.model.samplernn import SampleRNN

_SMALL = {CARD: MOST_CARD_BYTES, SPEC: MOST_SPEC_BYTES, STATE: MOST_STATE_BYTES}


def unbundle_run(path: Path, folder: Path | None, say: Callable[[str], None]) -> Path:
    """Make a run directory of a bundle.

    Everything is read and checked before anything is written: names, sizes and sums of the members, what the spec
    asks for, and that the weights fit it and are finite.

    Args:
        path: of the zip file.
        folder: the run directory, which does not exist yet; None: `runs/NAME`, NAME as in the spec.
        say: called with what is told of the bundle.

    Returns:
        The run directory.

    Raises:
        UserError: the file is not a bundle, was changed, needs what is not installed or more memory than there is; or
            the folder exists or cannot be written.
    """
    if folder is not None:
        _refuse_existing(folder := named(folder))
    with Archive(path) as archive:
        _check_names(archive)
        manifest = _read_manifest(archive)
        contents = {name: _read(archive, manifest, name, most) for name, most in _SMALL.items()}
        _check_requirements(path, manifest, say)
        spec = _read_spec(archive, contents[SPEC], folder)
        if folder is None:
            _refuse_existing(folder := RUNS / spec.name)
        state = _read_state(archive, manifest, contents[STATE])
        contents[WEIGHTS] = _read_weights(archive, manifest, spec)
        contents |= {
            name: _read_sound(archive, manifest, name, spec) for name in archive.members if SOUND.fullmatch(name)
        }
    contents[BUNDLE] = manifest.to_json()
    make_folder(folder.parent)
    with staged_folder(folder, instead="give --run another folder") as staged, writing(folder):
        _write(RunFolder(staged, spec), manifest, contents, state)
    licence = manifest.about.licence
    say(f"licence: {'none is given; ask the maker before you use it' if licence is None else licence}")
    return folder


def _refuse_existing(folder: Path) -> None:
    if os.path.lexists(folder):
        raise UserError(f"{folder}: exists; give --run another folder")


def _check_names(archive: Archive) -> None:
    """Raise UserError unless all members are there, and none that a bundle does not have."""
    sounds = [name for name in archive.members if SOUND.fullmatch(name)]
    for name in archive.members:
        if name not in MEMBERS and name not in sounds:
            raise archive.fault(f'holds "{name[:80]}", which is no member of a bundle')
    for name in MEMBERS:
        if name not in archive.members:
            raise archive.fault(f"is not a bundle: it has no {name}")
    if len(sounds) > MOST_SOUNDS:
        raise archive.fault(f"has {len(sounds)} sounds; a bundle has {MOST_SOUNDS} at most")


def _read_manifest(archive: Archive) -> Manifest:
    content = archive.read(BUNDLE, MOST_MANIFEST_BYTES)
    try:
        manifest = Manifest.model_validate_json(content)
    except ValidationError as error:
        if any(each["loc"] == ("format",) and each["type"] == "literal_error" for each in error.errors()):
            raise UserError(
                f"{archive.path}: is of a format that this version does not read; install a newer keras_samplernn"
            ) from None
        raise archive.fault(f"its {BUNDLE} is not one that `bundle` wrote") from None
    if manifest.to_json() != content or manifest.members.keys() != archive.members.keys() - {BUNDLE}:
        raise archive.fault(f"its {BUNDLE} does not tell of the members that are there")
    return manifest


def _read(archive: Archive, manifest: Manifest, name: str, most_bytes: int) -> bytes:
    """Return the bytes of a member that has the size and the sha256 of the manifest."""
    content, said = archive.read(name, most_bytes), manifest.members[name]
    if (said.size, said.sha256) != (len(content), hashlib.sha256(content).hexdigest()):
        raise archive.fault(f"{name} was changed: its size or sha256 is not that in {BUNDLE}")
    return content


def _check_requirements(path: Path, manifest: Manifest, say: Callable[[str], None]) -> None:
    """Raise UserError for tiers and heads that are not installed; tell of other versions."""
    missing = []
    for each in manifest.requires:
        offered = offers(Kind(each.kind)).get(each.type)
        if not offered:
            missing.append(
                f"{path}: needs the {each.kind} {each.type} of the package {each.package} {each.version}, which is not"
                " installed; install it if you trust its author, then unbundle again"
            )
        elif offered[0].package != f"{each.package} {each.version}":
            say(f"{path}: was made with {each.package} {each.version}; {offered[0].package} is installed")
    if missing:
        raise UserError(*missing)


def _read_spec(archive: Archive, content: bytes, folder: Path | None) -> Spec:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise archive.fault(f"{SPEC} is not text") from None
    # Relative paths of a spec begin at its folder; which one that is changes nothing that is checked here.
    spec = parse_spec(text, f"{archive.path}: {SPEC}", load_types(), Path() if folder is None else folder)
    if places := names_in(json.loads(text)):
        raise archive.fault(f"{SPEC}: {places[0]} names a folder or file, and a bundle names none")
    return spec


def _read_state(archive: Archive, manifest: Manifest, content: bytes) -> TrainingState:
    try:
        return TrainingState.of(state_in(content), int(manifest.checkpoint.split("-")[1]))
    except ValueError:
        raise archive.fault(f"{STATE} is not that of {manifest.checkpoint}") from None


def _read_weights(archive: Archive, manifest: Manifest, spec: Spec) -> bytes:
    """Return the bytes of the weights; no array is unpacked before its size is known to be right."""
    shapes = [Shape.of(variable) for variable in _outline(archive.path, spec).weights]
    if archive.members[WEIGHTS].size not in bytes_range(shapes):
        raise archive.fault(f"{WEIGHTS} does not fit {SPEC}")
    content = _read(archive, manifest, WEIGHTS, bytes_range(shapes)[-1])
    try:
        arrays = read_arrays(content, shapes)
    except ValueError:
        raise archive.fault(f"{WEIGHTS} does not fit {SPEC}") from None
    if not all(np.isfinite(array).all() for array in arrays):
        raise archive.fault(f"{WEIGHTS} holds numbers that are not finite")
    return content


def _outline(path: Path, spec: Spec) -> "SampleRNN":
    """Return the model without values; UserError if this machine has too little memory for it."""
    try:
        model = outline(spec)
        check_generation_memory(spec, model)
    except UserError as error:
        raise UserError(*(f"{path}: {SPEC}: {line}" for line in error.lines)) from None
    return model


def _read_sound(archive: Archive, manifest: Manifest, name: str, spec: Spec) -> bytes:
    content = _read(archive, manifest, name, MOST_SOUND_BYTES)
    if not is_plain(content, spec.audio.sample_rate):
        raise archive.fault(f"{name} is not a wav of 16-bit PCM, mono, {spec.audio.sample_rate} Hz, and nothing else")
    return content


def _write(run: RunFolder, manifest: Manifest, contents: dict[str, bytes], state: TrainingState) -> None:
    for name, content in contents.items():
        if name not in (WEIGHTS, STATE):
            make_folder((run.folder / name).parent)
            (run.folder / name).write_bytes(content)
    save_weights(run.checkpoints_folder, manifest.checkpoint, contents[WEIGHTS], contents[STATE])
    replace_json(run.folder / "environment.json", manifest.versions)
    replace_json(run.folder / LONGEST_SPANS, manifest.longest_spans)
    write_metrics(run.metrics_file, state.rows)
