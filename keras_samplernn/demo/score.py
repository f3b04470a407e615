"""What the demo's strings play: notes and rests, drawn by chance or composed, as condition files and as sound."""

import dataclasses
from collections.abc import Sequence

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

_LEAST_SECONDS, _MOST_SECONDS = 0.4, 1.0
_SHARES = {"struck": 0.35, "bowed": 0.25, "glide": 0.25, "rest": 0.15}
_DAMPING_SECONDS = 0.03
_ROOM = 0.006  # root mean square of what a microphone hears in a silent room


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
    """Return notes and rests by chance, that last so long together; the last one may be cut short."""
    notes, left = [], seconds
    while left > 0:
        kind = rng.choice([*_SHARES], p=[*_SHARES.values()])
        length = min(round(rng.uniform(_LEAST_SECONDS, _MOST_SECONDS), 3), left)
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

    All notes are played side by side, which takes a hundredth of the time that one after the other would.

    Args:
        scores: notes of each.
        sample_rate: in Hz, as of `bow`.
        rng: draws what no score says: the noise of bow and room.
    """
    notes = [note for score in scores for note in score]
    ends = [
        [round(float(end) * sample_rate) for end in np.cumsum([note.seconds for note in score])] for score in scores
    ]
    lengths = np.concatenate([np.diff(each, prepend=0) for each in ends])
    waves = [np.zeros(length) for length in lengths]
    for string in ("struck", "bowed"):
        places = [place for place, note in enumerate(notes) if note.string == string]
        if not places:
            continue
        played, longest = [notes[place] for place in places], int(max(lengths[places]))
        velocity = np.array([note.velocity for note in played]) / 127
        begin, end = (np.array([[SCALE[getattr(note, name)]] for note in played]) for name in ("pitch", "target"))
        if string == "struck":
            strings = strike(hertz_of(begin[:, 0]), velocity, longest / sample_rate, sample_rate)
        else:
            # Beyond its end a note keeps its pitch.
            shares = np.minimum(1, np.arange(longest) / lengths[places][:, None])
            strings = bow(hertz_of(begin + (end - begin) * shares), velocity, sample_rate, rng)
        for place, wave in zip(places, strings, strict=True):
            waves[place] = _damped(wave[: lengths[place]], sample_rate)
    sounds, first = [], 0
    for score, end in zip(scores, ends, strict=True):
        wave = np.concatenate(waves[first : first + len(score)])
        sounds.append(np.clip(wave + _ROOM * rng.standard_normal(end[-1]), -1, 1))
        first += len(score)
    return sounds


def hertz_of(pitch: np.ndarray) -> np.ndarray:
    """Return the frequencies of MIDI numbers in Hz, in equal temperament: 69 is 440 Hz."""
    return 440 * 2 ** ((pitch - 69) / 12)


def _damped(wave: np.ndarray, sample_rate: int) -> np.ndarray:
    """Return a note that a damper ends without a click."""
    left = np.arange(len(wave))[::-1] / (_DAMPING_SECONDS * sample_rate)
    return wave * np.sin(0.5 * np.pi * np.minimum(1, left)) ** 2
