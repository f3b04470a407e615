"""One score written in every format that has a reader, for tests."""

import io
from typing import NamedTuple

import numpy as np
from condition_files import write

from keras_samplernn.conditions.readers.midi import note_number


class Note(NamedTuple):
    """A note from one millisecond to another: a class by its name, and a velocity."""

    start: int
    stop: int
    pitch: str
    velocity: int


def seconds(milliseconds):
    return f"{milliseconds // 1000}.{milliseconds % 1000:03}"


def rows(notes, end):
    """Return the name of the class and the velocity of each millisecond; None where there is no note."""
    said = [(None, None)] * end
    for note in notes:
        said[note.start : note.stop] = [(note.pitch, note.velocity)] * (note.stop - note.start)
    return said


def points(notes, end):
    """Return a point wherever something changes, two where a velocity jumps, as (millisecond, pitch, velocity)."""
    said = rows(notes, end)
    changes = [at for at in range(end) if at == 0 or said[at] != said[at - 1]]
    listed = []
    for at, stop in zip(changes, [*changes, end][1:], strict=True):
        listed += [(at, *said[at]), (stop, *said[at])]
    return listed


def row_csv(path, notes, end, delimiter=",", newline="\n", empty=""):
    lines = [
        ("pitch", "velocity"),
        *((pitch or empty, empty if pitch is None else str(v)) for pitch, v in rows(notes, end)),
    ]
    return write(path, newline.join(map(delimiter.join, lines)) + newline)


def point_csv(path, notes, end):
    lines = [f"{seconds(at)},{pitch or ''},{'' if pitch is None else v}\n" for at, pitch, v in points(notes, end)]
    return write(path, "seconds,pitch,velocity\n" + "".join(lines))


def span_csv(path, notes, end, time=seconds):
    lines = [f"{time(note.start)},{time(note.stop)},{note.pitch},{note.velocity}\n" for note in notes]
    return write(path, "start,stop,pitch,velocity\n" + "".join([*lines, f"{time(end)},{time(end)},,\n"]))


def label_track(path, notes, end, label="pitch={0.pitch} velocity={0.velocity}"):
    lines = [f"{seconds(note.start)}000\t{seconds(note.stop)}000\t{label.format(note)}\n" for note in notes]
    return write(path, "".join([*lines, f"{seconds(end)}\t{seconds(end)}\tend\n"]))


def textgrid(path, notes, end, long=True, encoding="utf-8"):
    """Write interval tiers for both streams, as Praat does, with an interval for each gap."""
    spans = []
    for note in sorted(notes):
        last = spans[-1][1] if spans else 0
        spans += [(last, note.start, None)] * (note.start > last) + [(note.start, note.stop, note)]
    last = spans[-1][1] if spans else 0
    spans += [(last, end, None)] * (end > last)

    def line(name, value):
        return f"        {name} = {value} \n" if long else f"{value}\n"

    text = 'File type = "ooTextFile"\nObject class = "TextGrid"\n\n'
    text += (
        line("xmin", 0)
        + line("xmax", seconds(end))
        + ("tiers? <exists> \nsize = 2 \nitem []: \n" if long else "<exists>\n2\n")
    )
    for number, stream in enumerate(("pitch", "velocity"), 1):
        text += f"    item [{number}]:\n" if long else ""
        text += (
            line("class", '"IntervalTier"') + line("name", f'"{stream}"') + line("xmin", 0) + line("xmax", seconds(end))
        )
        text += line("intervals: size", len(spans))
        for index, (start, stop, note) in enumerate(spans, 1):
            text += f"        intervals [{index}]:\n" if long else ""
            label = "" if note is None else str(getattr(note, stream))
            text += line("xmin", seconds(start)) + line("xmax", seconds(stop)) + line("text", f'"{label}"')
    return write(path, text.encode(encoding))


def midi(path, notes, end, ticks_per_beat=500, tempos=((0, 500_000),)):
    """Write a MIDI file, with a tick a millisecond unless told otherwise, and with a track of its own for the tempo."""
    import mido

    file = mido.MidiFile(ticks_per_beat=ticks_per_beat)
    tempo = [(tick, mido.MetaMessage("set_tempo", tempo=each)) for tick, each in tempos]
    events = [(end, mido.MetaMessage("end_of_track"))]
    for note in notes:
        number = note_number(note.pitch)
        # An end comes before a begin at the same tick.
        events += [(note.start, mido.Message("note_on", note=number, velocity=note.velocity))]
        events += [(note.stop, mido.Message("note_on", note=number, velocity=0))]
    for each in (tempo, events):
        each.sort(key=lambda event: (event[0], event[1].type == "end_of_track", getattr(event[1], "velocity", 0) > 0))
        track, last = mido.MidiTrack(), 0
        for tick, message in each:
            track.append(message.copy(time=tick - last))
            last = tick
        file.tracks.append(track)
    file.save(path)
    return path


def npy(path, array):
    content = io.BytesIO()
    np.save(content, array)
    return write(path, content.getvalue())


def row_npy(path, notes, end, names=("c4", "e4", "g4"), dtype=np.float64):
    table = [
        (-1 if pitch is None else names.index(pitch), np.nan if pitch is None else v) for pitch, v in rows(notes, end)
    ]
    return npy(path, np.array(table, dtype).reshape(-1, 2))


def field_npy(path, notes, end, names=("c4", "e4", "g4")):
    fields = np.dtype([("velocity", "f4"), ("pitch", "i2")])
    table = [
        (np.nan if pitch is None else v, -1 if pitch is None else names.index(pitch)) for pitch, v in rows(notes, end)
    ]
    return npy(path, np.array(table, fields))


def point_npy(path, notes, end, names=("c4", "e4", "g4")):
    fields = np.dtype([("seconds", "f8"), ("pitch", "i2"), ("velocity", "f4")])
    table = [
        (at / 1000, -1 if pitch is None else names.index(pitch), np.nan if pitch is None else v)
        for at, pitch, v in points(notes, end)
    ]
    return npy(path, np.array(table, fields))


WRITERS = {
    "rows.csv": row_csv,
    "rows-none.csv": lambda *score: row_csv(*score, empty="none"),
    "semicolons.csv": lambda *score: row_csv(*score, delimiter=";", newline="\r\n"),
    "tabs.csv": lambda *score: row_csv(*score, delimiter="\t"),
    "points.csv": point_csv,
    "spans.csv": span_csv,
    "whole.csv": lambda *score: span_csv(*score, time=str),
    "labels.txt": label_track,
    "bare.txt": lambda *score: label_track(*score, label="{0.pitch}; velocity={0.velocity}"),
    "long.TextGrid": textgrid,
    "short.TextGrid": lambda *score: textgrid(*score, long=False),
    "utf16.TextGrid": lambda *score: textgrid(*score, encoding="utf-16"),
    "notes.mid": midi,
    "notes.midi": midi,
    "rows.npy": row_npy,
    "fields.npy": field_npy,
    "points.npy": point_npy,
}
