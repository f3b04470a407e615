"""Train on real speech and generate from held-out conditions: what the whole program reaches on a CPU.

    python benchmarks/real_speech.py FSDD_FOLDER --out real_speech --minutes 15

FSDD_FOLDER is the Free Spoken Digit Dataset (`recordings/{digit}_{speaker}_{take}.wav`, 8 kHz). Its recordings are
joined to files in which the digit, which is the condition, changes from word to word; takes 0-4 are the test set,
5-9 validation, the others training. A three-tier and a four-tier conditional model are fitted for at least
`--minutes` each (whole epochs, every one by a command of its own that resumes the run), scored on the test set with
float32 and with int8 weights, beside the unigram entropy of its codes, and asked for the test set's first files from
their condition files alone.

Writes corpus, runs and sounds below `--out`, and there `report.json`; prints a table.
"""

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import soundfile
from program import command, fit, write_index, write_json

RECORDINGS_A_FILE = 10
SAMPLE_RATE = 8000
TIERS = {
    "three_tier": [16, 4],
    "four_tier": [64, 16, 4],
}
HELD_OUT_SOUNDS = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path, help="folder of the Free Spoken Digit Dataset")
    parser.add_argument("--out", type=Path, default=Path("real_speech"), help="folder for everything that is made")
    parser.add_argument("--minutes", type=float, default=15.0, help="least training time of each model")
    parser.add_argument("--dim", type=int, default=256, help="width of every tier")
    arguments = parser.parse_args()
    corpus = arguments.out / "corpus"
    join_recordings(arguments.data / "recordings", corpus)
    reports = {name: run_model(name, arguments.out, arguments.minutes, arguments.dim) for name in TIERS}
    write_json(arguments.out / "report.json", reports)
    print(json.dumps(reports, indent=2))


def join_recordings(recordings: Path, corpus: Path) -> None:
    """Write train, valid and test folders of wav/csv pairs, one speaker a file, digits in shuffled order.

    If the corpus is there already, it is kept.
    """
    if corpus.is_dir():
        return
    table = pd.DataFrame(
        [(path, *path.stem.split("_")) for path in sorted(recordings.glob("*.wav"))],
        columns=["path", "digit", "speaker", "take"],
    ).astype({"digit": int, "take": int})
    begun = corpus.with_name(f"{corpus.name}.begun")
    parts = pd.cut(table["take"], [-1, 4, 9, 49], labels=["test", "valid", "train"])
    for (part, speaker), group in table.groupby([parts, "speaker"], observed=True):
        folder = begun / str(part)
        folder.mkdir(parents=True, exist_ok=True)
        shuffled = group.sample(frac=1, random_state=0)
        for number, start in enumerate(range(0, len(shuffled), RECORDINGS_A_FILE)):
            words = shuffled.iloc[start : start + RECORDINGS_A_FILE]
            waves = [soundfile.read(path, dtype="int16")[0] for path in words["path"]]
            conditions = np.repeat(words["digit"].to_numpy(), [len(wave) for wave in waves])
            stem = folder / f"{speaker}_{number:03d}"
            soundfile.write(stem.with_suffix(".wav"), np.concatenate(waves), SAMPLE_RATE, subtype="PCM_16")
            np.savetxt(stem.with_suffix(".csv"), conditions, fmt="%d")
    begun.rename(corpus)


def spec_of(name: str, frame_sizes: list[int], dim: int) -> dict[str, Any]:
    """Return the spec of a model under digits.

    Args:
        name: of the run.
        frame_sizes: of the tiers above the samples.
        dim: width of every tier.
    """
    return {
        "name": name,
        "preset": "paper",
        "audio": {"sample_rate": SAMPLE_RATE, "q_type": "mu-law", "q_levels": 256},
        "data": {"train": "corpus/train", "valid": "corpus/valid", "test": "corpus/test"},
        "conditioning": {"classes": 10},
        "tier_defaults": {"dim": dim},
        "tiers": [
            *({"type": "frame_rnn", "frame_size": frame} for frame in frame_sizes),
            {"type": "sample_mlp", "emb_size": 256, "window": 16},
        ],
        "training": {"seq_len": 1024, "batch_size": 32, "epochs": 1000, "learning_rate": 0.001},
        "monitoring": {"every_epochs": 5, "sounds": 2, "seconds": 2.0},
    }


def run_model(name: str, out: Path, minutes: float, dim: int) -> dict[str, Any]:
    """Fit one model, score it, generate with it; return its figures."""
    write_json(out / f"{name}.json", spec_of(name, TIERS[name], dim))
    run = out / "runs" / name
    seconds, epochs = 0.0, 0
    while seconds < 60 * minutes:
        epochs += 1
        seconds += fit(out / f"{name}.json", "--run", run, "--epochs", epochs)
    scores = json.loads(command("evaluate", run, "--json"))
    narrow = json.loads(command("evaluate", run, "--json", "--precision", "int8"))
    held_out = sorted((out / "corpus" / "test").glob("*.csv"))[:HELD_OUT_SOUNDS]
    index = write_index(out / f"{name}_index.csv", held_out)
    began = time.monotonic()
    wavs = command(
        "generate", run, "--conditioning-index", index, "--out", out / "sounds" / name, "--overwrite"
    ).split()
    generating = time.monotonic() - began
    metrics = pd.read_csv(run / "metrics.csv").dropna(subset="training_bits")
    rendered = [soundfile.read(path)[0] for path in wavs]
    return {
        "parameters": parameters(run),
        "minutes_of_fit": round(seconds / 60, 1),
        "training_samples_per_second": float(metrics["samples_per_second"].median()),
        "validation_bits_by_epoch": metrics["validation_bits"].round(4).tolist(),
        "test_bits": scores["bits_per_sample"],
        "test_bits_with_int8_weights": narrow["bits_per_sample"],
        "test_bits_of_class": scores["bits_per_sample_of_class"],
        "test_unigram_entropy_bits": scores["unigram_entropy_bits"],
        "generated_samples_per_second_with_startup": sum(map(len, rendered)) / generating,
        "generated": describe(rendered),
        "real": describe([soundfile.read(path.with_suffix(".wav"))[0] for path in held_out]),
        "load_average": os.getloadavg()[0],
    }


def parameters(run: Path) -> int:
    """Count the weights in a run's newest checkpoint."""
    newest = sorted((run / "checkpoints").iterdir())[-1]
    with np.load(newest / "weights.npz") as arrays:
        return sum(arrays[key].size for key in arrays.files)


def describe(waves: list[np.ndarray]) -> dict[str, float]:
    """Measure what one would listen for: level, silence, where the spectrum's weight lies."""
    wave = np.concatenate(waves)
    frames = wave[: len(wave) // 256 * 256].reshape(-1, 256)
    power = (np.abs(np.fft.rfft(frames * np.hanning(256), axis=1)) ** 2).mean(axis=0)
    frequencies = np.fft.rfftfreq(256, 1 / SAMPLE_RATE)
    return {
        "rms": float(np.sqrt((wave**2).mean())),
        "peak": float(np.abs(wave).max()),
        "share_of_quiet_frames": float((np.sqrt((frames**2).mean(axis=1)) < 0.005).mean()),
        "spectral_centroid_hz": float((power * frequencies).sum() / power.sum()),
    }


if __name__ == "__main__":
    main()
