"""A corpus whose class decides the pitch, and the spec that the shared run is fitted by."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile

SAMPLE_RATE = 8000
PITCH_HZ = {"low": 200.0, "middle": 470.0, "high": 1100.0}
EPOCHS = 3
MONITORED_SOUNDS, MONITORED_SECONDS = 2, 0.5
FRAME_TIERS = (
    {"type": "frame_conv", "frame_size": 16, "kernel_size": 4},
    {"type": "frame_rnn", "frame_size": 4},
)


def toy_spec(corpus, tiers=FRAME_TIERS):
    """Return the shared run's spec; `tiers` stand above the sample tier, the last of them in frames of 4 samples."""
    return {
        "name": "toy",
        "preset": "paper",
        "audio": {"sample_rate": SAMPLE_RATE, "q_type": "mu-law", "q_levels": 128},
        "data": {"train": str(corpus / "train"), "valid": str(corpus / "valid"), "segment_seconds": 2.0},
        "conditioning": {"classes": list(PITCH_HZ)},
        "tier_defaults": {"dim": 64},
        "tiers": [*tiers, {"type": "sample_mlp", "emb_size": 32, "window": 16}],
        "training": {
            "seq_len": 256,
            "batch_size": 16,
            "epochs": EPOCHS,
            "learning_rate": 0.004,
            "schedule": "cosine",
            "decay_steps": 800,
            "seed": 1,  # with the default, the model stays at a wrong pitch in some of a hundred segments
        },
        "monitoring": {"minutes": 0, "every_epochs": EPOCHS, "sounds": MONITORED_SOUNDS, "seconds": MONITORED_SECONDS},
    }


def write_toy_corpus(folder):
    """Write train and valid pairs of two seconds each, whose class changes every half second or so."""
    rng = np.random.default_rng(5)
    for part, files in {"train": 60, "valid": 3}.items():
        (folder / part).mkdir(parents=True)
        for number in range(files):
            wave, conditions = toy_sound(2.0, rng)
            soundfile.write(folder / part / f"{number:02d}.wav", wave, SAMPLE_RATE)
            write_conditions(folder / part / f"{number:02d}.csv", conditions)


def toy_sound(seconds, rng):
    """Return a wave whose pitch is its condition's, and the conditions; the phase runs on where the pitch changes."""
    samples, conditions = round(seconds * SAMPLE_RATE), []
    while len(conditions) < samples:
        name = rng.choice([name for name in PITCH_HZ if not conditions or name != conditions[-1]])
        conditions += [str(name)] * int(rng.integers(2000, 6000))
    conditions = conditions[:samples]
    phase = 2 * np.pi * (np.cumsum([PITCH_HZ[name] for name in conditions]) / SAMPLE_RATE + rng.random())
    tone = 0.5 * np.sin(phase) + 0.2 * np.sin(2 * phase) + 0.1 * np.sin(3 * phase)
    return tone + 0.01 * rng.standard_normal(samples), conditions


def write_conditions(path, conditions):
    path.write_text("".join(f"{condition}\n" for condition in conditions))


def command(*arguments, environment=None, timeout=300):
    """Run the installed `keras-samplernn`; its stdout, or an error that shows its stderr."""
    program = Path(sys.executable).with_name("keras-samplernn")
    done = subprocess.run(
        [program, *map(str, arguments)],
        env=os.environ | (environment or {}),
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    assert done.returncode == 0, f"keras-samplernn {' '.join(map(str, arguments))}: {done.returncode}\n{done.stderr}"
    return done.stdout


def read_metrics(run):
    """Return the rows of a run's metrics.csv as dictionaries of floats."""
    with (run / "metrics.csv").open() as stream:
        return [{key: float(value or "nan") for key, value in row.items()} for row in csv.DictReader(stream)]
