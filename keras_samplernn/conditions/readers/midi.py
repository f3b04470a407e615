"""MIDI files: notes become classes, and velocities a stream of numbers. Needs mido, the extra `midi`."""

import re
from bisect import bisect_right
from collections import defaultdict, deque
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

from keras_samplernn.conditions.readers.sound import Sound
from keras_samplernn.conditions.streams import ClassesStream, NumberStream, Stream, classes_streams, describe_classes
from keras_samplernn.conditions.track import Item, Track
from keras_samplernn.errors import UserError

VELOCITY, NOTES = "velocity", ("pitch", "note")
_MOST_BYTES = 1 << 26
_TEMPO = 500_000  # microseconds a quarter, until a file gives another
_STEPS = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
_SIGNS = {"": 0, "#": 1, "♯": 1, "b": -1, "♭": -1}
_NOTE = re.compile(r"([a-g])([#♯b♭]?)(-?\d)", re.IGNORECASE | re.ASCII)
_NAMES = ("c", "c#", "d", "d#", "e", "f", "f#", "g", "g#", "a", "a#", "b")


class _Note(NamedTuple):
    start: int
    stop: int
    number: int
    velocity: int


def read_midi(path: Path, streams: Sequence[Stream], sound: Sound) -> Track:
    """Read a MIDI file. Its last event, the end of the track, is the length of a score.

    The notes of all tracks and channels belong to the stream of classes named `pitch` or `note`, or to the only one. A
    class is a note by its name, as `c4` (number 60), `c#4` or `db4`; if classes have numbers only, these are MIDI's.
    A stream of numbers named `velocity` is the velocity of the note, 0 to 127. Notes that overlap cross-fade.

    Raises:
        UserError: one line: mido is missing, the file is damaged, a note is not a class, or notes sound together.
    """
    notes, end = notes_of(path, sound.sample_rate)
    pitch = pitch_stream(path, streams)
    velocity = next((each for each in streams if isinstance(each, NumberStream) and each.name == VELOCITY), None)
    if pitch is None and velocity is None:
        raise UserError(
            f"{path}: no stream takes notes; name a stream of classes {NOTES[0]}, or one of numbers {VELOCITY}"
        )
    classes = {} if pitch is None else classes_of_notes(path, pitch)
    items: dict[str, list[Item]] = {stream.name: [] for stream in streams}
    before = None
    for note in sorted(notes):
        place = f"{path}: at {note.start / sound.sample_rate:.3f} s"
        if before is not None and before.start == note.start:
            raise UserError(
                f"{place}: {note_name(before.number)} and {note_name(note.number)} begin together; a stream has one"
                " note at a time: remove one, or give each voice a stream and a file of another format"
            )
        if pitch is not None:
            if note.number not in classes:
                raise UserError(
                    f"{place}: note {note.number}, {note_name(note.number)}, is not a class of {pitch.name};"
                    f" classes are {describe_classes(pitch)}"
                )
            items[pitch.name].append(Item(note.start, note.stop, classes[note.number], None, place))
        if velocity is not None:
            items[velocity.name].append(Item(note.start, note.stop, float(note.velocity), None, place))
        before = note
    return sound.lay(streams, items, end)


def pitch_stream(path: Path | str, streams: Sequence[Stream]) -> ClassesStream | None:
    """Return the stream of classes that takes notes; None: there are none, or UserError if several could."""
    classes = classes_streams(streams)
    named = [stream for stream in classes if stream.name in NOTES]
    if len(named) == 1 or len(classes) == 1:
        return (named or classes)[0]
    if classes:
        names = ", ".join(stream.name for stream in classes)
        raise UserError(
            f"{path}: several streams of classes could take its notes, {names}; name one of them {NOTES[0]}"
        )
    return None


def classes_of_notes(path: Path | str, stream: ClassesStream) -> dict[int, int]:
    """Return the class of each MIDI note that has one."""
    classes: dict[int, int] = {}
    for number, name in enumerate(stream.classes):
        note = int(name) if name.isascii() and name.isdecimal() else note_number(name)
        if note is not None:
            classes.setdefault(note, number)
    if not classes:
        raise UserError(
            f"{path}: no class of {stream.name} is a note; name its classes by notes, as c4, c#4 or db4, or give it 128"
            " classes"
        )
    return classes


def note_number(name: str) -> int | None:
    """Return the MIDI number of a note's name: c4, the middle C, is 60."""
    if not (found := _NOTE.fullmatch(name)):
        return None
    return 12 * (int(found[3]) + 1) + _STEPS[found[1].lower()] + _SIGNS[found[2].lower()]


def note_name(note: int) -> str:
    """Return the name of a MIDI number: 60 is c4."""
    return f"{_NAMES[note % 12]}{note // 12 - 1}"


def notes_of(path: Path, sample_rate: int) -> tuple[list[_Note], int]:
    """Return the notes of a file, and its length in samples."""
    midi = _load(path)
    events, end = _events(midi)
    clock = _Clock(
        path, midi.ticks_per_beat, [(tick, event.tempo) for tick, event in events if event.type == "set_tempo"]
    )
    open_notes: dict[tuple[int, int], deque[tuple[int, int]]] = defaultdict(deque)
    notes = []

    def close(key: tuple[int, int], tick: int) -> None:
        start, velocity = open_notes[key].popleft()
        notes.append(_Note(clock.sample(start, sample_rate), clock.sample(tick, sample_rate), key[1], velocity))

    for tick, event in events:
        if event.type in ("note_on", "note_off"):
            key = (event.channel, event.note)
            if event.type == "note_on" and event.velocity:
                open_notes[key].append((tick, event.velocity))
            elif open_notes[key]:
                # The note that began first: some programs begin a note again before they end it.
                close(key, tick)
    for key, begun in open_notes.items():
        for _ in range(len(begun)):
            close(key, end)
    return [note for note in notes if note.stop > note.start], clock.sample(end, sample_rate)


def _load(path: Path) -> Any:
    try:
        import mido
    except ImportError:
        raise UserError(f"{path}: MIDI files need mido; pip install 'keras-samplernn[midi]'") from None
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise UserError(f"{path}: has more than {_MOST_BYTES >> 20} MB; a MIDI file of notes is far smaller")
        midi = mido.MidiFile(path)
    except UserError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.strerror:
            raise UserError(f"{path}: {error.strerror}; give the path of a readable MIDI file") from None
        # mido raises what its parser happens to fail with: EOFError, ValueError, KeyError, IndexError and others.
        reason = f" ({error})" if str(error) else ""
        raise UserError(f"{path}: is damaged or not a MIDI file{reason}; export it again") from None
    if midi.type == 2:
        raise UserError(f"{path}: is of type 2, its tracks are independent pieces; save it as type 0 or 1")
    return midi


def _events(midi: Any) -> tuple[list[tuple[int, Any]], int]:
    """Return the events of all tracks with their ticks, in the order of time, and the last tick."""
    events, end = [], 0
    for track in midi.tracks:
        tick = 0
        for event in track:
            tick += event.time
            events.append((tick, event))
        end = max(end, tick)
    return sorted(events, key=lambda each: each[0]), end


class _Clock:
    """Turns ticks into samples, in rational numbers, over all changes of tempo."""

    def __init__(self, path: Path, division: int, tempos: list[tuple[int, int]]):
        if division < 0:
            # SMPTE: frames a second, negative, in the high byte, and ticks a frame in the low one.
            frames, ticks = -(division >> 8), division & 0xFF
            rate = Fraction(30_000, 1001) if frames == 29 else Fraction(frames)
            tempos, self._tick_seconds = [], 1 / (rate * ticks) if ticks else None
        else:
            self._tick_seconds = Fraction(1, division * 1_000_000) if division else None
        if self._tick_seconds is None:
            raise UserError(f"{path}: has 0 ticks a beat; export it again")
        self._ticks, self._passed, self._tempos = [0], [0], [_TEMPO if division > 0 else 1]
        for tick, tempo in tempos:
            self._passed.append(self._passed[-1] + (tick - self._ticks[-1]) * self._tempos[-1])
            self._ticks.append(tick)
            self._tempos.append(tempo)

    def sample(self, tick: int, sample_rate: int) -> int:
        """Return the sample that begins nearest to a tick."""
        last = bisect_right(self._ticks, tick) - 1
        passed = self._passed[last] + (tick - self._ticks[last]) * self._tempos[last]
        samples = passed * self._tick_seconds * sample_rate
        return (2 * samples.numerator + samples.denominator) // (2 * samples.denominator)
