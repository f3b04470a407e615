"""Count the generated words in which an independent listener hears the digit that was asked for.

    python benchmarks/heard.py RECORDINGS SOUNDS

RECORDINGS is the folder of the Free Spoken Digit Dataset with `{digit}_{speaker}_{take}.wav`, 8 kHz. The listener is a
support vector machine on log-mel spectrograms of a fixed length. It learns takes 10-49 of the recordings and never
hears a model. It must be right on every one of takes 0-4; if it is not, nothing is measured.

SOUNDS holds x.wav beside x.csv, which has a digit for each sample; every stretch of one digit is a word. `--scores`
names the folder of the csv files if it is another one. Needs scikit-learn (`pip install -e .[benchmarks]`).
"""

import argparse
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

SAMPLE_RATE, DIGITS = 8000, 10
TEST_TAKES, VALIDATION_TAKES = range(5), range(5, 10)
WINDOW, HOP = 256, 80  # 32 ms every 10 ms
MEL_BANDS, LOWEST_HZ, HIGHEST_HZ = 32, 80.0, 3800.0
FRAMES = 24
# Tried on the real words of takes 0-9: 13 to 25 dB and a floor of 40 to 80 dB miss up to six of takes 0-4, these none.
QUIET_DB = 15.0  # frames this far below a word's loudest one are cut off before and behind the word
FLOOR_DB = 50.0  # what is this far below a word's loudest band is silence


class Listener(NamedTuple):
    """A classifier of spoken digits, and how well it hears real ones.

    Attributes:
        classifier: of features.
        right_of_test: share of takes 0-4 that it hears right.
        right_of_validation: share of takes 5-9, which it did not learn either.
    """

    classifier: Pipeline
    right_of_test: float
    right_of_validation: float

    def hear(self, waves: list[np.ndarray]) -> np.ndarray:
        """Return the digit that is heard in each wave `(samples,)`."""
        return self.classifier.predict(np.stack([features(wave) for wave in waves]))


def train_listener(recordings: Path) -> Listener:
    """Return a listener that learned takes 10-49 and hears all of takes 0-4 right.

    Raises:
        SystemExit: there are no recordings, or the listener is not right on all of takes 0-4.
    """
    paths = sorted(recordings.glob("*_*_*.wav"))
    if not paths:
        raise SystemExit(f"{recordings}: no recordings; expected files named digit_speaker_take.wav")
    digits, takes = (np.array([int(path.stem.split("_")[part]) for path in paths]) for part in (0, 2))
    heard = np.stack([features(read_wave(path)) for path in paths])
    test, validation = np.isin(takes, TEST_TAKES), np.isin(takes, VALIDATION_TAKES)
    learned = ~(test | validation)
    classifier = make_pipeline(StandardScaler(), SVC(kernel="rbf", C=10.0, gamma="scale"))
    classifier.fit(heard[learned], digits[learned])
    wrong = [path.name for path in np.array(paths)[test][classifier.predict(heard[test]) != digits[test]]]
    if wrong:
        raise SystemExit(
            f"{recordings}: the listener is wrong on {len(wrong)} of {test.sum()} words of takes 0-4, so that its "
            f"judgement of generated words would not count: {', '.join(wrong[:5])}"
        )
    return Listener(classifier, 1.0, float(classifier.score(heard[validation], digits[validation])))


def features(wave: np.ndarray) -> np.ndarray:
    """Return the log-mel frames of a word, without the silence around it, resampled to a fixed number of frames.

    Args:
        wave: `(samples,)` at 8 kHz, of any level.

    Returns:
        `(FRAMES * MEL_BANDS,)`, in dB from the mean of the word, so that its level does not matter.
    """
    padded = np.pad(wave, (0, max(0, WINDOW - len(wave))))
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP] * np.hanning(WINDOW)  # (N, WINDOW)
    power = np.abs(np.fft.rfft(windows, axis=1)) ** 2 @ MEL.T  # (N, MEL_BANDS)
    level = 10 * np.log10(power.sum(axis=1) + 1e-12)
    loud = np.flatnonzero(level > level.max() - QUIET_DB)
    power = power[loud[0] : loud[-1] + 1]
    bands = np.maximum(10 * np.log10(power / (power.max() + 1e-12) + 1e-12), -FLOOR_DB)
    bands -= bands.mean()
    places = np.linspace(0, len(bands) - 1, FRAMES)
    return np.stack([np.interp(places, np.arange(len(bands)), band) for band in bands.T], axis=1).ravel()


def _mel_filters() -> np.ndarray:
    """Return triangles over the frequencies of a transform of `WINDOW` samples, `(MEL_BANDS, WINDOW // 2 + 1)`."""
    low, high = (1127 * np.log1p(hertz / 700) for hertz in (LOWEST_HZ, HIGHEST_HZ))
    corners = 700 * np.expm1(np.linspace(low, high, MEL_BANDS + 2) / 1127)
    frequencies = np.fft.rfftfreq(WINDOW, 1 / SAMPLE_RATE)
    return np.stack(
        [np.interp(frequencies, corners[band : band + 3], [0, 1, 0], left=0, right=0) for band in range(MEL_BANDS)]
    )


MEL = _mel_filters()


def read_wave(path: Path) -> np.ndarray:
    """Return the samples of a mono file at 8 kHz.

    Raises:
        SystemExit: the file has another rate.
    """
    wave, rate = soundfile.read(path)
    if rate != SAMPLE_RATE:
        raise SystemExit(f"{path}: sample rate = {rate}; the listener hears {SAMPLE_RATE} Hz only")
    return wave


def confusion(listener: Listener, sounds: Path, scores: Path) -> np.ndarray:
    """Count the words of a folder by the digit asked for and the digit heard, `(10, 10)`.

    Args:
        listener: who hears them.
        sounds: folder of wav files.
        scores: folder with a csv of the same name for each, a digit for each sample.

    Raises:
        SystemExit: there are no sounds, or a csv is missing or of another length.
    """
    counts = np.zeros((DIGITS, DIGITS), int)
    paths = sorted(sounds.glob("*.wav"))
    if not paths:
        raise SystemExit(f"{sounds}: no wav files")
    for path in paths:
        wave = read_wave(path)
        score = scores / f"{path.stem}.csv"
        if not score.is_file():
            raise SystemExit(f"{score}: missing; it says which digits were asked for in {path}")
        digits = np.loadtxt(score, dtype=int, ndmin=1)
        if len(digits) != len(wave):
            raise SystemExit(f"{score}: {len(digits)} lines; {path} has {len(wave)} samples")
        starts = np.append(0, np.flatnonzero(np.diff(digits)) + 1)
        np.add.at(counts, (digits[starts], listener.hear(np.split(wave, starts[1:]))), 1)
    return counts


def table(counts: np.ndarray) -> str:
    """Return the confusion matrix as text: a row for each digit asked for, a column for each digit heard."""
    rows = ["asked \\ heard" + "".join(f"{digit:5d}" for digit in range(DIGITS))]
    rows += [f"{digit:13d}" + "".join(f"{count:5d}" for count in row) for digit, row in enumerate(counts)]
    return "\n".join(rows)


def main() -> None:
    """Train the listener and have it hear a folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", type=Path, help="folder of digit_speaker_take.wav, real speech")
    parser.add_argument("sounds", type=Path, nargs="?", help="folder of generated words; without it, real ones only")
    parser.add_argument("--scores", type=Path, help="folder of the csv files (default: SOUNDS)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    listener = train_listener(arguments.recordings)
    report = {"right_of_takes_0_to_4": listener.right_of_test, "right_of_takes_5_to_9": listener.right_of_validation}
    if arguments.sounds:
        counts = confusion(listener, arguments.sounds, arguments.scores or arguments.sounds)
        report |= {"heard_as_asked": int(counts.trace()), "words": int(counts.sum()), "confusion": counts.tolist()}
    if arguments.json:
        print(json.dumps(report))
        return
    print(f"real words heard right: takes 0-4 {listener.right_of_test:.1%}, 5-9 {listener.right_of_validation:.1%}")
    if arguments.sounds:
        print(f"words heard as asked: {counts.trace()} of {counts.sum()}\n{table(counts)}")


if __name__ == "__main__":
    main()
