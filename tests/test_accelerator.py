"""The benchmark of accelerators, tiny and on a CPU: it needs JAX and no TensorFlow."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
pytestmark = pytest.mark.law
needs_jax = pytest.mark.skipif(
    importlib.util.find_spec("jax") is None, reason="jax is not installed here; `make test-newest` runs it"
)


def measure(*arguments, refused=("tensorflow",)):
    """Run the benchmark where some packages cannot be imported."""
    program = (
        "import runpy, sys; sys.modules.update(dict.fromkeys(sys.argv[1].split(',')));"
        "sys.argv[:2] = []; sys.path[0] = sys.argv[0].rpartition('/')[0];"
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    command = [sys.executable, "-c", program, ",".join(refused), BENCHMARKS / "accelerator.py", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def test_without_jax_it_says_what_to_install():
    told = measure(refused=("tensorflow", "jax"))
    line = "accelerator.py: jax is not installed; install jax, or jax[cuda12] where there is an NVIDIA GPU\n"
    assert (told.returncode, told.stdout, told.stderr) == (1, "", line)


@needs_jax
def test_it_measures_training_and_generation_without_tensorflow(tmp_path):
    sizes = "--dims", "8", "--precisions", "mixed_bfloat16", "--sounds", "2", "--batch-size", "2", "--seq-len", "16"
    told = measure(*sizes, "--seconds", "0.01", "--json", tmp_path / "kept" / "figures.json")
    assert told.returncode == 0, told.stderr
    report = json.loads((tmp_path / "kept" / "figures.json").read_text())
    cases = "training, D 8, mixed_bfloat16, 2 rows of 16", "generation, D 8, mixed_bfloat16, 2 sounds"
    medians = {(figure["case"], figure["name"]): figure["median"] for figure in report["figures"]}
    assert min(medians.values()) > 0
    for case, what in zip(cases, ("a step", "a sample of every sound"), strict=True):
        assert {
            (case, what),
            (case, f"{what}, matrix products alone"),
            (case, "time over that of the products alone"),
        } < medians.keys()
    assert all(f"| {case} | {name} |" in told.stdout for case, name in medians)
    assert "cpu" in report["machine"]["device"] and report["left_out"] == {}


@needs_jax
def test_what_there_is_no_time_for_is_told(tmp_path):
    told = measure("--dims", "8", "--sounds", "1", "--total-seconds", "0", "--json", tmp_path / "figures.json")
    assert told.returncode == 0, told.stderr
    left_out = json.loads((tmp_path / "figures.json").read_text())["left_out"]
    assert next(iter(left_out)) == "training, D 8, float32, 128 rows of 512" and len(left_out) == 4
    assert all(f"- {case}: the 0 seconds were up" in told.stdout for case in left_out)


@needs_jax
def test_the_products_alone_are_those_of_the_program(monkeypatch):
    import jax
    from jax import numpy as jnp

    monkeypatch.syspath_prepend(BENCHMARKS)
    from products import Loop, operations_of, products_of, products_runner

    def program(turns):
        def run(x, wide, back):
            def turn(number, x):
                return number + 1, jax.lax.scan(lambda x, _: (jnp.tanh(x @ wide) @ back, None), x, length=3)[0]

            x = jax.lax.while_loop(lambda carry: carry[0] < turns, lambda carry: turn(*carry), (0, x))[1]
            return jax.jit(jnp.matmul)(wide, back) + jnp.sum(x)

        shapes = (2, 5), (5, 7), (7, 5)
        return products_of(run, *(jnp.ones(shape) for shape in shapes))

    (outer, last) = parts = program(4)
    assert isinstance(outer, Loop) and (outer.turns, outer.parts[0].turns) == (4, 3)
    inside = [(part.left.shape, part.right.shape) for part in outer.parts[0].parts]
    assert inside == [((2, 5), (5, 7)), ((2, 7), (7, 5))] and last.left.shape == (5, 7)
    assert operations_of(parts) == 4 * 3 * 2 * (2 * 2 * 5 * 7) + 2 * 5 * 7 * 5
    results = [np.asarray(products_runner(program(turns))()[0]) for turns in (1, 2, 3)]
    assert all(result.shape == (2, 5) and np.isfinite(result).all() for result in results)
    # Each turn is made of the one before.
    assert len({result.tobytes() for result in results}) == 3
