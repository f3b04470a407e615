"""Training with several streams that are none at times, and the figures of each."""

import csv
import json

import numpy as np
import pytest
from command_line import done, listing, write_spec
from condition_files import write
from score_home import LOUDNESS, PITCH, streams, write_sounds

HIDDEN = streams(pitch=PITCH | {"position": True, "neighbours": True}, timbre={"classes": 2}, loudness=LOUDNESS) | {
    "condition_dropout": 0.5,
    "lookahead_dropout": 0.5,
}


@pytest.fixture(scope="module")
def trained(corpus_cache, tmp_path_factory):
    """A run of two epochs with three streams that are none at times."""
    folder = tmp_path_factory.mktemp("trained")
    for corpus in ("train", "valid"):
        write_sounds(folder / corpus, "a.wav", "b.wav")
        for name, pitch in (("a", "c4>e4"), ("b", "g4")):
            table = f"start,stop,pitch,timbre,loudness\n0.0,0.03,{pitch},1,-40>-3\n0.05,0.1,c4,,-10\n"
            write(folder / corpus / f"{name}.csv", table)
    write_spec(folder, conditioning=HIDDEN)
    done("fit spec.json --run whole", folder)
    return folder


def test_the_bits_of_every_class_of_every_stream_are_told(trained):
    (line,) = done("evaluate whole --json", trained)
    figures = json.loads(line)
    assert list(figures) == [
        *("bits_per_sample", "unigram_entropy_bits", "samples"),
        *("bits_per_sample_of_pitch", "bits_per_sample_of_timbre"),
    ]
    assert figures["samples"] == 800
    bits = {stream: figures[f"bits_per_sample_of_{stream}"] for stream in ("pitch", "timbre")}
    # In a cross-fade, a sample counts to the class that it fades from.
    assert list(bits["pitch"]) == ["c4", "g4"] and list(bits["timbre"]) == ["1"]
    assert done("evaluate whole", trained) == [
        f"{figures['bits_per_sample']:.4f} bits per sample over 800 samples",
        f"{figures['unigram_entropy_bits']:.4f} bits is the unigram entropy of their codes",
        *(f"{value:.4f} bits per sample of {s} {name}" for s in bits for name, value in bits[s].items()),
    ]
    rows = list(csv.DictReader((trained / "whole/metrics.csv").open()))
    columns = [f"validation_bits_{stream}_{name}" for stream in bits for name in bits[stream]]
    assert [column for column in rows[-1] if column.startswith("validation_bits")] == ["validation_bits", *columns]
    best = min(rows, key=lambda row: float(row["validation_bits"]))
    found = [value for stream in bits for value in bits[stream].values()]
    np.testing.assert_allclose([float(best[column]) for column in columns], found, rtol=1e-4)


def test_a_run_with_several_streams_writes_nothing_when_it_scores(trained):
    before = listing(trained)
    done("evaluate whole --data train --json", trained)
    assert listing(trained) == before
