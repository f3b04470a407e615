"""The sample rate of a model: as low as the sounds allow, since every sample costs time."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from keras_samplernn.data.audio import to_mono_at_rate
from keras_samplernn.data.decoding import decode_files
from keras_samplernn.errors import UserError
from keras_samplernn.planning.survey import Sound

USUAL_RATES = (8000, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
PREFERRED = 16000
# Shares of the energy: what may be lost for the sake of the preferred rate, and what is none at all.
MOST_LOST, NOTHING_LOST = 0.01, 1e-5
_FRAME = 4096
_MOST_FILES, _MOST_SECONDS = 12, 240.0
_FRAMES_AT_ONCE = 1 << 10


@dataclass(frozen=True)
class Spectrum:
    """The energy of sounds over frequency.

    Attributes:
        hertz: `(n,)`, rising.
        energy: `(n,)`, of these frequencies.
        files: how many sounds were measured.
    """

    hertz: np.ndarray
    energy: np.ndarray
    files: int

    def lost(self, sample_rate: int) -> float:
        """Return the share of the energy above half a sample rate, from 0 to 1; 0 for silence."""
        whole = self.energy.sum()
        return float(self.energy[self.hertz > sample_rate / 2].sum() / whole) if whole else 0.0


def measure_spectrum(sounds: Sequence[Sound]) -> Spectrum:
    """Measure the spectrum of some sounds, spread evenly over the list.

    Raises:
        UserError: one line for each of these that cannot be decoded.
    """
    chosen = _spread(sounds)
    hertz, energy, problems = [], [], []
    for sound, recording in zip(chosen, decode_files([sound.info for sound in chosen]), strict=True):
        if isinstance(recording, UserError):
            problems += recording.lines
            continue
        rate = sound.info.header.sample_rate
        power = power_of(to_mono_at_rate(recording.wave, rate, rate))
        hertz.append(np.arange(len(power)) * rate / _FRAME)
        energy.append(power / rate)  # samples of energy are the shorter the higher the rate
    if problems:
        raise UserError(*problems)
    hertz, energy = np.concatenate(hertz), np.concatenate(energy)
    order = np.argsort(hertz, kind="stable")
    return Spectrum(hertz[order], energy[order], len(chosen))


def power_of(wave: np.ndarray) -> np.ndarray:
    """Return the energy of a mono wave at the multiples of its rate / 4096, `(2049,)`, without its offset."""
    window = np.hanning(_FRAME + 1)[:-1]
    wave = np.pad(wave - wave.mean() if len(wave) else wave, (_FRAME // 2, _FRAME))
    frames = np.lib.stride_tricks.sliding_window_view(wave, _FRAME)[:: _FRAME // 2]
    power = np.zeros(_FRAME // 2 + 1)
    for start in range(0, len(frames), _FRAMES_AT_ONCE):
        power += np.square(np.abs(np.fft.rfft(frames[start : start + _FRAMES_AT_ONCE] * window))).sum(axis=0)
    power[1:-1] *= 2  # the negative frequencies
    return power


def choose_rate(seconds_by_rate: Mapping[int, float], spectrum: Spectrum) -> int:
    """Return the sample rate of a spec, in Hz.

    Not above the rate of most of the sound. At that or below, 16000 if at most a hundredth of the energy is lost there,
    or else the lowest usual rate of which that is true; and below 16000 what loses nothing.

    Args:
        seconds_by_rate: seconds of sound at each rate of the files.
        spectrum: of the sounds.
    """
    usual = max(seconds_by_rate, key=seconds_by_rate.__getitem__)
    own = min(usual, USUAL_RATES[-1])
    for rate in (rate for rate in USUAL_RATES if rate < own):
        if spectrum.lost(rate) <= (NOTHING_LOST if rate < PREFERRED else MOST_LOST):
            return rate
    return own


def describe_rate(rate: int, seconds_by_rate: Mapping[int, float], spectrum: Spectrum) -> str:
    """Return the line that explains a sample rate."""
    rates = ", ".join(f"{each} Hz" for each in seconds_by_rate)
    measured = f"measured in {spectrum.files:,} of them"
    line = f"sample rate: {rate} Hz; the files have {rates}"
    if all(each == rate for each in seconds_by_rate):
        return f"sample rate: {rate} Hz, as the files have"
    lost = spectrum.lost(rate)
    if lost <= NOTHING_LOST:
        return f"{line}, and nothing above {rate // 2} Hz ({measured})"
    decibels = 10 * math.log10(lost)
    line += f"; what lies above {rate // 2} Hz is lost, {lost:.2%} of the energy or {decibels:.1f} dB ({measured})"
    if rate > PREFERRED:
        times = rate / PREFERRED
        line += f"; {PREFERRED} Hz would lose {spectrum.lost(PREFERRED):.0%}, and train {times:.1f} times as fast"
    return line


def _spread(sounds: Sequence[Sound]) -> list[Sound]:
    """Return some sounds, from places spread over the list, whose lengths together are little more than is needed."""
    count = min(len(sounds), _MOST_FILES)
    chosen, seconds = [], 0.0
    for number in range(count):
        sound = sounds[number * len(sounds) // count]
        if chosen and seconds + sound.seconds > _MOST_SECONDS:
            continue
        chosen.append(sound)
        seconds += sound.seconds
    return chosen
