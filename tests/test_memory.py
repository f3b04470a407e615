"""Memory is counted before it is taken: what heads make, and the rows that takes are scored on."""

import json

import pytest
from command_line import give, write_corpora, write_spec
from untrained import write_run

from keras_samplernn import UserError, load_run
from keras_samplernn.generation.choosing import Choosing
from keras_samplernn.generation.contrast import Contrast
from keras_samplernn.model import memory
from keras_samplernn.model.registry import load_types
from keras_samplernn.plugins.coarse_fine import FINE
from keras_samplernn.spec import parse_spec

HIDDEN, WINDOWS, SEQ_LEN, TOP_FRAME = 8, 2, 16, 4


def spec_of(**sections):
    tiers = [
        {"type": "frame_rnn", "frame_size": TOP_FRAME, "dim": 6},
        {"type": "sample_mlp", "dim": 6, "emb_size": 4, "window": None},
    ]
    sections = {"preset": "paper", "data": {"train": "train"}, "tiers": tiers} | sections
    sections["training"] = {"seq_len": SEQ_LEN, "batch_size": WINDOWS}
    return parse_spec(json.dumps(sections), "spec.json", load_types(), "/")


FINE_SPEC = {"audio": {"q_levels": 65536}, "head": {"type": "coarse_fine", "hidden": HIDDEN}}


@pytest.fixture
def counted(monkeypatch):
    """What is compared with the machine's memory: how many numbers each thing takes, by what is said of it."""
    found = {}
    monkeypatch.setattr(memory, "_check", lambda spec, what, numbers, remedy: found.update({what: numbers}))
    return found


def test_the_logits_of_fine_codes_count_in_training_and_so_do_their_gradients(counted):
    what = f"{WINDOWS} windows of {SEQ_LEN} samples make"
    memory.check_training_memory(spec_of(**FINE_SPEC))
    fine = counted[what]
    # 256 levels and as many outputs of the lowest tier, but nothing that the head makes of them.
    memory.check_training_memory(spec_of())
    samples = WINDOWS * SEQ_LEN
    assert fine - counted[what] == 2 * samples * (HIDDEN + 2 * HIDDEN + FINE)


def test_the_logits_of_fine_codes_count_where_windows_are_scored(counted):
    what, spec = f"3 windows of {SEQ_LEN} samples make", spec_of(**FINE_SPEC)
    memory.check_scoring_memory(spec, memory.outline(spec), 3)
    fine, plain = counted[what], spec_of()
    memory.check_scoring_memory(plain, memory.outline(plain), 3)
    assert fine - counted[what] == 3 * SEQ_LEN * (HIDDEN + 2 * HIDDEN + FINE)


def test_a_run_that_is_too_large_to_score_is_not_told_to_change_its_training(monkeypatch):
    spec = spec_of()
    outline = memory.outline(spec)
    monkeypatch.setattr(memory, "machine_bytes", lambda: 10**10)
    with pytest.raises(UserError, match=r"and this machine or its container has 10\.0 GB; evaluate on a larger one$"):
        memory.check_scoring_memory(spec, outline, 10**8)


@pytest.mark.parametrize(
    ("contrast", "rows"), [(None, 15), (Contrast(0, 0, 3), 60), (Contrast(0, 0, 40), 255)], ids=["one", "3", "most"]
)
def test_takes_are_counted_on_the_rows_that_they_are_scored_on(counted, contrast, rows):
    """Under what is asked for, and under each class, of many classes 16: 17 rows a take."""
    spec = spec_of()
    model = memory.outline(spec)
    choosing = Choosing(5, "posterior", None, contrast, None)
    choosing.check_memory(spec, model, 3, "")
    (numbers,) = [value for what, value in counted.items() if what.endswith("in blocks of 256 samples, make")]
    read = 2 * (256 // TOP_FRAME * TOP_FRAME + 256 * TOP_FRAME)
    handed_down = 256 * 6 + 256 * 256
    assert numbers == rows * (read + handed_down + 2 * 6)
    assert choosing.scored_rows(3) == rows


def test_takes_that_memory_does_not_hold_are_refused_with_what_to_lower(tmp_path, monkeypatch):
    write_corpora(tmp_path)
    write_spec(tmp_path)
    write_run(tmp_path / "run", tmp_path / "spec.json")
    run = load_run(tmp_path / "run")
    contrast = Contrast(0, 0, 3)
    needed, told = [], "{} rows of takes, each scored in blocks of 256 samples, make"
    with monkeypatch.context() as patched:
        patched.setattr(memory, "_check", lambda spec, what, numbers, remedy: needed.append(4 * numbers))
        Choosing(2, "posterior", None, contrast, None).check_memory(run.spec, run.model, 1, "")
    monkeypatch.setattr(memory, "machine_bytes", lambda: max(needed))
    Choosing(2, "posterior", None, contrast, None).check_memory(run.spec, run.model, 1, "")
    answer = give("generate run --conditions valid/a.csv --candidates 3 --by posterior --out out", tmp_path)
    assert (answer.status, answer.out) == (1, "")
    assert answer.err.startswith(f"tiny: {told.format(12)} ")
    assert answer.err.endswith("; lower --batch-size or --candidates\n")
    with pytest.raises(UserError, match=rf"^tiny: {told.format(24)} .*; lower batch_size or candidates$"):
        run.generate(tmp_path / "valid/a.csv", candidates=3, by="posterior", batch_size=2)
