"""A MIDI port as a source: notes to a stream of classes, controllers to numbers. Needs mido and python-rtmidi."""

from collections.abc import Mapping
from typing import Any

from keras_samplernn.conditions.readers.midi import VELOCITY, classes_of_notes, note_name, pitch_stream
from keras_samplernn.conditions.streams import NumberStream, Stream, Streams
from keras_samplernn.conditions.track import nothing_of
from keras_samplernn.errors import UserError
from keras_samplernn.live.desk import Desk
from keras_samplernn.live.words import Message, Setting

_MOST = 127


class MidiKeys:
    """Reads MIDI messages: the note that was pressed last is heard, and the one before when it is released.

    With several voices, channel 1 plays the first one, and so on; with one voice, all channels play it.

    Args:
        place: name of the port, for messages.
        streams: of the model.
        voices: number of voices.
        desk: gets what is asked for.

    Raises:
        UserError: no stream takes notes or controllers.
    """

    def __init__(self, place: str, streams: Streams, voices: int, desk: Desk):
        self._desk, self._voices = desk, voices
        numbers = [stream for stream in streams if isinstance(stream, NumberStream)]
        self._velocity = next((stream for stream in numbers if stream.name == VELOCITY), None)
        others = [stream for stream in numbers if stream is not self._velocity]
        self._pitch, self._classes = None, {}
        try:
            if (pitch := pitch_stream(place, streams)) is not None:
                self._classes, self._pitch = classes_of_notes(place, pitch), pitch
        except UserError:
            if not numbers:
                raise
        if self._pitch is None and not numbers:
            raise UserError(f"{place}: the run has no stream that notes or controllers could play; leave --midi out")
        self.controllers: Mapping[int, Stream] = dict(enumerate(others, 1))
        self._held: list[list[int]] = [[] for _ in range(voices)]

    def describe(self) -> list[str]:
        """Return which keys and controllers play what, a line each."""
        lines = []
        if self._classes:
            notes = sorted(self._classes)
            lines.append(f"notes {note_name(notes[0])} to {note_name(notes[-1])} play {self._pitch.name}")
        return [*lines, *(f"controller {number} plays {each.name}" for number, each in self.controllers.items())]

    def hear(self, message: Any) -> None:
        """Take a message of mido."""
        kind = message.type
        if kind not in ("note_on", "note_off", "control_change"):
            return
        voice = None if self._voices == 1 else message.channel
        if voice is not None and voice >= self._voices:
            self._desk.refuse(f"channel {message.channel + 1}: there are {self._voices} voices")
            return
        if kind == "control_change":
            if (stream := self.controllers.get(message.control)) is not None:
                self._set(voice, stream, stream.low + (stream.high - stream.low) * message.value / _MOST)
            return
        self._key(voice, message.note, message.velocity if kind == "note_on" else 0)

    def _key(self, voice: int | None, note: int, velocity: int) -> None:
        held = self._held[voice or 0]
        sounding = held[-1] if held else None
        if note in held:
            held.remove(note)
        if velocity:
            if self._pitch is not None and note not in self._classes:
                self._desk.refuse(f"note {note}, {note_name(note)}, is not a class of {self._pitch.name}")
                return
            held.append(note)
            if self._velocity is not None:
                self._set(voice, self._velocity, float(velocity))
        if self._pitch is None or (not velocity and note != sounding):
            return
        value = self._classes[held[-1]] if held else nothing_of(self._pitch)
        self._set(voice, self._pitch, value)

    def _set(self, voice: int | None, stream: Stream, value: float) -> None:
        self._desk.put(Message(voice, Setting(stream, value)))


def open_midi(name: str, keys: MidiKeys) -> Any:
    """Open a MIDI port and let keys hear it, in a thread of the port; return it, to be closed.

    Args:
        name: of the port, or a part of it.
        keys: hear its messages.

    Raises:
        UserError: mido or its backend is missing, or there is no such port.
    """
    missing = f'--midi {name}: needs mido and python-rtmidi; install "keras-samplernn[live]"'
    try:
        import mido

        ports = mido.get_input_names()
    except ImportError:
        raise UserError(missing) from None
    except Exception as error:  # what the system's MIDI says, in a type of its own
        raise UserError(f"--midi {name}: this system has no MIDI ({error}); play by --osc or stdin") from None
    found = [port for port in ports if port == name] or [port for port in ports if name.lower() in port.lower()]
    if len(found) != 1:
        known = ", ".join(ports) or "there are none"
        raise UserError(f"--midi {name}: is {'no port' if not found else 'several ports'}; ports are: {known}")
    return mido.open_input(found[0], callback=keys.hear)
