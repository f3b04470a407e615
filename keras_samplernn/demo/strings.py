"""Struck and bowed strings as digital waveguides, many strings side by side.

A string is a delay line as long as its period, closed by a filter that takes from each round what a real string loses:
the plucked string of Karplus and Strong (Digital Synthesis of Plucked-String and Drum Timbres, 1983) with the tuning,
the place and the dynamics of Jaffe and Smith (Extensions of the Karplus-Strong Plucked-String Algorithm, 1983), struck
by a hammer here. Under a bow the string is two delay lines that meet at the bow, which holds the string and lets it
slip (Smith, Efficient Simulation of the Reed-Bore and Bow-String Mechanisms, 1986; the friction curve is that of Cook
and Scavone's Synthesis Toolkit).
"""

import numpy as np
import soxr

STRING_RATE = 32_000
"""Rate in Hz at which strings move: a period of the highest note has over a hundred samples, a bow's place some."""
HIGHEST_HZ = 500

_STRIKE_PLACE, _BOW_PLACE = 0.17, 0.127  # shares of the string's length
_HAMMER_SECONDS = 0.004, 0.0016  # contact with the string: of the softest and of the hardest strike
_KNOCK, _KNOCK_SECONDS = 0.3, 0.008  # root mean square of the hardest one as it begins; to 1 / e
_DECAY_SECONDS = 2.2  # to a thousandth, of the lowest partials
_ROUNDNESS = 0.9  # middle of the loop filter's three taps: 1 loses nothing at high frequencies
_BOW_ROUNDNESS, _BOW_LOSS = 0.3, 0.98
_BOW_SPEED = 0.06, 0.22
# Slope of the friction curve at speed 1. A player presses harder where the bow is faster, so that the string keeps to
# Helmholtz's motion, one slip in a period, at each speed.
_BOW_SLOPE = 0.3
_BOW_ATTACK_SECONDS = 0.03
# A string under a bow finds its motion in its own time: it is heard when it has done so, and swells quickly then.
_SETTLING_SECONDS, _SWELL_SECONDS = 0.35, 0.04
_BOW_NOISE = 0.6  # of the bow's speed: rosin is not even
# A mute on the bridge keeps high partials from the body, which does not radiate what is far below its notes.
_MUTE_HZ, _BODY_HZ = 500, 80


def strike(
    hertz: np.ndarray, velocity: np.ndarray, seconds: float, sample_rate: int, rng: np.random.Generator
) -> np.ndarray:
    """Return struck strings, `(notes, n)` float64, that ring for some seconds.

    A harder strike is louder, and brighter, since a hard hammer leaves the string sooner. Its knock is heard too.

    Args:
        hertz: `(notes,)` fundamental frequencies, `HIGHEST_HZ` at most.
        velocity: `(notes,)` from 0, the softest strike, to 1.
        seconds: length.
        sample_rate: of what is returned, in Hz, at most `STRING_RATE`.
        rng: draws the noise of the knock.
    """
    _check(hertz)
    samples = round(seconds * STRING_RATE)
    period = STRING_RATE / hertz
    contact = np.interp(velocity, (0, 1), _HAMMER_SECONDS) * STRING_RATE
    times = np.arange(samples)
    blow = _pulse(times, contact) - _pulse(times - (_STRIKE_PLACE * period)[:, None], contact)
    whole, taps = _loop(period, _ROUNDNESS, 10 ** (-3 / (hertz * _DECAY_SECONDS)))
    lead, block = int(whole.max()) + taps.shape[1], int(whole.min())
    line = np.pad(blow, ((0, 0), (lead, 0)))
    rows = np.arange(len(hertz))[:, None]
    for start in range(lead, lead + samples, block):
        stop = min(start + block, lead + samples)
        back = np.arange(start, stop) - whole[:, None]
        line[:, start:stop] += sum(taps[:, tap, None] * line[rows, back - tap] for tap in range(taps.shape[1]))
    loudness = np.interp(velocity, (0, 1), (0.2, 0.6)) * (_HAMMER_SECONDS[1] * STRING_RATE / contact) ** 0.3
    heard = _resampled(line[:, lead:] * loudness[:, None], sample_rate)
    knock = np.exp(-np.arange(heard.shape[1]) / (_KNOCK_SECONDS * sample_rate)) * rng.standard_normal(heard.shape)
    return heard + _KNOCK * velocity[:, None] * knock


def bow(hertz: np.ndarray, velocity: np.ndarray, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Return bowed strings, `(notes, n)` float64.

    A faster bow is louder; the string follows a finger that moves, so that notes may glide.

    Args:
        hertz: `(notes, n)` fundamental frequencies at each sample of what is returned, `HIGHEST_HZ` at most.
        velocity: `(notes, n)` of the bow at each sample, from 0, the slowest, to 1.
        sample_rate: of what is returned, in Hz; `STRING_RATE` is a multiple of it.
        rng: draws the unevenness of the bow.
    """
    _check(hertz)
    oversampling = STRING_RATE // sample_rate
    settling = round(_SETTLING_SECONDS * sample_rate)
    hertz, velocity = (np.pad(each, ((0, 0), (settling, 0)), mode="edge") for each in (hertz, velocity))
    notes, samples = len(hertz), hertz.shape[1] * oversampling
    rows = np.arange(notes)[:, None, None]
    block = int(_BOW_PLACE * STRING_RATE / hertz.max()) - 3
    full = np.interp(velocity, (0, 1), _BOW_SPEED)
    lead = int(STRING_RATE / hertz.min()) + 8
    to_nut, to_bridge = np.zeros((2, notes, lead + samples))
    for start in range(0, samples, block):
        stop = min(start + block, samples)
        period = STRING_RATE / hertz[:, start // oversampling]
        at = np.arange(lead + start, lead + stop)[:, None]
        incoming = []
        for line, share, roundness, loss in (
            (to_nut, 1 - _BOW_PLACE, 1.0, 1.0),
            (to_bridge, _BOW_PLACE, _BOW_ROUNDNESS, _BOW_LOSS),
        ):
            whole, taps = _loop(share * period, roundness, loss)
            places = at - whole[:, None, None] - np.arange(taps.shape[1])
            incoming.append(-np.einsum("nbt,nt->nb", line[rows, places], taps))
        times = np.arange(start, stop)
        speed = full[:, times // oversampling] * np.minimum(1, times / (_BOW_ATTACK_SECONDS * STRING_RATE))
        slip = speed * (1 + _BOW_NOISE * rng.standard_normal(speed.shape)) - sum(incoming)
        # The bow holds a string that moves nearly as fast as it does, and hardly drags one that slips.
        held = np.minimum(1, (np.abs(slip * _BOW_SLOPE / full[:, start // oversampling, None]) + 0.75) ** -4) * slip
        from_nut, from_bridge = incoming
        to_nut[:, lead + start : lead + stop] = from_bridge + held
        to_bridge[:, lead + start : lead + stop] = from_nut + held
    heard = _muted(_resampled(to_bridge[:, lead:], sample_rate), sample_rate)[:, settling:]
    swell = np.minimum(1, np.arange(heard.shape[1]) / (_SWELL_SECONDS * sample_rate))
    return heard * np.sin(0.5 * np.pi * swell) ** 2


def _check(hertz: np.ndarray) -> None:
    if not (hertz.size and hertz.min() > 0 and hertz.max() <= HIGHEST_HZ):
        raise ValueError(f"frequencies from {hertz.min()} to {hertz.max()} Hz; strings have 0 to {HIGHEST_HZ}")


def _pulse(times: np.ndarray, width: np.ndarray) -> np.ndarray:
    """Return a raised cosine for each width, `(notes, n)`, that begins at time 0."""
    turn = np.clip(times / width[:, None], 0, 1)
    return 0.5 - 0.5 * np.cos(2 * np.pi * turn)


def _loop(delay: np.ndarray, roundness: float, loss: float | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a delay as whole samples `(notes,)` and a filter `(notes, 6)` after them.

    The filter is a symmetric lowpass of three taps, which delays all frequencies by one sample, and a cubic Lagrange
    interpolator, which delays by one sample or more, less than two.
    """
    whole = np.floor(delay).astype(int) - 2
    d = delay - whole - 1  # from 1 to 2
    cubic = np.stack(
        [
            -(d - 1) * (d - 2) * (d - 3) / 6,
            d * (d - 2) * (d - 3) / 2,
            -d * (d - 1) * (d - 3) / 2,
            d * (d - 1) * (d - 2) / 6,
        ],
        axis=1,
    )
    side = (1 - roundness) / 2
    taps = np.zeros((len(delay), 6))
    for offset, weight in enumerate((side, roundness, side)):
        taps[:, offset : offset + 4] += weight * cubic
    return whole, taps * np.reshape(loss, (-1, 1))


def _muted(waves: np.ndarray, sample_rate: int) -> np.ndarray:
    """Return waves after two lowpass filters and one highpass filter of first order."""
    size = 2 * waves.shape[1]  # what rings on does not come round to the start
    hertz = np.fft.rfftfreq(size, 1 / sample_rate)
    response = 1j * hertz / (_BODY_HZ + 1j * hertz) / (1 + 1j * hertz / _MUTE_HZ) ** 2
    return np.fft.irfft(np.fft.rfft(waves, size) * response, size)[:, : waves.shape[1]]


def _resampled(waves: np.ndarray, sample_rate: int) -> np.ndarray:
    if sample_rate == STRING_RATE:
        return waves
    return np.ascontiguousarray(soxr.resample(waves.T, STRING_RATE, sample_rate).T)
