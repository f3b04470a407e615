"""The bytes of a pickle, read piece by piece; no length in it is believed before it is compared with the file's."""

from typing import BinaryIO, NoReturn

from keras_samplernn.errors import UserError

MOST_DIGITS = 20


class PickleBytes:
    """A stream that is read from its begin to its end.

    Args:
        stream: at its begin.
        size: bytes that it has.
        place: begin of the messages.
        remedy: end of the messages.

    Attributes:
        at: where the present opcode is.
    """

    def __init__(self, stream: BinaryIO, size: int, place: str, remedy: str):
        self._stream, self._place, self._remedy = stream, place, remedy
        self.size, self.at = size, 0

    def fail(self, fault: str) -> NoReturn:
        """Raise the UserError of a fault at the present opcode."""
        raise UserError(f"{self._place}: {fault} (at byte {self.at:,}); nothing of it was run; {self._remedy}")

    def left(self) -> int:
        """Return how many bytes are left."""
        return self.size - self._stream.tell()

    def next_opcode(self) -> bytes:
        """Return the next byte, and note where it is."""
        self.at = self._stream.tell()
        return self.read(1)

    def read(self, count: int) -> bytes:
        """Return the next bytes."""
        if count > self.left():  # before anything is allocated
            self.fail("ends in the middle, or names a length beyond its end")
        content = self._stream.read(count)
        if len(content) != count:
            self.fail("ends in the middle")
        return content

    def length(self, count: int) -> int:
        """Return the number of so many bytes, the lowest first."""
        return int.from_bytes(self.read(count), "little")

    def whole_line(self, most: int) -> bytes:
        """Return the next line, of at most so many bytes, with its end."""
        line = self._stream.readline(min(most + 1, max(self.left(), 1)))
        if not line.endswith(b"\n"):
            self.fail("has a line that is too long, or ends in the middle")
        return line

    def line(self, most: int) -> bytes:
        """Return the next line without its end."""
        return self.whole_line(most)[:-1]

    def whole(self, digits: bytes) -> int:
        """Return the whole number that digits are."""
        if not digits.removeprefix(b"-").isdigit():
            self.fail("has a number that is none")
        return int(digits)

    def number(self) -> int:
        """Return the whole number in the next line."""
        return self.whole(self.line(MOST_DIGITS))
