"""A tier in another process, where its class is imported anew."""

import functools
import multiprocessing
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_samplernn.model.tier import Tier
from keras_samplernn.testing.case import Case, as_array, assign, it_can_be_built
from keras_samplernn.testing.comparing import agree


def another_process_gives_the_same_numbers(tier_class: type[Tier], config: dict[str, Any], cases: list[Case]) -> None:
    """Weights saved here and loaded elsewhere, by their position, give the same outputs."""
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(1, mp_context=_processes()) as process:
        files = {case.place: Path(folder, f"{number}.npz") for number, case in enumerate(cases)}
        for case in cases:
            np.savez(files[case.place], *map(as_array, case.tier.weights))
        reproduced = process.submit(_reproduce, tier_class, config, files).result()
    for case, seen in zip(cases, reproduced, strict=True):
        agree(seen, case.whole, note=f" as {case.place}; let nothing depend on the process, such as hash()")


@functools.cache
def _processes() -> multiprocessing.context.BaseContext:
    """Return what starts processes that import the class anew.

    On Linux they are forks of a process that has imported TensorFlow, which takes seconds, and has computed nothing:
    TensorFlow's threads do not survive a fork.
    """
    if sys.platform != "linux" or keras.backend.backend() != "tensorflow":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def _reproduce(tier_class: type[Tier], config: dict[str, Any], files: dict[str, Path]) -> list[tuple]:
    cases = [case for case in it_can_be_built(tier_class, config) if case.place in files]
    for case in cases:
        with np.load(files[case.place]) as arrays:
            assign(case.tier, list(arrays.values()))
    return [case.whole for case in cases]
