"""What the period of a voice is worth: by how much it narrows the prediction of the next sample of real speech.

    python benchmarks/period.py RECORDINGS

RECORDINGS is the folder of the Free Spoken Digit Dataset; takes 0 and 1 are read. In each voiced frame of 30 ms (YIN),
least squares predicts each sample, in codes of mu-law, from the 16 before it; then from nine samples around one period
before it as well; and, since more predictors always fit better, from nine others instead. Half the logarithm of the
ratio of the squared errors is what the period saves, in bits.
"""

import argparse
from pathlib import Path

import numpy as np
from heard import SAMPLE_RATE, read_wave

from keras_samplernn.conditions.pitch import fundamental_hz
from keras_samplernn.data.quantization import Quantizer

NEAR, AROUND, FRAME, HOP_SECONDS, HIGHEST_HZ = 16, 4, 240, 0.01, 400
QUANTIZER = Quantizer("mu-law", 256)


def savings(word: np.ndarray) -> list[tuple[float, float]]:
    """Return for each voiced frame the bits saved by a period before and by other samples, `(frames, 2)`."""
    codes = QUANTIZER.encode(word) - float(QUANTIZER.silence)
    begins = np.arange(FRAME, len(word) - FRAME, round(HOP_SECONDS * SAMPLE_RATE))
    hertz = fundamental_hz(word.astype(np.float32), SAMPLE_RATE, (begins + FRAME / 2) / SAMPLE_RATE)
    found = []
    for begin, pitch in zip(begins[hertz < HIGHEST_HZ], hertz[hertz < HIGHEST_HZ], strict=True):
        period = round(SAMPLE_RATE / pitch)
        other = round(0.6 * period) + NEAR + 2 * AROUND
        if begin < max(period, other) + AROUND:
            continue
        near = range(1, NEAR + 1)
        alone, with_period, with_others = (
            _error(codes, begin, [*near, *more])
            for more in ([], *(range(lag - AROUND, lag + AROUND + 1) for lag in (period, other)))
        )
        found.append((0.5 * np.log2(alone / with_period), 0.5 * np.log2(alone / with_others)))
    return found


def _error(codes: np.ndarray, begin: int, lags: list[int]) -> float:
    """Return the mean squared error of the best linear prediction of a frame from the samples at some lags."""
    at = np.arange(begin, begin + FRAME)
    before = np.stack([codes[at - lag] for lag in lags], axis=1)
    return float(np.mean((codes[at] - before @ np.linalg.lstsq(before, codes[at], rcond=None)[0]) ** 2))


def main() -> None:
    """Measure all frames and print the means."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", type=Path, help="folder of digit_speaker_take.wav, real speech")
    arguments = parser.parse_args()
    paths = sorted(arguments.recordings.glob("*_*_[01].wav"))
    frames = np.array([frame for path in paths for frame in savings(read_wave(path))])
    period, others = frames.mean(axis=0)
    print(f"{len(frames)} voiced frames: a period saves {period:.3f} bits a sample, other samples {others:.3f}")


if __name__ == "__main__":
    main()
