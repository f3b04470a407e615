"""The desk: what performers ask for, from several threads, waiting for the next block."""

import threading
import time
from collections import deque
from collections.abc import Callable

from keras_samplernn.conditions.streams import Streams
from keras_samplernn.errors import UserError
from keras_samplernn.live.words import Message, read_line

MOST_WAITING = 1024
"""Messages that wait for a block; more are dropped and counted."""
MOST_A_SECOND = 2000
"""Messages that are read in a second; a flood shall not take the time of the sound."""
_TELL_SECONDS = 1.0


class Desk:
    """Takes messages, reads them and keeps them for the next block.

    A bad message is told and ignored; of many in a second, one is told, and the others are counted.

    Args:
        streams: of the model.
        voices: number of voices.
        say: called with each line for people.

    Attributes:
        heard: number of messages that were understood.
        refused: number of those that were not.
        dropped: number of those that came when too many waited.
    """

    def __init__(self, streams: Streams, voices: int, say: Callable[[str], None]):
        self._streams, self._voices, self._say = streams, voices, say
        self._waiting: deque[Message] = deque()
        self._lock = threading.Lock()
        self._told, self._untold = 0.0, 0
        self._window, self._in_window = 0.0, 0
        self.heard = self.refused = self.dropped = 0

    def line(self, text: str) -> None:
        """Take a line of text."""
        self.ask(lambda: read_line(text, self._streams, self._voices))

    def ask(self, read: Callable[[], Message | None]) -> None:
        """Take what a function reads; a UserError of it is told."""
        try:
            message = read()
        except UserError as error:
            self.refuse(str(error))
            return
        if message is not None:
            self.put(message)

    def put(self, message: Message) -> None:
        """Take a message that was read."""
        with self._lock:
            if len(self._waiting) >= MOST_WAITING:
                self.dropped += 1
                return
            self.heard += 1
            self._waiting.append(message)

    def refuse(self, why: str) -> None:
        """Count a message that cannot be understood, and tell why."""
        with self._lock:
            self.refused += 1
            now = time.monotonic()
            if now - self._told < _TELL_SECONDS:
                self._untold += 1
                return
            more = f" (and {self._untold:,} more)" if self._untold else ""
            self._told, self._untold = now, 0
        self._say(f"ignored: {why}{more}")

    def tell(self, line: str) -> None:
        """Tell people that something was done."""
        self._say(line)

    def pause(self) -> float:
        """Return for how many seconds a source shall read no more, since enough was read in this second."""
        with self._lock:
            now = time.monotonic()
            if now - self._window >= 1:
                self._window, self._in_window = now, 0
            self._in_window += 1
            return max(self._window + 1 - now, 0.0) if self._in_window > MOST_A_SECOND else 0.0

    def taken(self) -> list[Message]:
        """Return the messages that wait, in the order in which they came."""
        with self._lock:
            waiting = list(self._waiting)
            self._waiting.clear()
        return waiting
