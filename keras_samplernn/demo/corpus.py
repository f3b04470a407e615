"""The corpus of the `demo` command: sounds of strings, the scores that they were played from, and a spec."""

import contextlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from keras_samplernn.data.wav_writer import WavWriter
from keras_samplernn.demo.score import SCALE, STREAMS, Note, draw_score, play, score_text, steady
from keras_samplernn.errors import UserError
from keras_samplernn.files import make_folder, replace_file, replace_json, staged_folder

SAMPLE_RATE = 8000
TRAIN_FILES, VALID_FILES = 80, 8
FILE_SECONDS = 2.5
TEMPERATURE = 0.7
# Codes are nearly linear, so that a tone is nearly linear in the codes before it, and frame tiers see more than a period
# of the lowest note, 31 samples. Input noise and dropout are there for sounds that go astray.
SPEC = {
    "name": "demo",
    "preset": "paper",
    "audio": {"sample_rate": SAMPLE_RATE, "q_type": "mu-law", "q_levels": 256, "mu": 15},
    "data": {"train": "train", "valid": "valid"},
    "conditioning": {"streams": STREAMS, "condition_dropout": 0.0},
    "tier_defaults": {"dim": 96},
    "tiers": [
        {"type": "frame_rnn", "frame_size": 16, "overlap": 32},
        {"type": "frame_rnn", "frame_size": 4, "overlap": 36},
        {"type": "sample_mlp", "emb_size": 64, "window": 16},
    ],
    "training": {
        "seq_len": 512,
        "batch_size": 10,
        "epochs": 12,
        "learning_rate": 0.004,
        "schedule": "cosine",
        "decay_steps": 3840,
        "input_noise": 2.0,
        "input_dropout": 0.1,
    },
    "monitoring": {"every_epochs": 2, "sounds": 2, "seconds": 2.0, "temperature": TEMPERATURE},
}
ASKED = {
    "struck": [
        steady("struck", 0.6, pitch, velocity) for pitch, velocity in zip(SCALE, (40, 60, 75, 90, 110), strict=True)
    ],
    "bowed": [
        steady("bowed", 0.8, pitch, velocity) for pitch, velocity in (("c4", 50), ("e4", 80), ("a4", 110), ("d4", 70))
    ],
    "glides": [Note("bowed", 0.8, *ends, 90) for ends in (("c4", "a4"), ("a4", "d4"), ("d4", "g4"), ("g4", "c4"))],
    "melody": [
        *(steady("struck", 0.4, pitch, 90) for pitch in ("c4", "e4", "d4")),
        Note("bowed", 0.8, "c4", "g4", 80),
        Note("rest", 0.4),
        steady("bowed", 0.6, "g4", 60),
        *(steady("struck", 0.5, pitch, 110) for pitch in ("a4", "d4")),
        steady("bowed", 0.9, "c4", 70),
    ],
}
"""Scores to generate from, by the names of their files."""


def write_demo_corpus(folder: Path) -> None:
    """Write the corpus: the same files every time.

    Pairs of sound and csv in `train` and `valid`; scores to generate from in `asked`, listed in `index.txt`; and
    `spec.json`.
    """
    rng = np.random.default_rng(1)
    parts = {"train": TRAIN_FILES, "valid": VALID_FILES}
    scores = {
        folder / part / f"{part}_{number:02d}.csv": draw_score(FILE_SECONDS, rng)
        for part, files in parts.items()
        for number in range(files)
    }
    for part in (*parts, "asked"):
        make_folder(folder / part)
    for path, wave in zip(scores, play([*scores.values()], SAMPLE_RATE, rng), strict=True):
        with WavWriter(path.with_suffix(".wav"), SAMPLE_RATE) as writer:
            writer.write(wave)
    for path, notes in {**scores, **{folder / "asked" / f"{stem}.csv": notes for stem, notes in ASKED.items()}}.items():
        replace_file(path, score_text(notes).encode())
    replace_file(folder / "index.txt", "".join(f"asked/{stem}.csv\n" for stem in ASKED).encode())
    replace_json(folder / "spec.json", SPEC)


def make_demo_corpus(folder: Path, say: Callable[[str], None]) -> None:
    """Write the corpus to a folder, whole or not at all, unless it is there already.

    Args:
        folder: of the corpus.
        say: takes messages for people.

    Raises:
        UserError: the folder holds something else, or cannot be written.
    """
    if folder.exists():
        if not _is_demo_corpus(folder):
            raise UserError(f"{folder}: exists and is not a corpus of the demo; give --run another folder")
        say(f"{folder}: exists and is used")
        return
    make_folder(folder.parent)
    with staged_folder(folder) as staged:
        write_demo_corpus(staged)
    say(f"{folder}: {TRAIN_FILES + VALID_FILES} pairs of sound and score: struck and bowed strings")


def _is_demo_corpus(folder: Path) -> bool:
    with contextlib.suppress(OSError, ValueError):
        return json.loads((folder / "spec.json").read_bytes()) == SPEC
    return False
