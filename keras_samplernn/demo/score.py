"""What the demo's strings play: notes and rests, drawn by chance or composed, as condition files and as sound."""

import dataclasses
from collections.abc import Sequence
from itertools import groupby

import numpy as np

from keras_samplernn.demo.strings import bow, strike

SCALE = {"c4": 60, "d4": 62, "e4": 64, "g4": 67, "a4": 69}
"""The notes of the stream `pitch`, as numbers of MIDI."""
NONE = "none"
DYNAMICS = {"p": 40, "mf": 75, "f": 110}  # as velocities of MIDI
STREAMS = {
    "string": {"classes": ["struck", "bowed", "rest"], "position": True, "neighbours": True},
    "pitch": {"classes": [*SCALE]},
    "velocity": {"number": {"low": 0, "high": 127}},
}

_LEAST_SECONDS, _MOST_SECONDS = 0.25, 0.75
_SHARES = {"struck": 0.35, "bowed": 0.25, "glide": 0.25, "rest": 0.15}
_DAMPING_SECONDS, _SLUR_SECONDS = 0.1, 0.02
_ROOM = 0.008  # root mean square of what a microphone hears in a silent room


@dataclasses.dataclass(frozen=True)
class Note:
    """A note, or a rest.

    Attributes:
        string: class of the stream `string`.
        seconds: length.
        pitch: name of the pitch with which it begins; "none" in a rest.
        target: name of the pitch with which it ends: another one is a glide of a bowed string.
        velocity: 0 to 127, of the hammer or the bow.
    """

    string: str
    seconds: float
    pitch: str = NONE
    target: str = NONE
    velocity: float = 0


def steady(string: str, seconds: float, pitch: str, velocity: float) -> Note:
    """Return a note that keeps its pitch."""
    return Note(string, seconds, pitch, pitch, velocity)


def draw_score(seconds: float, rng: np.random.Generator) -> list[Note]:
    """Return notes and rests by chance, that last so long together."""
    notes, left = [], seconds
    while left > 0:
        kind = rng.choice([*_SHARES], p=[*_SHARES.values()])
        length = round(rng.uniform(_LEAST_SECONDS, _MOST_SECONDS), 3)
        if left - length < _LEAST_SECONDS:
            length = left
        pitch, other = rng.choice([*SCALE], 2, replace=False)
        velocity = int(rng.choice([*DYNAMICS.values()]))
        if kind == "rest":
            notes.append(Note("rest", length))
        elif kind == "glide":
            notes.append(Note("bowed", length, pitch, other, velocity))
        else:
            notes.append(steady(kind, length, pitch, velocity))
        left = round(left - length, 6)
    return notes


def score_text(notes: Sequence[Note]) -> str:
    """Return a score as a csv of spans, times in seconds."""
    lines, start = [f"start,stop,{','.join(STREAMS)}"], 0.0
    for note in notes:
        stop = start + note.seconds
        pitch = note.pitch if note.pitch == note.target else f"{note.pitch}>{note.target}"
        velocity = NONE if note.string == "rest" else f"{note.velocity:g}"
        lines.append(f"{start:.6f},{stop:.6f},{note.string},{pitch},{velocity}")
        start = stop
    return "".join(f"{line}\n" for line in lines)


def play(scores: Sequence[Sequence[Note]], sample_rate: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Return the sound of each score, `(n,)` float64 in [-1, 1].

    Bowed notes that follow each other are slurred. A string is damped where its last note ends, and is heard for a
    moment into what follows. All strings are played side by side, which takes a hundredth of the time that one after
    the other would.

    Args:
        scores: notes of each.
        sample_rate: in Hz, as of `bow`.
        rng: draws what no score says: the noise of bow and room.
    """
    sounds, struck, bowed = [], [], []
    for score in scores:
        stops = [round(float(stop) * sample_rate) for stop in np.cumsum([note.seconds for note in score])]
        sounds.append(_ROOM * rng.standard_normal(stops[-1]))
        spans = [*zip(score, [0, *stops[:-1]], stops, strict=True)]
        for string, group in groupby(spans, key=lambda span: span[0].string):
            if string == "bowed":
                bowed.append(_Phrase(len(sounds) - 1, [*group]))
            elif string == "struck":
                struck += [_Phrase(len(sounds) - 1, [span]) for span in group]
    damping = round(_DAMPING_SECONDS * sample_rate)
    for phrases in filter(None, (struck, bowed)):
        times = np.arange(max(phrase.samples for phrase in phrases) + damping)
        pitches, velocities = (
            np.stack([phrase.path(which, times, sample_rate) for phrase in phrases]) for which in (0, 1)
        )
        if phrases is struck:
            waves = strike(hertz_of(pitches[:, 0]), velocities[:, 0], len(times) / sample_rate, sample_rate, rng)
        else:
            waves = bow(hertz_of(pitches), velocities, sample_rate, rng)
        for phrase, wave in zip(phrases, waves, strict=True):
            heard = sounds[phrase.sound][phrase.start : phrase.start + phrase.samples + damping]
            fall = np.clip((times[: len(heard)] - phrase.samples) / damping, 0, 1)
            heard += wave[: len(heard)] * np.cos(0.5 * np.pi * fall) ** 2
    return [np.clip(sound, -1, 1) for sound in sounds]


class _Phrase:
    """Notes that one string plays without a break: a struck one, or bowed ones under one bow.

    Args:
        sound: number of the sound that it belongs to.
        spans: notes with their first samples and those after their last.

    Attributes:
        start: first sample.
        samples: length.
    """

    def __init__(self, sound: int, spans: Sequence[tuple[Note, int, int]]):
        self.sound, self._spans = sound, spans
        self.start = spans[0][1]
        self.samples = spans[-1][2] - self.start

    def path(self, which: int, times: np.ndarray, sample_rate: int) -> np.ndarray:
        """Return pitch (0), as a number of MIDI, or velocity (1), from 0 to 1, at each time after the start."""
        places, values = [], []
        for note, start, stop in self._spans:
            # The next note of a slur needs a moment until finger and bow are there.
            places += [start - self.start + (round(_SLUR_SECONDS * sample_rate) if places else 0), stop - self.start]
            values += [(SCALE[note.pitch], SCALE[note.target]), (note.velocity / 127,) * 2][which]
        return np.interp(times, places, values)


def hertz_of(pitch: np.ndarray) -> np.ndarray:
    """Return the frequencies of MIDI numbers in Hz, in equal temperament: 69 is 440 Hz."""
    return 440 * 2 ** ((pitch - 69) / 12)
