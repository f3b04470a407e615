"""A large corpus from its files to the first training step: the rate of `prepare`, memory, and how long one waits.

Pairs of a wav and a csv with a row a sample, of 10 seconds at 16 kHz, are synthesised: 10 hours of them, or as many as
$CORPORA_HOURS says, in a temporary folder (see $TMPDIR). An hour takes 115 MB of sounds, 115 MB of conditions and 58 MB
of cache.

- `prepare`, on all cores, from its start to its end; all files are read, decoded, quantized and forced to the disk.
- `prepare` again, which finds all of it: what is left is looking at the files.
- `fit`, from its start until the figures of the first step stand in the log. Frames of 16 and 4, width 256, batches of
  32 x 1,024 samples.
- Memory: the most that the command and its processes have at one time, sampled: their private memory (RssAnon), and all
  that is resident (VmRSS), which counts libraries once a process, and pages of mapped arrays, which the system takes
  back where it needs them.
- The largest file in the cache.

It is done once, whatever the number of repeats.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
from measuring import Figure, main, tell
from synthetic import SAMPLE_RATE, SPEC, synthesise

PROGRAM = Path(__file__).resolve().parent.parent / "cli.py"
HOURS = float(os.environ.get("CORPORA_HOURS", "10"))
FILE_SECONDS, VALID_FILES = 10, 60
LOGGED = b"bits/training"
POLL_SECONDS = 0.1


def measure(repeats: int) -> Iterator[Figure]:
    """Yield the figures."""
    case = f"{HOURS:g} h of pairs of {FILE_SECONDS} s"
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        os.environ["KERAS_SAMPLERNN_CACHE"] = str(root / "cache")
        spec = root / "spec.json"
        spec.write_text(json.dumps(SPEC))
        tell("writing the sounds")
        write_pairs(root / "train", round(HOURS * 3600 / FILE_SECONDS), range(50))
        write_pairs(root / "valid", VALID_FILES, range(51, 60))
        first = Watched("prepare", spec)
        first.wait()
        yield Figure(case, "hours of sound prepared an hour", "", [HOURS * 3600 / first.seconds])
        yield Figure(case, "prepare", "s", [first.seconds])
        yield from _memory(case, "prepare", first)
        again = Watched("prepare", spec)
        again.wait()
        yield Figure(case, "prepare again", "s", [again.seconds], at_most=20)
        fit = Watched("fit", spec, "--run", root / "run", "--max-steps", "1")
        fit.wait_for(lambda: any(LOGGED in file.read_bytes() for file in (root / "run").glob("logs/*")))
        yield Figure(case, "from fit's start to the first step done", "s", [fit.seconds], at_most=20)
        yield from _memory(case, "fit", fit)
        largest = max(file.stat().st_size for file in (root / "cache").rglob("*") if file.is_file())
        yield Figure(case, "largest file in the cache", "GB", [largest / 1e9], at_most=2)


def _memory(case: str, command: str, watched: "Watched") -> Iterator[Figure]:
    for field, words, most in (("RssAnon", "private", 1.0), ("VmRSS", "resident", None)):
        yield Figure(case, f"most memory of {command}, {words}", "GB", [watched.most[field] / 1e6], at_most=most)


class Watched:
    """A command of the program, and the most memory that it and its processes have at one time.

    Attributes:
        seconds: from its start to its end, or to what was waited for.
        most: in kB, by the field of /proc/PID/status.
    """

    def __init__(self, *arguments: object):
        tell(" ".join(map(str, arguments)))
        self.most = {"RssAnon": 0, "VmRSS": 0}
        self._began = time.perf_counter()
        self._process = subprocess.Popen([sys.executable, PROGRAM, *map(str, arguments)], stdout=sys.stderr)
        self._ended = threading.Event()
        self._sampler = threading.Thread(target=self._sample)
        self._sampler.start()

    def wait(self) -> None:
        """Wait for its end."""
        self._process.wait()
        self._end()

    def wait_for(self, condition) -> None:
        """Wait until a condition holds, and kill it."""
        while not condition() and self._process.poll() is None:
            time.sleep(POLL_SECONDS)
        self._end()
        if not condition():
            raise RuntimeError("the command ended without a step")
        self._process.kill()
        self._process.wait()

    def _end(self) -> None:
        self.seconds = time.perf_counter() - self._began
        self._ended.set()
        self._sampler.join()
        if self._process.returncode:
            raise RuntimeError(f"the command ended with status {self._process.returncode}")

    def _sample(self) -> None:
        while not self._ended.wait(POLL_SECONDS):
            found = [_status(pid) for pid in _family(self._process.pid)]
            for field in self.most:
                self.most[field] = max(self.most[field], sum(status.get(field, 0) for status in found))


def _family(pid: int) -> Iterator[int]:
    """Yield the number of a process and those of its children, and so on."""
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = task.read_text().split()
        except OSError:
            continue
        for child in children:
            yield from _family(int(child))


def _status(pid: int) -> dict[str, int]:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}
    return {
        field: int(value.split()[0]) for field, _, value in (line.partition(":") for line in lines) if "kB" in value
    }


def write_pairs(folder: Path, count: int, stretch: range) -> None:
    """Write wav/csv pairs that are all different, older than they are: of new files the cache keeps no hash.

    Args:
        folder: is made.
        count: of pairs.
        stretch: of what is synthesised, in lengths of a file, from which each begins elsewhere.
    """
    folder.mkdir()
    samples = FILE_SECONDS * SAMPLE_RATE
    wave, conditions = synthesise(61 * samples)
    rows = np.stack([conditions + ord("0"), np.full(len(conditions), ord("\n"))], axis=1).astype(np.uint8)
    rng = np.random.default_rng(len(folder.name))
    before = time.time() - 3600
    for number in range(count):
        begin = int(rng.integers(stretch.start * samples, stretch.stop * samples))
        place = folder / f"{number // 1000:03d}"
        place.mkdir(exist_ok=True)
        path = place / f"{number:06d}.wav"
        level = rng.uniform(0.3, 1.0)
        soundfile.write(path, level * wave[begin : begin + samples], SAMPLE_RATE, subtype="PCM_16")
        rows[begin : begin + samples].tofile(path.with_suffix(".csv"))
        for file in (path, path.with_suffix(".csv")):
            os.utime(file, (before, before))


if __name__ == "__main__":
    main(measure, __doc__, repeats=1)
