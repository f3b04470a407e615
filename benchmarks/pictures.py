"""Draw the spectrograms of generated words beside those of real ones.

    python benchmarks/pictures.py RECORDINGS SOUNDS --scores SCORES --digits 0 2 7 9 --out words.jpg

RECORDINGS, SOUNDS and SCORES are those of `heard.py`. For each digit there are two rows: the generated words of the
first five sounds, and below them the word of each of five speakers (take 0). A word has 0.65 seconds of room, time to
the right and frequency upwards to 4 kHz; what is longer is cut.
"""

import argparse
from pathlib import Path

import numpy as np
import tensorflow as tf
from heard import SAMPLE_RATE, read_wave, read_words

from keras_samplernn.monitoring.spectrogram import spectrogram_image

SECONDS, WINDOW, HOP = 0.65, 256, 32
BORDER = 2


def picture(wave: np.ndarray) -> np.ndarray:
    """Return the spectrogram of a word with a white border, `(height, width, 3)`, always of the same size."""
    samples = round(SECONDS * SAMPLE_RATE)
    room = np.zeros(samples)
    room[: min(len(wave), samples)] = wave[:samples]
    return np.pad(spectrogram_image(room, WINDOW, HOP), ((0, BORDER), (0, BORDER), (0, 0)), constant_values=255)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", type=Path, help="folder of digit_speaker_take.wav, real speech")
    parser.add_argument("sounds", type=Path, help="folder of generated words")
    parser.add_argument("--scores", type=Path, help="folder of the csv files (default: SOUNDS)")
    parser.add_argument("--digits", type=int, nargs="+", default=[0, 2, 7, 9], help="which to draw")
    parser.add_argument("--out", type=Path, default=Path("words.jpg"), help="the picture")
    arguments = parser.parse_args()
    words = read_words(arguments.sounds, arguments.scores or arguments.sounds)
    speakers = sorted({path.stem.split("_")[1] for path in arguments.recordings.glob("*_*_0.wav")})[:5]
    rows = []
    for digit in arguments.digits:
        made = [word.wave for word in words if word.asked == digit][: len(speakers)]
        rows.append(made + [np.zeros(1)] * (len(speakers) - len(made)))
        rows.append([read_wave(arguments.recordings / f"{digit}_{speaker}_0.wav") for speaker in speakers])
    image = np.vstack([np.hstack([picture(wave) for wave in row]) for row in rows])
    arguments.out.write_bytes(tf.io.encode_jpeg(image, quality=70).numpy())


if __name__ == "__main__":
    main()
