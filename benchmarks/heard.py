"""Count the generated words in which an independent listener hears the digit that was asked for.

    python benchmarks/heard.py RECORDINGS SOUNDS

RECORDINGS is the folder of the Free Spoken Digit Dataset with `{digit}_{speaker}_{take}.wav`, 8 kHz. The listener is
that of `evaluate --listen`. It learns takes 10-49 of the recordings and never hears a model. It must be right on every
one of takes 0-4; if it is not, nothing is measured. A second listener, with other features and another classifier,
hears the same words, and it is counted how much of them is voiced (`voiced.py`).

SOUNDS holds x.wav beside x.csv, which has a digit for each sample; every stretch of one digit is a word. `--scores`
names the folder of the csv files if it is another one. Needs scikit-learn (`pip install -e .[listen]`).
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile
from second_listener import SecondListener
from voiced import voiced_share

from keras_samplernn.listening.excerpts import Excerpt
from keras_samplernn.listening.listener import Listener

SAMPLE_RATE, DIGITS = 8000, 10
TEST_TAKES, VALIDATION_TAKES = range(5), range(5, 10)


class Trained(NamedTuple):
    """A listener to spoken digits, and how well it hears real ones.

    Attributes:
        listener: hears which digit a wave is.
        second: hears it too, by other features and another classifier.
        right_of_test: share of takes 0-4 that it hears right.
        right_of_validation: share of takes 5-9, which it did not learn either.
        second_right: share of takes 0-9 that the second one hears right.
    """

    listener: Listener
    second: SecondListener
    right_of_test: float
    right_of_validation: float
    second_right: float


def train_listener(recordings: Path) -> Trained:
    """Return a listener that learned takes 10-49 and hears all of takes 0-4 right.

    Raises:
        SystemExit: there are no recordings, or the listener is not right on all of takes 0-4.
    """
    paths = sorted(recordings.glob("*_*_*.wav"))
    if not paths:
        raise SystemExit(f"{recordings}: no recordings; expected files named digit_speaker_take.wav")
    digits, takes = (np.array([int(path.stem.split("_")[part]) for path in paths]) for part in (0, 2))
    words = [Excerpt(read_wave(path), digit) for path, digit in zip(paths, digits, strict=True)]
    test, validation = np.isin(takes, TEST_TAKES), np.isin(takes, VALIDATION_TAKES)
    learned = [word for word, held_out in zip(words, test | validation, strict=True) if not held_out]
    listener = Listener(learned, DIGITS, SAMPLE_RATE)
    right = listener.hear([word.wave for word in words]) == digits
    wrong = [path.name for path in np.array(paths)[test & ~right]]
    if wrong:
        raise SystemExit(
            f"{recordings}: the listener is wrong on {len(wrong)} of {test.sum()} words of takes 0-4, so that its "
            f"judgement of generated words would not count: {', '.join(wrong[:5])}"
        )
    second = SecondListener([word.wave for word in learned], [word.asked for word in learned], SAMPLE_RATE)
    held_out = [word for word, out in zip(words, test | validation, strict=True) if out]
    second_right = second.hear([word.wave for word in held_out]) == [word.asked for word in held_out]
    return Trained(listener, second, 1.0, float(right[validation].mean()), float(second_right.mean()))


def read_wave(path: Path) -> np.ndarray:
    """Return the samples of a mono file at 8 kHz.

    Raises:
        SystemExit: the file has another rate.
    """
    wave, rate = soundfile.read(path)
    if rate != SAMPLE_RATE:
        raise SystemExit(f"{path}: sample rate = {rate}; the listener hears {SAMPLE_RATE} Hz only")
    return wave


def read_words(sounds: Path, scores: Path) -> list[Excerpt]:
    """Return the words of a folder, each with the digit asked for.

    Args:
        sounds: folder of wav files.
        scores: folder with a csv of the same name for each, a digit for each sample.

    Raises:
        SystemExit: there are no sounds, or a csv is missing or of another length.
    """
    words = []
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
        words += [Excerpt(*word) for word in zip(np.split(wave, starts[1:]), digits[starts], strict=True)]
    return words


def confusion(listener: Listener | SecondListener, words: list[Excerpt]) -> np.ndarray:
    """Count words by the digit asked for and the digit that a listener hears, `(10, 10)`."""
    counts = np.zeros((DIGITS, DIGITS), int)
    heard = listener.hear([word.wave for word in words])
    np.add.at(counts, ([word.asked for word in words], heard), 1)
    return counts


def judge(trained: Trained, words: list[Excerpt]) -> dict[str, Any]:
    """Return what is measured of generated words: by both listeners, and how much of them is voiced."""
    counts, by_second = (confusion(each, words) for each in (trained.listener, trained.second))
    return {
        "as_asked": int(counts.trace()),
        "by_second": int(by_second.trace()),
        "words": len(words),
        "voiced": voiced_share([word.wave for word in words], SAMPLE_RATE),
        "confusion": counts.tolist(),
        "confusion_of_second": by_second.tolist(),
    }


def table(counts: Sequence[Sequence[int]]) -> str:
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
    trained = train_listener(arguments.recordings)
    report = {
        "right_of_takes_0_to_4": trained.right_of_test,
        "right_of_takes_5_to_9": trained.right_of_validation,
        "second_right_of_takes_0_to_9": trained.second_right,
    }
    heard = None
    if arguments.sounds:
        heard = judge(trained, read_words(arguments.sounds, arguments.scores or arguments.sounds))
        report |= heard
    if arguments.json:
        print(json.dumps(report))
        return
    print(f"real words heard right: takes 0-4 {trained.right_of_test:.1%}, 5-9 {trained.right_of_validation:.1%}")
    if heard:
        print(f"words heard as asked: {heard['as_asked']} of {heard['words']}\n{table(heard['confusion'])}")
        print(f"by the second listener: {heard['by_second']}\n{table(heard['confusion_of_second'])}")
        print(f"voiced: {heard['voiced']:.2f} of their loud frames")


if __name__ == "__main__":
    main()
