"""A run with the 16-bit head, from its corpus to sound, by the commands."""

import csv
import json

import numpy as np
import pytest
import soundfile
from command_line import RATE, bytes_of, done, give, write_corpora, write_spec

from keras_samplernn import load_run
from keras_samplernn.data.quantization import Quantizer
from keras_samplernn.model.registry import load_types
from keras_samplernn.spec import load_spec
from keras_samplernn.training.corpora import prepare_named

pytestmark = pytest.mark.journey

CHANGES = {"audio": {"q_levels": 65536}, "head": {"type": "coarse_fine", "hidden": 8}}


@pytest.fixture(scope="module")
def fine_home(corpus_cache, tmp_path_factory):
    """A folder with the tiny corpora, and a run of the tiny spec with the head, of two steps."""
    home = tmp_path_factory.mktemp("fine")
    write_corpora(home)
    write_spec(home, **CHANGES)
    done("fit spec.json --run whole --max-steps 2", home)
    (home / "index.txt").write_text("valid/a.csv\nvalid/b.csv\n")
    return home


def test_the_cache_holds_the_codes_exactly(fine_home):
    spec = load_spec(fine_home / "spec.json", load_types())
    corpus = prepare_named(spec, "train", lambda line: None)
    wave, _ = soundfile.read(fine_home / "train" / "a.wav")
    assert corpus.codes.dtype == np.uint16 and spec.audio.mu == 255
    np.testing.assert_array_equal(corpus.codes[: len(wave)], Quantizer.of(spec.audio).encode(wave))
    assert corpus.code_counts.sum() == corpus.samples and len(corpus.code_counts) == 65536


def test_evaluate_prints_the_bits_of_both_parts(fine_home):
    figures = json.loads(give("evaluate whole --json", fine_home).out)
    parts = figures["bits_per_sample_by_part"]
    assert list(parts) == ["coarse", "fine"]
    assert sum(parts.values()) == pytest.approx(figures["bits_per_sample"])
    assert f"{parts['coarse']:.4f} bits per sample are of the coarse codes" in done("evaluate whole", fine_home)
    row = list(csv.DictReader((fine_home / "whole/metrics.csv").open()))[-1]
    for part, bits in parts.items():
        assert float(row[f"validation_{part}_bits"]) == pytest.approx(bits, abs=1e-5)
    score = load_run(fine_home / "whole").score(fine_home / "valid/b.wav")
    of_b = json.loads(give("evaluate whole --json --data valid", fine_home).out)["samples"]
    assert len(score) == 437 < of_b


def test_a_sound_depends_on_its_name_and_the_seed_and_not_on_the_batch(fine_home, tmp_path):
    for rows, out in ((1, "one"), (2, "two")):
        command = f"generate whole --conditioning-index index.txt --seed 3 --batch-size {rows} --out {tmp_path / out}"
        done(command, fine_home)
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "two")
    run = load_run(fine_home / "whole")
    wave = run.generate(fine_home / "valid/a.csv", seed=3)
    np.testing.assert_array_equal(wave, soundfile.read(tmp_path / "one/a.wav", dtype="float32")[0])
    assert (wave != run.generate(fine_home / "valid/a.csv", seed=4)).any()
    assert len(np.unique(wave * 32768)) > 200  # more than a sound of this length could have of 256 levels


def test_int8_and_guidance_take_it(fine_home, tmp_path):
    int8 = "--batch-size 1 --precision int8"
    for options, out in ((int8, "int8"), ("--guidance 2", "guided")):
        done(f"generate whole --conditioning-index index.txt {options} --out {tmp_path / out}", fine_home)
        assert [len(soundfile.read(path)[0]) for path in sorted((tmp_path / out).glob("*.wav"))] == [300, 437]
    assert soundfile.info(tmp_path / "int8/a.wav").samplerate == RATE


def test_weights_of_another_head_are_refused_by_what_differs(fine_home):
    write_spec(fine_home, "wider.json", **CHANGES | {"head": {"type": "coarse_fine", "hidden": 9}})
    answer = give("fit wider.json --run wider --init-from whole", fine_home)
    assert answer.status == 1
    assert answer.err.splitlines()[-1] == (
        "whole: its weights do not fit the spec: head.hidden: 8 -> 9; --init-from takes a run of the same tiers, head,"
        " q_levels and condition streams"
    )


def test_heads_lists_the_built_in_heads_and_where_they_come_from(tmp_path):
    assert {line.split("\t")[0] for line in done("heads", tmp_path)} >= {"coarse_fine", "softmax"}
