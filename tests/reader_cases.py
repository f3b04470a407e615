"""Streams and files for the tests of readers, and how a case is checked."""

import io

import numpy as np
import pytest
from condition_files import said_of, write
from hypothesis import HealthCheck, settings

from keras_samplernn.conditions.readers.reading import read_track
from keras_samplernn.conditions.streams import ClassesStream, NumberStream
from keras_samplernn.conditions.track import Item, Track, lay_spans
from keras_samplernn.errors import UserError

RATE = 1000
NAMES = ("c4", "e4", "g4")
PITCH, VELOCITY = ClassesStream("pitch", NAMES, True), NumberStream("velocity", 0, 127)
SCORED = (PITCH, VELOCITY)
LOUD = NumberStream("loudness", -60, 0, "dB")
KIND = ClassesStream("kind", ("wood", "e4", "a;b"), True)
OPEN = ClassesStream("pitch", ("c4", "e4", "open o"), True)
ARROW = ClassesStream("class", ("a>b", "a", "b", "end"), True)
REST = ClassesStream("class", ("rest", "a"), True, gaps=0)
FLUTE = ClassesStream("class", ("fl\u00fbte", "oboe"), True)
COUNT, MIDI_COUNT = ClassesStream.of_count(3), ClassesStream.of_count(128, "note")


def laid(streams, items, samples):
    return said_of(
        Track(samples, {stream.name: lay_spans(stream, items.get(stream.name, ()), samples) for stream in streams})
    )


def laid_notes(notes, end):
    items = {
        "pitch": [Item(note.start, note.stop, NAMES.index(note.pitch)) for note in notes],
        "velocity": [Item(note.start, note.stop, float(note.velocity)) for note in notes],
    }
    return laid(SCORED, items, end)


def read(path, streams, samples=None, rate=RATE, said=""):
    return said_of(read_track(path, streams, rate, samples, said))


fuzzed = settings(
    max_examples=60, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)


def grid(*tiers, end=0.9, begin=0):
    """Return a short TextGrid: each tier is a name and intervals, or points if its name ends with a dot."""
    text = f'File type = "ooTextFile"\nObject class = "TextGrid"\n\n{begin}\n{end}\n<exists>\n{len(tiers)}\n'
    for name, *marks in tiers:
        kind = "TextTier" if name.endswith(".") else "IntervalTier"
        text += f'"{kind}"\n"{name.rstrip(".")}"\n{begin}\n{end}\n{len(marks)}\n'
        for *times, label in marks:
            doubled = label.replace('"', '""')
            text += "".join(f"{each}\n" for each in times) + f'"{doubled}"\n'
    return text


def array(values, dtype=None):
    content = io.BytesIO()
    np.save(content, np.array(values, dtype))
    return content.getvalue()


def notes_of(*notes, end=2000, ticks=500, kind=1):
    """Return a MIDI file of (start, stop, number) notes, in ticks."""
    import mido

    events = [(start, mido.Message("note_on", note=number)) for start, _, number in notes]
    events += [(stop, mido.Message("note_off", note=number)) for _, stop, number in notes]
    file, content, last = mido.MidiFile(type=kind, ticks_per_beat=ticks), io.BytesIO(), 0
    track = mido.MidiTrack()
    for tick, message in [*sorted(events, key=lambda event: event[0]), (end, mido.MetaMessage("end_of_track"))]:
        track.append(message.copy(time=tick - last))
        last = tick
    file.tracks.append(track)
    file.save(file=content)
    return content.getvalue()


POINTS = [("seconds", "f4"), ("pitch", "i2")]
BLANK = "blank line inside the file; every condition after it would shift by one sample"
NO_TIME = "is not a time; write seconds, as 1.25"
NO_FADE = "and no cross-fade fits; let each begin and end after the one before, and at most two sound at once"
OTHER = "end it there, or is it the file of another sound?"
COMMA = '; a decimal comma? write a point, or ";" between the columns'


def check_accepted(folder, name, content, streams, samples, spans):
    """Read a file of a score.

    Args:
        folder: the file is written to it.
        name: of the file.
        content: text or bytes.
        streams: of the spec.
        samples: length of the score.
        spans: starts, values and, if they are not the values, targets of each stream.
    """
    seen = read(write(folder / name, content), streams)
    assert seen == (samples, {stream: (*each, each[-1])[:3] for stream, each in spans.items()})


def check_refused(folder, name, content, streams, message, *samples):
    """Read a file that is refused; `message` begins behind the folder. The length of the sound may be given."""
    path = write(folder / name, content)
    with pytest.raises(UserError) as raised:
        read_track(path, streams, RATE, *samples, said="joined" if "joined" in message else "")
    assert raised.value.lines == (f"{folder}/{message}",)
