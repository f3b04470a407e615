"""NVIDIA's GPUs as their driver knows them, without starting CUDA; and GPUs that end a program with TensorFlow.

TensorFlow's wheels up to 2.21 have no code for compute capability 12 (GeForce RTX 50 and its kin). Nor does their
compiler know it: it ends the process when it first compiles, with a message from LLVM.
"""

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keras_samplernn.errors import UserError

_ROOT, _PATIENCE_SECONDS = Path("/"), 20
_FIRST_UNKNOWN = 12
# Drivers without nvidia-smi beside them, as in some containers, tell names only.
_OF_CAPABILITY_12 = re.compile(r"GeForce RTX 50\d\d|RTX PRO \d+ Blackwell")
_WINDOWS_FOLDER = "/usr/lib/wsl/lib"  # the driver's programs in the Windows Subsystem for Linux


@dataclass(frozen=True)
class Gpu:
    """A GPU.

    Attributes:
        name: as the driver calls it.
        capability: its compute capability, (major, minor); None: not known.
        uuid: what CUDA_VISIBLE_DEVICES can name it by, `GPU-...`; empty: not known.
    """

    name: str
    capability: tuple[int, int] | None
    uuid: str = ""

    def __str__(self) -> str:
        known = "unknown" if self.capability is None else ".".join(map(str, self.capability))
        return f"{self.name}, compute capability {known}"


@contextlib.contextmanager
def checked_gpus() -> Iterator[None]:
    """Check that TensorFlow can use this machine's GPUs, beside what the block does: import TensorFlow.

    Raises:
        UserError: at the end of the block, if TensorFlow would end the process when it uses one.
    """
    with asking_driver() as answer:
        yield
        if gpus := visible(answer()):
            import tensorflow

            version, build = tensorflow.version.VERSION, tensorflow.sysconfig.get_build_info()
            problem = refusal(gpus, version, build)
            # Where libraries of CUDA are missing, it sees no GPU and works on the CPU. Listing compiles nothing.
            if problem and tensorflow.config.list_physical_devices("GPU"):
                raise UserError("; ".join(problem))


@contextlib.contextmanager
def asking_driver(root: Path = _ROOT) -> Iterator[Callable[[], list[Gpu]]]:
    """Ask the driver for its GPUs while the block runs, which may take seconds; no process is started without a GPU.

    Args:
        root: the folder that holds `dev` and `proc`.

    Yields:
        What waits for the answer and returns it: the GPUs in the order of their buses.
    """
    program = _has_device(root) and shutil.which("nvidia-smi", path=os.environ.get("PATH", "") + f":{_WINDOWS_FOLDER}")
    if not program:
        yield lambda: _named_by_driver(root)
        return
    command = [program, "--query-gpu=name,compute_cap,uuid", "--format=csv,noheader"]
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
    except OSError:
        yield lambda: _named_by_driver(root)
        return

    def answer() -> list[Gpu]:
        with contextlib.suppress(subprocess.TimeoutExpired):
            told, _ = process.communicate(timeout=_PATIENCE_SECONDS)
            if process.returncode == 0:
                return _read_table(told)
        return _named_by_driver(root)

    with process:
        try:
            yield answer
        finally:
            process.kill()


def visible(gpus: Sequence[Gpu], environment: Mapping[str, str] = os.environ) -> list[Gpu]:
    """Return the GPUs that CUDA_VISIBLE_DEVICES leaves to a program.

    It may name them by numbers. Unless CUDA_DEVICE_ORDER is PCI_BUS_ID, CUDA counts the fastest first, and the driver
    does not say which that is. If it takes some of several unlike GPUs, none is returned, since it is not known which.

    Args:
        gpus: in the order of their buses.
        environment: the variables.
    """
    chosen = environment.get("CUDA_VISIBLE_DEVICES")
    if chosen is None:
        return list(gpus)
    named, by_number = [], False
    for name in map(str.strip, chosen.split(",")):
        if name.isdigit() and int(name) < len(gpus):
            named.append(gpus[int(name)])
            by_number = True
        elif name.startswith("GPU-") and len(found := [gpu for gpu in gpus if gpu.uuid.startswith(name)]) == 1:
            named += found
        else:  # CUDA ends the list at a name that it does not know, for example -1
            break
    alike = len({gpu.capability for gpu in gpus}) == 1 or len(named) == len(gpus)
    known = not by_number or alike or environment.get("CUDA_DEVICE_ORDER") == "PCI_BUS_ID"
    return named if known else []


def refusal(gpus: Iterable[Gpu], version: str, build: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return what is wrong and the remedy if TensorFlow would end a program that uses these GPUs; None: nothing.

    Args:
        gpus: those that a program sees.
        version: TensorFlow's.
        build: what `tensorflow.sysconfig.get_build_info` returns.
    """
    built_for = {number // 10 for number in built_capabilities(build)}
    if not built_for:
        return None
    bad = [gpu for gpu in gpus if gpu.capability and gpu.capability[0] >= max(_FIRST_UNKNOWN, max(built_for) + 1)]
    if not bad:
        return None
    others = ",".join(gpu.uuid for gpu in gpus if gpu not in bad and gpu.uuid)
    remedy = f"set CUDA_VISIBLE_DEVICES={others} to use the others, or" if others else "set"
    return (
        f"GPU: {bad[0]}: TensorFlow {version} does not support it, and would end this program when it compiles",
        f"{remedy} CUDA_VISIBLE_DEVICES=-1 to train on the CPU",
    )


def built_capabilities(build: Mapping[str, Any]) -> list[int]:
    """Return the compute capabilities that TensorFlow was built for, times 10; none of a build without CUDA.

    Args:
        build: what `tensorflow.sysconfig.get_build_info` returns.
    """
    names = build.get("cuda_compute_capabilities", []) if build.get("is_cuda_build") else []
    return sorted(int(found[1]) for name in names if (found := re.search(r"_(\d+)", name)))


def _has_device(root: Path) -> bool:
    # Windows shows its GPUs to Linux as /dev/dxg.
    return any(any(root.glob(name)) for name in ("dev/nvidia[0-9]*", "dev/dxg", "proc/driver/nvidia/gpus/*"))


def _read_table(table: str) -> list[Gpu]:
    rows = [[cell.strip() for cell in row.rsplit(",", 2)] for row in table.splitlines()]
    return [Gpu(name, _capability(name, number), uuid) for name, number, uuid in (row for row in rows if len(row) == 3)]


def _named_by_driver(root: Path) -> list[Gpu]:
    gpus = []
    for file in sorted(root.glob("proc/driver/nvidia/gpus/*/information")):
        with contextlib.suppress(OSError):
            fields = dict(re.findall(r"^(Model|GPU UUID):\s*(.+?)\s*$", file.read_text(errors="replace"), re.MULTILINE))
            name = fields.get("Model", "NVIDIA GPU")
            gpus.append(Gpu(name, _capability(name, ""), fields.get("GPU UUID", "")))
    return gpus


def _capability(name: str, told: str) -> tuple[int, int] | None:
    if found := re.fullmatch(r"(\d+)\.(\d+)", told):
        return int(found[1]), int(found[2])
    return (12, 0) if _OF_CAPABILITY_12.search(name) else None
