"""Audacity's label tracks: `begin<TAB>end<TAB>label`, in seconds, exported as text."""

import contextlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from keras_samplernn.conditions.readers.sound import Sound, has_decimal_comma
from keras_samplernn.conditions.readers.values import SpanValues
from keras_samplernn.conditions.streams import Stream, classes_streams, stream_named
from keras_samplernn.conditions.track import Item, Track
from keras_samplernn.errors import UserError, nearest
from keras_samplernn.names import nfc
from keras_samplernn.text import quote, read_lines

END = "end"
BLANKS = " \t;"
ASSIGNED = re.compile(r"(?:^|(?<=[\s;]))([^\s;=]+)[ \t]*=")


def read_labels(path: Path, streams: Sequence[Stream], sound: Sound) -> Track:
    """Read a label track. A label `end`, or else the last end, is the length of a score.

    A label is a value of the only stream of classes, of the only stream, or of the one stream with a class of that
    name; or `stream=value`, several of them with blanks or `;` between. Lines that begin with a backslash, Audacity's
    frequencies of a label, are passed over.

    Raises:
        UserError: one line, which names the first line that is wrong.
    """
    labels, items = _Labels(streams), {stream.name: [] for stream in streams}
    end, last = None, 0
    for number, line in enumerate(read_lines(path, b"\r\n ").split(b"\n"), 1):
        place = f"{path}:{number}"
        try:
            text = line.decode().strip("\r ")
        except UnicodeDecodeError:
            raise UserError(f"{place}: is not UTF-8 text; save it as UTF-8") from None
        if not text.strip() or text.startswith("\\"):
            continue
        begin, stop, label = fields_of(text, place)
        start, stop = labels.at(begin, sound, place), labels.at(stop, sound, place)
        if stop < start:
            raise UserError(f"{place}: ends before it begins; the first time is the begin, the second the end")
        if label == END and (start == stop or not labels.is_class(END)):
            end = stop
            sound.check_stop(end, place)
            continue
        last = max(last, stop)
        if label and start == stop:
            raise UserError(
                f"{place}: {quote(label)} is a point, at {begin} s; make it a region, from its begin to its end"
            )
        for stream, value, target in labels.read(label, place) if label else ():
            items[stream.name].append(Item(start, stop, value, target, place))
    return sound.lay(streams, items, last if end is None else end)


def fields_of(text: str, place: str) -> tuple[str, str, str]:
    """Return begin, end and label of a line, as text; UserError, which begins with `place`, if it has no two times."""
    fields = text.split("\t", 2)
    if len(fields) < 2:
        raise UserError(f"{place}: {quote(text)} is not a label; write begin, end and label with tabs between them")
    return fields[0].strip(), fields[1].strip(), nfc(fields[2].strip()) if len(fields) > 2 else ""


class _Labels:
    """Reads labels of a file, and its times, which have points or commas."""

    def __init__(self, streams: Sequence[Stream]):
        self._streams = streams
        self._values = {stream.name: SpanValues(stream) for stream in streams}
        classes = classes_streams(streams)
        # The stream that a value without a name belongs to, whatever it is.
        self._only = classes[0] if len(classes) == 1 else streams[0] if len(streams) == 1 else None
        self._names = {nfc(name) for stream in classes if stream.named for name in stream.classes}
        self._known: dict[str, list[tuple[Stream, Any, Any]]] = {}
        self._has_commas: bool | None = None

    def is_class(self, name: str) -> bool:
        return name in self._names

    def at(self, time: str, sound: Sound, place: str) -> int:
        if "," in time or "." in time:
            has_comma = has_decimal_comma(time)
            self._has_commas = has_comma if self._has_commas is None else self._has_commas
            if has_comma and self._has_commas:
                time = time.replace(",", ".")
            elif self._has_commas:
                # With both, a comma could stand between thousands too.
                raise UserError(f"{place}: {quote(time)} has a point, and times before it commas; write points in all")
        return sound.at(time, place)

    def read(self, label: str, place: str) -> list[tuple[Stream, Any, Any]]:
        """Return what a label says: of each stream in it the value, and what it moves to or None."""
        if label not in self._known:
            self._known[label] = self._read(label, place)
        return self._known[label]

    def _read(self, label: str, place: str) -> list[tuple[Stream, Any, Any]]:
        assigned = [] if label in self._names else list(ASSIGNED.finditer(label))
        if not any(found[1] in self._values for found in assigned):
            # A name may have blanks and signs in it.
            with contextlib.suppress(ValueError):
                return [self._bare(label)]
        said = []
        stops = [*(found.start() for found in assigned), len(label)]
        for found, stop in zip(assigned, stops[1:], strict=True):
            stream = stream_named(self._streams, found[1], place)
            try:
                said.append((stream, *self._values[stream.name].read(label[found.end() : stop].strip(BLANKS))))
            except ValueError as error:
                raise UserError(f"{place}: {stream.name}: {error}") from None
        if bare := label[: stops[0]].strip(BLANKS):
            said += self._several(bare, place)
        names = [stream.name for stream, *_ in said]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise UserError(f"{place}: {quote(label)} says {twice} twice; a label says each stream once")
        return said

    def _several(self, bare: str, place: str) -> list[tuple[Stream, Any, Any]]:
        """Return what values without the names of their streams say."""
        for parts in (bare.split(";"), re.split(r"[\s;]+", bare)):
            with contextlib.suppress(ValueError):
                return [self._bare(part.strip()) for part in parts]
        try:
            return [self._bare(bare)]
        except ValueError as error:
            raise UserError(f"{place}: {error}") from None

    def _bare(self, value: str) -> tuple[Stream, Any, Any]:
        if self._only is not None:
            return (self._only, *self._values[self._only.name].read(value))
        found = []
        for stream in classes_streams(self._streams):
            try:
                found.append((stream, *self._values[stream.name].read(value)))
            except ValueError:
                continue
        if len(found) == 1:
            return found[0]
        names = ", ".join(stream.name for stream, *_ in found)
        if found:
            raise ValueError(f"{quote(value)} is a class of {names}; write {found[0][0].name}={value}")
        hint = nearest(value[:100], self._names)
        raise ValueError(f"{quote(value)} is not a class of any stream; write {self._streams[0].name}=VALUE{hint}")
