"""Memory and processors: what the machine has, what this process may use of it, and what a number takes.

A container is a control group (cgroup) of Linux. Its limits, and those of the groups around it, are in files.
"""

import contextlib
import functools
import math
import os
from collections.abc import Iterator
from pathlib import Path

FLOAT_BYTES = 4
_ROOT = Path("/")


@functools.cache
def machine_bytes(root: Path = _ROOT) -> int:
    """Return how much memory this process may use: the machine's, or less if its container has a limit.

    Args:
        root: the folder that holds `proc` and `sys`.
    """
    limit = container_bytes(root)
    return physical_bytes() if limit is None else min(physical_bytes(), limit)


def physical_bytes() -> int:
    """Return the size of this machine's memory."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def container_bytes(root: Path = _ROOT) -> int | None:
    """Return the lowest limit on memory of this process' control groups; None: there is none.

    Version 1 writes a number larger than any memory where there is none.

    Args:
        root: the folder that holds `proc` and `sys`.
    """
    limits = [
        int(word)
        for folder in _groups("memory", root)
        for word in _words(folder / "memory.max") + _words(folder / "memory.limit_in_bytes")
        if word.isdigit()
    ]
    return min(limits, default=None)


def usable_cores(root: Path = _ROOT) -> int:
    """Return how many processors this process may use, at least 1: those it may run on, or less by a quota.

    Args:
        root: the folder that holds `proc` and `sys`.
    """
    cores, quota = allowed_cores(), container_cores(root)
    return cores if quota is None else max(1, min(cores, math.ceil(quota)))


def allowed_cores() -> int:
    """Return the number of processors that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def container_cores(root: Path = _ROOT) -> float | None:
    """Return the lowest quota of processor time of this process' control groups, in processors; None: there is none.

    Args:
        root: the folder that holds `proc` and `sys`.
    """
    quotas = []
    for folder in _groups("cpu", root):
        separate = _words(folder / "cpu.cfs_quota_us") + _words(folder / "cpu.cfs_period_us")
        for words in (_words(folder / "cpu.max"), separate):
            # "max" and -1 stand for no quota.
            if len(words) == 2 and all(word.isdigit() for word in words):
                quotas.append(int(words[0]) / int(words[1]))
    return min(quotas, default=None)


def _groups(controller: str, root: Path) -> Iterator[Path]:
    """Yield the folders of this process' control group and of the groups around it.

    Within a container, the path of its group may be that outside of it, which is not there: then the root is its own.
    """
    cgroups = root / "sys/fs/cgroup"
    with contextlib.suppress(OSError):
        for line in (root / "proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if not controllers:  # version 2
                hierarchies = [cgroups]
            elif controller in controllers.split(","):
                hierarchies = [cgroups / controller, cgroups / controllers]
            else:
                continue
            for hierarchy in hierarchies:
                group = hierarchy / path.lstrip("/")
                yield from (folder for folder in (group, *group.parents) if folder.is_relative_to(hierarchy))


def _words(file: Path) -> list[str]:
    try:
        return file.read_text().split()
    except OSError:
        return []
