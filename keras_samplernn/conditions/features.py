"""Features: streams of numbers that are computed from a sound, 100 rows a second."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from keras_samplernn.conditions.pitch import fundamental_hz
from keras_samplernn.conditions.points import join_points
from keras_samplernn.conditions.streams import NumberStream, Stream
from keras_samplernn.conditions.track import Track, lay_spans
from keras_samplernn.errors import UserError, nearest

ROWS_A_SECOND = 100
SECONDS = "seconds"
"""The field of a table that holds the time of each row."""
FLOOR_DB = -80.0
"""The loudness of silence."""

_FRAME_SECONDS = 0.05
_ONSET_BANDS, _ONSET_FLOOR = 16, 1e-6
_ONSET_LEAST_BINS = 160  # at low rates a band would have no bin otherwise
# An onset frame rises in the first part and falls in the second, so that what is near to the onset counts most.
_ONSET_SECONDS = 0.004, 0.016
# A row stands for the hundredth of a second around it: its two onset frames meet this long before it.
_ONSET_LEAD_SECONDS = 0.0045
# Frames overlap, so that those of a long sound do not fit in memory at a time.
_BLOCK_ROWS = 1000


class Feature(NamedTuple):
    """A feature of a sound.

    Attributes:
        unit: of its numbers; empty for a number without one.
        step: what a range is rounded to.
        needs_librosa: whether it is computed with librosa.
        compute: called with a wave `(n,)` float32 that is not empty, its rate in Hz and the samples `(rows,)` int64
            that rows lie at; returns `(rows,)` float32, NaN where it is not known.
    """

    unit: str
    step: float
    needs_librosa: bool
    compute: Callable[[np.ndarray, int, np.ndarray], np.ndarray]


def compute_features(wave: np.ndarray, sample_rate: int, names: Sequence[str]) -> np.ndarray:
    """Compute features of a sound.

    Each row describes the sound before its time as much as after it, so that a feature is not late.

    Args:
        wave: `(n,)` float32, full scale from -1 to 1.
        sample_rate: in Hz, 1000 or more.
        names: of features, each once.

    Returns:
        A table `(rows,)` with the fields `seconds` (float64, rising from 0, each the time of a sample) and the names
        (float32, NaN where the feature is not known): a row for each hundredth of a second that begins in the sound.

    Raises:
        UserError: one line; a name is not that of a feature, or librosa is needed and is not installed.
    """
    check_features(names)
    rows = -(-len(wave) * ROWS_A_SECOND // sample_rate)
    positions = np.arange(rows) * sample_rate // ROWS_A_SECOND
    table = np.empty(rows, [(SECONDS, np.float64), *((name, np.float32) for name in names)])
    table[SECONDS] = positions / sample_rate
    for name in names if rows else ():
        table[name] = FEATURES[name].compute(wave, sample_rate, positions)
    return table


def check_features(names: Iterable[str]) -> None:
    """Check that features exist and can be computed; UserError, one line for each name that is none."""
    names = list(names)
    if unknown := [name for name in names if name not in FEATURES]:
        known = ", ".join(FEATURES)
        raise UserError(*(f'streams: "{name}" is not a feature ({known}){nearest(name, FEATURES)}' for name in unknown))
    if needing := [name for name in names if FEATURES[name].needs_librosa]:
        try:
            import librosa  # noqa: F401
        except ImportError:
            raise UserError(
                f"{', '.join(needing)}: computed with librosa, which is not installed;"
                " pip install 'keras-samplernn[features]'"
            ) from None


def feature_track(wave: np.ndarray, sample_rate: int, streams: Sequence[Stream]) -> Track:
    """Return what a recording asks for: the numbers of those streams that are named after features.

    Of other streams a recording says nothing: they are none, or the class of their `gaps`.

    Args:
        wave: `(n,)` float32.
        sample_rate: in Hz.
        streams: of a model.

    Raises:
        UserError: one line; no stream is a feature, or as `compute_features`.
    """
    names = [stream.name for stream in streams if isinstance(stream, NumberStream) and stream.name in FEATURES]
    if not names:
        raise UserError(
            f"the streams {', '.join(stream.name for stream in streams)} are not heard in a recording, only numbers"
            f" with the names {', '.join(FEATURES)} are; give a condition file instead"
        )
    table = compute_features(wave, sample_rate, names)
    starts = np.round(table[SECONDS] * sample_rate).astype(np.int64)
    return Track(
        len(wave),
        {
            stream.name: join_points(stream, starts, table[stream.name], len(wave))
            if stream.name in names
            else lay_spans(stream, [], len(wave))
            for stream in streams
        },
    )


def number_stream(name: str, numbers: np.ndarray) -> dict[str, Any]:
    """Return the stream of a spec for a feature, its range from the 1st to the 99th percentile, rounded outwards.

    Args:
        name: of the feature.
        numbers: `(n,)` of a corpus, all known; at least one.
    """
    feature = FEATURES[name]
    low, high = (float(end) for end in np.percentile(numbers, (1, 99)))
    first = math.floor(low / feature.step)
    last = max(math.ceil(high / feature.step), first + 1)
    # Rounded, since 7 * 0.01 is 0.07000000000000001.
    bounds = {"low": round(first * feature.step, 2), "high": round(last * feature.step, 2)}
    return {"number": bounds | ({"unit": feature.unit} if feature.unit else {})}


def _loudness(wave: np.ndarray, sample_rate: int, positions: np.ndarray) -> np.ndarray:
    def decibels(frames: np.ndarray, window: np.ndarray) -> np.ndarray:
        return _decibels(np.square(frames) @ (window / window.sum()))

    return _by_frames(wave, sample_rate, positions, decibels)


def _f0(wave: np.ndarray, sample_rate: int, positions: np.ndarray) -> np.ndarray:
    return fundamental_hz(wave, sample_rate, positions / sample_rate)


def _centroid(wave: np.ndarray, sample_rate: int, positions: np.ndarray) -> np.ndarray:
    import librosa

    def hertz(frames: np.ndarray, window: np.ndarray) -> np.ndarray:
        magnitudes = np.abs(np.fft.rfft(frames * window)).T  # (frequencies, rows)
        frequencies = np.fft.rfftfreq(len(window), 1 / sample_rate)
        centroids = librosa.feature.spectral_centroid(S=magnitudes, freq=frequencies)[0]
        silent = _decibels(np.square(frames) @ (window / window.sum())) <= FLOOR_DB
        return np.where(silent, np.nan, centroids)

    # The ends of a mirrored sound have an edge, which has high frequencies: frames are moved inside.
    margin = min(_half_frame(sample_rate), (len(wave) - 1) // 2)
    return _by_frames(wave, sample_rate, np.clip(positions, margin, len(wave) - 1 - margin), hertz)


def _onset(wave: np.ndarray, sample_rate: int, positions: np.ndarray) -> np.ndarray:
    import librosa

    rise, fall = (round(part * sample_rate) for part in _ONSET_SECONDS)
    width = rise + fall
    window = np.concatenate([np.hanning(2 * rise + 1)[:rise], np.hanning(2 * fall + 1)[fall:-1]])
    size = max(2 * width, _ONSET_LEAST_BINS)
    # Divided so that levels do not depend on the rate.
    bands = librosa.filters.mel(sr=sample_rate, n_fft=size, n_mels=_ONSET_BANDS, norm=None) / window.sum() ** 2
    # Silence before the sound, since what begins with it is an onset. Its end is none: frames are moved before it.
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(wave, (2 * width, 0)), width)
    starts = np.minimum(positions + 2 * width - round(_ONSET_LEAD_SECONDS * sample_rate), len(frames) - 1)

    def decibels(starts: np.ndarray, window: np.ndarray) -> np.ndarray:
        powers = np.square(np.abs(np.fft.rfft(frames[starts] * window, size)))
        return 10 * np.log10(np.maximum(powers @ bands.T, _ONSET_FLOOR))  # (rows, bands)

    def strengths(starts: np.ndarray) -> np.ndarray:
        rises = np.maximum(decibels(starts, window) - decibels(starts - width, window[::-1]), 0)
        return 1 - 10 ** (-rises.mean(axis=1) / 20)

    return np.concatenate([strengths(block) for block in _blocks(starts)]).astype(np.float32)


def _by_frames(
    wave: np.ndarray,
    sample_rate: int,
    positions: np.ndarray,
    compute: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> np.ndarray:
    """Return what `compute` gives for frames `(rows, width)` around samples, and a Hann window `(width,)`."""
    half = _half_frame(sample_rate)
    # Without the zeros at its ends, and of an odd width: the sample of the row is in the middle.
    window = np.hanning(2 * half + 3)[1:-1].astype(np.float32)
    # Mirrored at its ends, where zeros would be a fade.
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(wave, half, "symmetric"), len(window))
    return np.concatenate([compute(frames[block], window) for block in _blocks(positions)]).astype(np.float32)


def _half_frame(sample_rate: int) -> int:
    return round(_FRAME_SECONDS * sample_rate / 2)


def _blocks(rows: np.ndarray) -> list[np.ndarray]:
    return np.split(rows, range(_BLOCK_ROWS, len(rows), _BLOCK_ROWS))


def _decibels(power: np.ndarray) -> np.ndarray:
    return 10 * np.log10(np.maximum(power.astype(np.float64), 10 ** (FLOOR_DB / 10)))


FEATURES = {
    "loudness": Feature("dB", 1, False, _loudness),
    "f0": Feature("Hz", 1, False, _f0),
    "centroid": Feature("Hz", 10, True, _centroid),
    "onset": Feature("", 0.01, True, _onset),
}
