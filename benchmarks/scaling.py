"""Measure what workers send each other in a training step, and how much of the step that is.

    python benchmarks/scaling.py --workers 2

Workers on this machine, each a process, train a model on random codes, a batch shared out among them. In turn, each
takes a step, does the step's reductions alone, and takes a step of its own lanes without them. On one machine the
workers share its processors, so the speed of all together says nothing of several machines; bytes do.
`docs/scaling.md` has a model of the cost that begins with these figures.
"""

import argparse
import json
import math
import os
import socket
import subprocess
import sys
from typing import Any

import numpy as np
from measuring import interleave, machine, ratios, seconds

REPEATS, FLOAT_BYTES = 7, 4


def spec_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the spec of a three-tier model."""
    return {
        "name": "scaling",
        "preset": "paper",
        "audio": {"sample_rate": 16000},
        "data": {"train": "none"},
        "tier_defaults": {"dim": arguments.dim},
        "tiers": [
            {"type": "frame_rnn", "frame_size": 16},
            {"type": "frame_rnn", "frame_size": 4},
            {"type": "sample_mlp", "emb_size": 256, "window": None},
        ],
        "training": {"batch_size": arguments.batch_size, "seq_len": arguments.seq_len},
    }


def work(arguments: argparse.Namespace) -> None:
    """Measure as one worker; the chief prints the figures."""
    from keras_samplernn.api import start_replicas

    replicas = start_replicas("multiworker")
    import tensorflow as tf

    from keras_samplernn.distribution.replicas import Replicas
    from keras_samplernn.model.assembly import assemble
    from keras_samplernn.model.registry import load_types
    from keras_samplernn.spec import parse_spec
    from keras_samplernn.training.trainer import Trainer

    spec = parse_spec(json.dumps(spec_of(arguments)), "spec", load_types(), ".")
    lanes = arguments.batch_size // replicas.count
    alone = spec.model_copy(update={"training": spec.training.model_copy(update={"batch_size": lanes})})
    shared, own = Trainer(spec, assemble(spec), None, replicas), Trainer(alone, assemble(spec), None, Replicas())
    window = arguments.seq_len + shared.model.lookback
    batch = {
        "codes": tf.constant(np.random.default_rng(0).integers(0, 256, (lanes, window)), tf.int32),
        "reset": tf.zeros(lanes, tf.int32),
        "valid": tf.fill([lanes], arguments.seq_len),
    }
    shapes = [tuple(variable.shape) for variable in shared.model.trainable_variables]

    def reduce() -> Any:
        tensors = [tf.zeros(shape) for shape in [*shapes, ()]]
        return replicas.total(tf.constant(arguments.seq_len)), replicas.total(tensors)

    reduced = tf.function(lambda: replicas.strategy.run(reduce), autograph=False)
    runs = {
        "step": lambda: seconds(lambda: shared.step(batch).read()),
        "reductions": lambda: seconds(lambda: tf.nest.map_structure(np.asarray, reduced())),
        "without": lambda: seconds(lambda: own.step(batch).read()),
    }
    for run in runs.values():
        run()
    taken = interleave(runs, REPEATS)
    if replicas.is_chief:
        numbers = sum(map(math.prod, shapes)) + 1
        figures = {
            "workers": replicas.count,
            "parameters": numbers - 1,
            "bytes_reduced_a_step": FLOAT_BYTES * numbers + 4,
            "seconds": {name: sorted(values) for name, values in taken.items()},
            "share_of_the_step_that_is_reduction": sorted(ratios(taken["reductions"], taken["step"])),
            "step_over_own_step": sorted(ratios(taken["step"], taken["without"])),
            "machine": machine(),
        }
        print(json.dumps(figures, indent=2))


def main() -> None:
    """Start the workers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=2, help="(default: %(default)s)")
    parser.add_argument("--dim", type=int, default=256, help="width of the tiers (default: %(default)s)")
    parser.add_argument("--batch-size", type=int, default=8, help="of all workers (default: %(default)s)")
    parser.add_argument("--seq-len", type=int, default=1024, help="(default: %(default)s)")
    arguments = parser.parse_args()
    if "TF_CONFIG" in os.environ:
        work(arguments)
        return
    with socket.socket() as taken:
        taken.bind(("localhost", 0))
        port = taken.getsockname()[1]
    addresses = [f"localhost:{port + number}" for number in range(arguments.workers)]
    tasks = [
        {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": worker}}
        for worker in range(arguments.workers)
    ]
    processes = [
        subprocess.Popen([sys.executable, *sys.argv], env=os.environ | {"TF_CONFIG": json.dumps(task)})
        for task in tasks
    ]
    sys.exit(max(process.wait() for process in processes))


if __name__ == "__main__":
    main()
