"""This checkout beside an older one: training, generation and preparing in turn, and how soon commands start.

    python benchmarks/beside_older.py OLDER [KIND ...]      OLDER: a checkout of another version, such as a git worktree

Each version works in a process of its own. It trains and generates by the functions of its own benchmarks, on the
cases of training.py and generation.py; it prepares corpora of wav/csv pairs, which are made once, with an empty cache.
In each round both work for some seconds, one after the other; a ratio above 1 says that this checkout is faster.
Compiling is done before. KIND is training, generation, preparing or start; without any, all are measured.
"""

import argparse
import inspect
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import soundfile

HERE = Path(__file__).resolve().parents[1]
KINDS = ("training", "generation", "preparing", "start")
ROUND_SECONDS = 6.0
GENERATION = {
    f"D {dim}, {rows} sound{'s' * (rows > 1)}{f', {classes} classes' * (classes > 0)}": (dim, rows, classes)
    for dim in (256, 1024)
    for rows in (1, 16)
    for classes in (0, 10)
}
# Files of a corpus, and seconds of each.
PREPARING = {"2,000 short files": (2000, 0.5), "an hour in one file": (1, 3600.0)}
RATE = 16000
LEAST = 0.97


class Version:
    """A process of one version that measures when told to.

    Args:
        checkout: whose package and benchmarks are used.
        kind: "training", "generation" or "preparing".
        case: the number of the case in training.py, or its name here; the folder of a spec to prepare.
    """

    def __init__(self, checkout: Path, kind: str, case: str):
        # The plugins of a checkout are found through a link; the editable install knows one checkout only.
        link = checkout / "keras_samplernn/plugins"
        if not link.exists():
            link.symlink_to("../plugins")
        path = os.pathsep.join([str(checkout), str(checkout / "benchmarks")])
        self._process = subprocess.Popen(
            # -P: the benchmarks of the checkout are imported, not those in the folder of this file.
            [sys.executable, "-P", __file__, "--serve", kind, case],
            env=os.environ | {"PYTHONPATH": path, "TF_CPP_MIN_LOG_LEVEL": "3"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._process.stdout.readline()

    def measure(self) -> float:
        """Return the seconds of a step, or of a sample of all rows."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def close(self) -> None:
        """End the process."""
        self._process.stdin.close()
        self._process.wait()


def serve(kind: str, case: str) -> None:
    """Measure for each line on stdin."""
    match kind:
        case "training":
            measure = _training(int(case))
        case "generation":
            measure = _generation(*GENERATION[case])
        case _:
            measure = _preparing(Path(case))
    measure()
    print("ready", flush=True)
    for _ in sys.stdin:
        print(measure(), flush=True)


def _training(case: int) -> Callable[[], float]:
    from training import CASES, start_ours

    fit = start_ours(CASES[case], {})
    old = "callbacks" in inspect.signature(fit).parameters  # version 0.1.0 trained by Keras' `fit`

    def train(steps: int) -> list[float]:
        ends: list[float] = []
        if old:
            import keras

            ended = lambda _, logs: ends.append((float(logs["loss"]), time.perf_counter())[1])  # noqa: E731
            fit(steps, [keras.callbacks.LambdaCallback(on_train_batch_end=ended)])
        else:
            fit(steps, lambda bits: ends.append(time.perf_counter()))
        return ends

    ends = train(3)
    steps = max(2, round(ROUND_SECONDS / (ends[-1] - ends[-2])))

    def measure() -> float:
        ends = train(steps + 1)  # the first one is not timed
        return (ends[-1] - ends[0]) / steps

    return measure


def _generation(dim: int, rows: int, classes: int) -> Callable[[], float]:
    from generation import build_model, loop_runner

    run = loop_runner(build_model(dim, classes=classes), rows)

    def measure() -> float:
        found, began = [run()], time.perf_counter()
        while time.perf_counter() - began < ROUND_SECONDS:
            found.append(run())
        return statistics.median(found)

    return measure


def _preparing(folder: Path) -> Callable[[], float]:
    from keras_samplernn.model import registry
    from keras_samplernn.spec import load_spec
    from keras_samplernn.training.corpora import prepare_corpora

    load_types = getattr(registry, "load_types", None) or registry.load_tiers  # versions before heads had the second
    spec = load_spec(folder / "spec.json", load_types())

    def measure() -> float:
        with tempfile.TemporaryDirectory() as cache:
            os.environ["KERAS_SAMPLERNN_CACHE"] = cache
            began = time.perf_counter()
            prepare_corpora(spec, lambda line: None)
            return time.perf_counter() - began

    return measure


def write_corpus(folder: Path, files: int, seconds: float) -> None:
    """Write a spec, and pairs of noise and of three classes in turn."""
    (folder / "train").mkdir()
    samples = round(seconds * RATE)
    conditions = "".join(f"{number // 4000 % 3}\n" for number in range(samples))
    rng = np.random.default_rng(0)
    for number in range(files):
        path = folder / f"train/{number:04}.wav"
        soundfile.write(path, rng.uniform(-0.5, 0.5, samples).astype(np.float32), RATE, "PCM_16")
        path.with_suffix(".csv").write_text(conditions)
    document = {
        "name": "preparing",
        "audio": {"sample_rate": RATE},
        "data": {"train": "train", "valid": None},
        "conditioning": {"classes": 3},
        "tier_defaults": {"dim": 256},
        "tiers": [*({"type": "frame_rnn", "frame_size": size} for size in (16, 4)), {"type": "sample_mlp"}],
        "training": {"batch_size": 32, "seq_len": 1024},
    }
    (folder / "spec.json").write_text(json.dumps(document))


def beside(older: Path, kind: str, case: str, rounds: int) -> list[float]:
    """Return, for each round, how many times as fast this checkout is."""
    versions = [Version(checkout, kind, case) for checkout in (older, HERE)]
    ratios = []
    for number in range(rounds):
        # Whoever comes second may find a warmer or a busier machine.
        turns = {}
        for version in versions if number % 2 == 0 else versions[::-1]:
            turns[version] = version.measure()
        ratios.append(turns[versions[0]] / turns[versions[1]])
    for version in versions:
        version.close()
    return ratios


def starts(older: Path, rounds: int) -> Iterator[tuple[str, list[float]]]:
    """Yield how many times as fast commands of this checkout start, and get to the end of their first step."""
    for name, arguments in {"--help": ["--help"], "fit --help": ["fit", "--help"]}.items():
        ratios = []
        for _ in range(rounds):
            taken = [min(_seconds_of(checkout, arguments) for _ in range(3)) for checkout in (older, HERE)]
            ratios.append(taken[0] / taken[1])
        yield name, ratios
    with tempfile.TemporaryDirectory() as folder:
        write_corpus(Path(folder), 60, 10.0)
        ratios = []
        for number in range(rounds + 1):
            taken = []
            for version, checkout in enumerate((older, HERE)):
                run = f"run_{version}_{number}"
                cache = {"KERAS_SAMPLERNN_CACHE": f"{folder}/cache_{version}"}
                arguments = ["fit", f"{folder}/spec.json", "--run", f"{folder}/{run}", "--max-steps", "1"]
                taken.append(_seconds_of(checkout, arguments, cache))
            ratios.append(taken[0] / taken[1])
        yield "fit --max-steps 1", ratios[1:]  # the first one prepares the corpus


def _seconds_of(checkout: Path, arguments: list[str], environment: Mapping[str, str] = os.environ) -> float:
    began = time.perf_counter()
    command = [sys.executable, "-P", checkout / "cli.py", *arguments]
    paths = {"PYTHONPATH": str(checkout)}
    subprocess.run(command, env={**os.environ, **environment, **paths}, capture_output=True, check=True)
    return time.perf_counter() - began


def main(older: Path, kinds: Sequence[str], rounds: int) -> None:
    """Print a line for each case."""
    cases = [("training", str(number)) for number in range(4)] + [("generation", case) for case in GENERATION]
    print(f"load average when it began: {os.getloadavg()[0]:.2f}", flush=True)
    for kind, case in cases:
        if kind in kinds:
            _tell(f"{kind} {case}", beside(older, kind, case, rounds))
    for name, corpus in PREPARING.items() if "preparing" in kinds else ():
        with tempfile.TemporaryDirectory() as folder:
            write_corpus(Path(folder), *corpus)
            _tell(f"preparing {name}", beside(older, "preparing", folder, rounds))
    for name, ratios in starts(older, rounds) if "start" in kinds else ():
        _tell(name, ratios)


def _tell(case: str, ratios: list[float]) -> None:
    median = statistics.median(ratios)
    print(
        json.dumps([case, round(median, 3), [round(min(ratios), 3), round(max(ratios), 3)], median >= LEAST]),
        flush=True,
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(*sys.argv[2:])
    else:
        parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("older", type=Path)
        parser.add_argument("kinds", metavar="KIND", nargs="*", choices=[*KINDS, []], help=", ".join(KINDS))
        parser.add_argument("--rounds", type=int, default=5)
        options = parser.parse_args()
        main(options.older.resolve(), options.kinds or KINDS, options.rounds)
