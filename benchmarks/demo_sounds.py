"""How much the demo's generated sounds are like the strings that it learned from.

    python benchmarks/demo_sounds.py RUN [--seeds 1 2 3]

RUN is a run of `keras-samplernn demo`, with its corpus beside it. Sounds are generated under the scores of the
validation sounds, and measured beside these:

- the ratio of harmonics to noise (Boersma 1993, by the autocorrelation of frames of 40 ms): median over all frames,
  and its difference from the real one, for struck notes, for bowed ones and for glides;
- the period that is heard (YIN) against the one asked for: median deviation, and the share of frames within 10 %;
- clicks: frames of 8 ms that are louder, in the median over all frequencies, than 99.9 % of the real frames of their
  kind;
- loudness, as the root mean square over all notes of a kind.
"""

import argparse
import csv
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from keras_samplernn.conditions.pitch import fundamental_hz
from keras_samplernn.demo.corpus import TEMPERATURE
from keras_samplernn.demo.score import SCALE, hertz_of

KINDS = "struck", "bowed", "glide", "rest"
FRAME_SECONDS, HOP_SECONDS = 0.04, 0.01
ATTACK_SECONDS, RELEASE_SECONDS = 0.1, 0.05
CLICK_SECONDS, CLICK_HOP_SECONDS = 0.008, 0.004
FINER = 8


class Span(NamedTuple):
    """A note or a rest of a score: its kind, its times in seconds, and its pitches as MIDI numbers."""

    kind: str
    start: float
    stop: float
    begin: int
    end: int


def read_score(path: Path) -> list[Span]:
    """Return the notes and rests of a score of the demo."""
    spans = []
    for row in csv.DictReader(path.read_text().splitlines()):
        begin, _, end = row["pitch"].partition(">")
        kind = "glide" if end else row["string"]
        pitches = (0, 0) if kind == "rest" else (SCALE[begin], SCALE[end or begin])
        spans.append(Span(kind, float(row["start"]), float(row["stop"]), *pitches))
    return spans


def harmonics_to_noise_db(frames: np.ndarray, sample_rate: int) -> np.ndarray:
    """Return the ratio of harmonics to noise of frames `(rows, width)`, in dB.

    The autocorrelation under a window, divided by that of the window, is the share r of what repeats after a period;
    the ratio is r / (1 - r). Lags are those of the demo's notes, in eighths of a sample.
    """
    width = frames.shape[1]
    window = np.hanning(width + 2)[1:-1]
    shares = _autocorrelation((frames - frames.mean(axis=1, keepdims=True)) * window)
    shares /= np.maximum(_autocorrelation(window[None]), 1e-9)
    lags = np.arange(
        *np.round(FINER * sample_rate / hertz_of(np.array([max(SCALE.values()) + 2, min(SCALE.values()) - 2]))).astype(
            int
        )
    )
    share = np.clip(shares[:, lags].max(axis=1), 1e-6, 1 - 1e-6)
    return 10 * np.log10(share / (1 - share))


def _autocorrelation(frames: np.ndarray) -> np.ndarray:
    """Return the autocorrelation of frames at lags in eighths of a sample, 1 at lag 0."""
    size = 1 << (2 * frames.shape[1] - 1).bit_length()
    power = np.abs(np.fft.rfft(frames, size)) ** 2
    found = np.fft.irfft(power, size * FINER)
    return found / np.maximum(found[:, :1], 1e-20)


def broadband_db(wave: np.ndarray, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the middle of each frame of 8 ms in seconds, and its power in the median over all frequencies."""
    width, hop = round(CLICK_SECONDS * sample_rate), round(CLICK_HOP_SECONDS * sample_rate)
    frames = np.lib.stride_tricks.sliding_window_view(wave, width)[::hop]
    power = np.median(np.abs(np.fft.rfft(frames * np.hanning(width))) ** 2, axis=1)
    return (np.arange(len(frames)) * hop + width / 2) / sample_rate, 10 * np.log10(power + 1e-12)


class Measured:
    """What is measured in sounds, by kind: lists of arrays, one for each span."""

    def __init__(self) -> None:
        self.ratios, self.deviations, self.broadband, self.squares = ({kind: [] for kind in KINDS} for _ in range(4))

    def add(self, wave: np.ndarray, sample_rate: int, spans: list[Span]) -> None:
        """Measure a sound that was played or generated from a score."""
        times, levels = broadband_db(wave, sample_rate)
        width = round(FRAME_SECONDS * sample_rate)
        windows = np.lib.stride_tricks.sliding_window_view(wave, width)
        for kind, start, stop, begin, end in spans:
            if kind == "rest":
                start = min(start + ATTACK_SECONDS, stop)  # what rings on is of the note before
            self.broadband[kind].append(levels[(times >= start) & (times < stop)])
            self.squares[kind].append(wave[round(start * sample_rate) : round(stop * sample_rate)] ** 2)
            first, last = start + ATTACK_SECONDS, stop - RELEASE_SECONDS - FRAME_SECONDS
            if kind == "rest" or last <= first:
                continue
            middles = np.arange(first, last, HOP_SECONDS) + FRAME_SECONDS / 2
            frames = windows[np.round((middles - FRAME_SECONDS / 2) * sample_rate).astype(int)]
            self.ratios[kind].append(harmonics_to_noise_db(frames, sample_rate))
            asked = hertz_of(begin + (end - begin) * (middles - start) / (stop - start))
            heard = fundamental_hz(wave.astype(np.float32), sample_rate, middles)
            self.deviations[kind].append(np.nan_to_num(np.abs(asked / heard - 1), nan=np.inf))

    def row(self, kind: str, every: "Measured", same: "Measured") -> str:
        """Return what was measured of a kind, beside what real sounds have, as a row of a table.

        Args:
            kind: of note.
            every: all real sounds, which say what a click is.
            same: the real sounds of the same scores.
        """
        limit = np.percentile(np.concatenate(every.broadband[kind]), 99.9)
        levels = np.concatenate(self.broadband[kind])
        loudness = 10 * np.log10(np.mean(np.concatenate(self.squares[kind])))
        clicks = f"{np.sum(levels > limit)} of {len(levels)} | {levels.max() - limit:.1f}"
        if kind == "rest":
            return f"{kind} | | | | | {clicks} | {loudness:.1f}"
        ratio, before = (np.median(np.concatenate(each.ratios[kind])) for each in (self, same))
        deviations = np.concatenate(self.deviations[kind])
        periods = f"{100 * np.median(deviations):.2f} % | {100 * np.mean(deviations <= 0.1):.1f} %"
        return f"{kind} | {ratio:.1f} | {ratio - before:+.1f} | {periods} | {clicks} | {loudness:.1f}"


def measure(wavs: Iterable[Path], scores: Path) -> Measured:
    """Return what is measured in sounds with the scores of their stems in a folder."""
    measured = Measured()
    for path in wavs:
        measured.add(*soundfile.read(path), read_score(scores / f"{path.stem}.csv"))
    return measured


def generate(run: Path, scores: Path, out: Path, *options: object) -> list[Path]:
    """Generate a wav for each score of a folder, as a user would; return their paths."""
    files = [word for path in sorted(scores.glob("*.csv")) for word in ("--conditions", path)]
    command = [sys.executable, "-m", "keras_samplernn", "generate", run, *files, "--out", out, *options]
    subprocess.run([*map(str, command)], check=True, stdout=subprocess.DEVNULL)
    return sorted(out.glob("*.wav"))


def main() -> None:
    """Measure the real sounds and those of each seed, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="run of the demo")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="seeds of the generated sounds")
    parser.add_argument("--temperature", type=float, default=TEMPERATURE, help="of the generated sounds")
    arguments = parser.parse_args()
    corpus = arguments.run.with_name(f"{arguments.run.name}-corpus")
    held_out = measure(sorted((corpus / "valid").glob("*.wav")), corpus / "valid")
    every = measure(sorted((corpus / "train").glob("*.wav")), corpus / "train")
    rows = {"validation": held_out}
    for seed in arguments.seeds:
        with tempfile.TemporaryDirectory() as name:
            options = "--seed", seed, "--temperature", arguments.temperature
            wavs = generate(arguments.run, corpus / "valid", Path(name) / "out", *options)
            rows[f"seed {seed}"] = measure(wavs, corpus / "valid")
    print(
        "sounds | kind | harmonics to noise, dB | minus the real one | median deviation of the period | within 10 % |"
        " clicks | highest frame over the limit, dB | loudness, dB"
    )
    for name, measured in rows.items():
        for kind in KINDS:
            print(f"{name} | {measured.row(kind, every, held_out)}")


if __name__ == "__main__":
    main()
