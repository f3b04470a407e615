"""Open Sound Control as a source: the words of the desk as addresses, over UDP. Needs python-osc, the extra `live`."""

import ipaddress
import re
import socket
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from keras_samplernn.conditions.streams import Streams
from keras_samplernn.errors import UserError
from keras_samplernn.live.desk import Desk
from keras_samplernn.live.words import MOST_LENGTH, Message, read_voice, read_words

STATUS = "/status"
_MOST_BYTES = 1 << 16
_ADDRESS = re.compile(r"/(?:(\d{1,4})/)?([^/\s]{1,100})")
# What the system keeps of a flood for us; more of it is dropped there.
_RECEIVE_BYTES = 1 << 16


def place_of(text: str) -> tuple[str, int]:
    """Return host and port of `HOST:PORT` or `PORT`, which is on this machine alone.

    Raises:
        UserError: one line.
    """
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdecimal() and 0 <= int(port) < 1 << 16):
        raise UserError(f"--osc {text}: give HOST:PORT, as 127.0.0.1:9000, or PORT alone")
    return host or "127.0.0.1", int(port)


class OscServer:
    """Listens for messages as `/class 3`, `/2/pitch c4` for the second voice, `/temperature 0.9` or `/status`.

    Args:
        place: host and port; port 0 takes a free one.
        streams: of the model.
        voices: number of voices.
        desk: gets the messages.
        status: returns what `/status` is answered with, to the port that it was sent from.
        say: called with a line if other machines can send too.

    Attributes:
        port: that it listens at.

    Raises:
        UserError: python-osc is missing, or the port cannot be taken.
    """

    def __init__(
        self,
        place: tuple[str, int],
        streams: Streams,
        voices: int,
        desk: Desk,
        status: Callable[[], Iterable[Any]],
        say: Callable[[str], None],
    ):
        shown = "{}:{}".format(*place)
        try:
            import pythonosc.osc_message_builder
            import pythonosc.osc_packet  # noqa: F401
        except ImportError:
            raise UserError(f'--osc {shown}: needs python-osc; install "keras-samplernn[live]"') from None
        self._streams, self._voices, self._desk, self._status = streams, voices, desk, status
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
            self._socket.bind(place)
        except OSError as error:
            self._socket.close()
            raise UserError(f"--osc {shown}: cannot be listened at ({error.strerror}); give another port") from None
        host, self.port = self._socket.getsockname()
        if not ipaddress.ip_address(host).is_loopback:
            say(f"--osc {shown}: every machine that reaches this one can play; 127.0.0.1 is for this machine alone")
        threading.Thread(target=self._listen, name="osc", daemon=True).start()

    def close(self) -> None:
        """Listen no more."""
        self._socket.close()

    def _listen(self) -> None:
        while True:
            try:
                data, sender = self._socket.recvfrom(_MOST_BYTES)
            except OSError:
                return
            self._hear(data, sender)
            if wait := self._desk.pause():
                time.sleep(wait)

    def _hear(self, data: bytes, sender: tuple[str, int]) -> None:
        from pythonosc.osc_packet import OscPacket

        try:
            # Times of bundles are for others: what is asked for begins with the next block.
            messages = [timed.message for timed in OscPacket(data).messages]
        except Exception:  # whatever a stranger's bytes do to the parser
            self._desk.refuse(f"{len(data):,} bytes that are no OSC message")
            return
        for message in messages:
            if message.address == STATUS:
                self._answer(sender)
            else:
                self._desk.ask(lambda message=message: self._read(message.address, message.params))

    def _read(self, address: str, arguments: list[Any]) -> Message:
        found = _ADDRESS.fullmatch(address)
        if not found:
            raise UserError(f'"{address:.40}": is no address; give /WORD or /VOICE/WORD')
        voice = None if found[1] is None else read_voice(int(found[1]), self._voices)
        value = " ".join(map(_text, arguments))
        if len(value) > MOST_LENGTH:
            raise UserError(f"{address:.40}: its value has {len(value):,} characters, {MOST_LENGTH:,} are the most")
        return Message(voice, read_words(found[2], value, self._streams))

    def _answer(self, sender: tuple[str, int]) -> None:
        from pythonosc.osc_message_builder import OscMessageBuilder

        builder = OscMessageBuilder(address=STATUS)
        for value in self._status():
            builder.add_arg(value)
        try:
            self._socket.sendto(builder.build().dgram, sender)
        except OSError:
            return  # nobody is there any more


def _text(value: Any) -> str:
    """Return an argument as it would be typed."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return str(value)
