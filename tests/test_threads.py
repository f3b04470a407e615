"""The number of threads that TensorFlow computes with."""

import subprocess
import sys

import pytest
from command_line import give

import keras_samplernn
from keras_samplernn import UserError, quiet

COUNT = """
import os
from keras_samplernn.quiet import start_tensorflow
start_tensorflow({})
import tensorflow as tf
x = tf.ones((2000, 2000))
x @ x  # an operation that all threads share
print(len(os.listdir("/proc/self/task")))
"""


def threads_after(arguments: str) -> int:
    """Return the number of threads of a program of its own that has started TensorFlow in a way, and multiplied."""
    done = subprocess.run([sys.executable, "-c", COUNT.format(arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in /proc")
def test_tensorflow_has_the_threads_that_it_is_given():
    few, many = threads_after("threads=1"), threads_after("threads=21")
    # Two pools, one within operations and one for operations beside each other.
    assert many - few >= 2 * 20 - 2, (few, many)


@pytest.fixture
def asked(monkeypatch):
    """Return what is told to TensorFlow of threads; nothing is changed."""
    from tensorflow.config import threading

    told = {}
    monkeypatch.setattr(threading, "set_intra_op_parallelism_threads", lambda number: told.update(within=number))
    monkeypatch.setattr(threading, "set_inter_op_parallelism_threads", lambda number: told.update(beside=number))
    quiet.start_tensorflow.cache_clear()
    yield told
    quiet.start_tensorflow.cache_clear()


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("fit spec.json --run run --max-steps 2 --threads 3", {"within": 3, "beside": 3}),
        ("generate run --conditioning-index index.txt --list --out three --threads 3", {"within": 3, "beside": 3}),
        # Many small sums, which threads would only slow down.
        (
            "generate run --conditioning-index index.txt --list --out one --threads 3 --precision int8",
            {"within": 1, "beside": 3},
        ),
        ("generate run --conditioning-index index.txt --list --out all", {}),
    ],
)
def test_commands_tell_tensorflow_how_many_threads_it_has(command, expected, home, asked):
    answer = give(command, home)
    assert (answer.status, asked) == (0, expected), answer


def test_programs_tell_it_too(home, asked):
    keras_samplernn.load_run(home / "run", threads=2)
    assert asked == {"within": 2, "beside": 2}


def test_threads_that_run_already_are_not_exchanged(home, monkeypatch):
    from tensorflow.config import threading

    def refuse(_):
        raise RuntimeError("Intra op parallelism cannot be modified after initialization.")

    monkeypatch.setattr(threading, "set_intra_op_parallelism_threads", refuse)
    quiet.start_tensorflow.cache_clear()
    with pytest.raises(UserError, match="threads = 2: TensorFlow runs already, on another number of threads"):
        keras_samplernn.load_run(home / "run", threads=2)
    with pytest.raises(UserError, match="threads = 0: must be a whole number of at least 1"):
        keras_samplernn.load_run(home / "run", threads=0)
