"""The corpus of the `demo` command: four synthesised voices, the conditions that name them, and a spec."""

import contextlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from keras_samplernn.data.wav_writer import WavWriter
from keras_samplernn.errors import UserError
from keras_samplernn.files import make_folder, replace_file, replace_json, staged_folder

SAMPLE_RATE = 8000
TRAIN_FILES, VALID_FILES = 80, 6
FILE_SECONDS, SOUND_SECONDS = 2.5, 2.0
FADE_SECONDS = 0.01
AIR = 0.006
TEMPERATURE = 0.9


def synthesise_reed(samples: int, rng: np.random.Generator) -> np.ndarray:
    """Return a low steady tone, about 110 Hz, buzzing with overtones up to 3 kHz."""
    phase = _phase(np.full(samples, 110 * rng.uniform(0.98, 1.02)), rng)
    return 0.25 * sum(np.cos(number * phase) / number for number in range(1, 28))


def synthesise_flute(samples: int, rng: np.random.Generator) -> np.ndarray:
    """Return a high tone, about 900 Hz, that trembles six times a second."""
    phase = _phase(np.full(samples, 900 * rng.uniform(0.99, 1.01)), rng)
    tremble = _phase(np.full(samples, 6.0), rng)
    return 0.45 * (0.7 + 0.3 * np.sin(tremble)) * (np.sin(phase) + 0.25 * np.sin(2 * phase))


def synthesise_breath(samples: int, rng: np.random.Generator) -> np.ndarray:
    """Return soft noise without any pitch, strongest about 2 kHz, that swells three times a second."""
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    frequency_hz = np.fft.rfftfreq(samples, 1 / SAMPLE_RATE)
    noise = np.fft.irfft(spectrum * np.exp(-(((frequency_hz - 2000) / 900) ** 2)), samples)
    swell = 0.6 - 0.4 * np.cos(2 * np.pi * 3 * np.arange(samples) / SAMPLE_RATE)
    return 0.25 * swell * noise


def synthesise_siren(samples: int, rng: np.random.Generator) -> np.ndarray:
    """Return a tone that glides up and down between 300 and 500 Hz, five times a second."""
    turn = 2 * np.pi * (5 * np.arange(samples) / SAMPLE_RATE + rng.random())
    phase = _phase(400 + 100 * np.sin(turn), rng)
    return 0.5 * (np.sin(phase) + 0.3 * np.sin(2 * phase))


VOICES = {
    "reed": synthesise_reed,
    "flute": synthesise_flute,
    "breath": synthesise_breath,
    "siren": synthesise_siren,
}
# Not the preset "small": its noise and averaged weights are for longer trainings. In five epochs they end at more
# bits per sample (3.07 instead of 3.03), and no more of what is generated is heard as asked.
SPEC = {
    "name": "demo",
    "preset": "paper",
    "audio": {"sample_rate": SAMPLE_RATE, "q_type": "mu-law", "q_levels": 256},
    "data": {"train": "train", "valid": "valid"},
    "conditioning": {"classes": list(VOICES), "position": True, "neighbours": True},
    "tier_defaults": {"dim": 96},
    "tiers": [
        {"type": "frame_rnn", "frame_size": 16},
        {"type": "frame_rnn", "frame_size": 4},
        {"type": "sample_mlp", "emb_size": 64, "window": 16},
    ],
    "training": {
        "seq_len": 512,
        "batch_size": 10,
        "epochs": 5,
        "learning_rate": 0.004,
        "schedule": "cosine",
        "decay_steps": 1600,
    },
    "monitoring": {"every_epochs": 2, "sounds": 2, "seconds": 2.0, "temperature": TEMPERATURE},
}


def synthesise_file(seconds: float, rng: np.random.Generator) -> tuple[np.ndarray, list[str]]:
    """Return a sound `(n,)` in [-1, 1] that changes between the voices, and the voice of each of its samples."""
    samples = round(seconds * SAMPLE_RATE)
    waves, conditions, voice = [], [], None
    while len(conditions) < samples:
        voice = rng.choice([name for name in VOICES if name != voice])
        length = min(round(rng.uniform(0.4, 1.0) * SAMPLE_RATE), samples - len(conditions))
        # A little air in every voice: from it a model learns to find back after a sample that was a little off.
        waves.append(_fade(VOICES[voice](length, rng)) + AIR * rng.standard_normal(length))
        conditions += [voice] * length
    return np.clip(np.concatenate(waves), -1, 1), conditions


def _phase(frequency_hz: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the phase of a tone of this frequency, from a random one on, in radians."""
    return 2 * np.pi * (np.cumsum(frequency_hz) / SAMPLE_RATE + rng.random())


def _fade(wave: np.ndarray) -> np.ndarray:
    """Return the wave without a click at either end."""
    ramp = np.arange(len(wave)) / (FADE_SECONDS * SAMPLE_RATE)
    return wave * np.minimum(1, np.minimum(ramp, ramp[::-1]))


def write_demo_corpus(folder: Path) -> None:
    """Write the corpus: the same files every time.

    Pairs of sound and csv in `train` and `valid`; condition files to generate from in `asked`, listed in `index.txt`;
    and `spec.json`.
    """
    rng = np.random.default_rng(1)
    for part, files in {"train": TRAIN_FILES, "valid": VALID_FILES}.items():
        make_folder(folder / part)
        for number in range(files):
            path = folder / part / f"{part}_{number:02d}.wav"
            wave, conditions = synthesise_file(FILE_SECONDS, rng)
            with WavWriter(path, SAMPLE_RATE) as writer:
                writer.write(wave)
            _write_lines(path.with_suffix(".csv"), conditions)
    make_folder(folder / "asked")
    samples = round(SOUND_SECONDS * SAMPLE_RATE)
    asked = {name: [name] * samples for name in VOICES}
    asked["changing"] = [name for name in VOICES for _ in range(samples // 2)]
    for stem, conditions in asked.items():
        _write_lines(folder / "asked" / f"{stem}.csv", conditions)
    _write_lines(folder / "index.txt", [f"asked/{stem}.csv" for stem in asked])
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
    say(f"{folder}: {TRAIN_FILES + VALID_FILES} pairs of sound and conditions: {', '.join(VOICES)}")


def _write_lines(path: Path, lines: list[str]) -> None:
    replace_file(path, "".join(f"{line}\n" for line in lines).encode())


def _is_demo_corpus(folder: Path) -> bool:
    with contextlib.suppress(OSError, ValueError):
        return json.loads((folder / "spec.json").read_bytes()) == SPEC
    return False
