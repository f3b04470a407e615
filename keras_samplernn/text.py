"""Text files that a user gives: read within memory, and quoted in messages."""

import re
from pathlib import Path

from keras_samplernn.errors import UserError
from keras_samplernn.machine import machine_bytes

BLOCK_BYTES = 1 << 24
_MOST_SHOWN = 40
_UTF8, _UTF16 = b"\xef\xbb\xbf", (b"\xff\xfe", b"\xfe\xff")
_UTF32 = b"\xff\xfe\0\0", b"\0\0\xfe\xff"
# Beside a line feed, carriage returns belong to it; alone, each is an end of a line: programs of old write them.
_LINE_END = re.compile(rb"\r*\n\r*|\r")


def read_lines(path: Path, blanks: bytes | None = None) -> bytes:
    """Return a text file as UTF-8, without byte order mark and blanks at its end, lines ending with LF.

    Args:
        path: the file.
        blanks: what is taken for a blank at the end; None: all white space.

    Raises:
        UserError: it cannot be read, has more than an eighth of the machine's memory, is UTF-32, or is UTF-16 that
            cannot be told from other text.
    """
    text = _read(path)
    if text.startswith(_UTF32):
        raise UserError(f"{path}: is UTF-32 text; save it as UTF-8")
    if text.startswith(_UTF16):
        try:
            text = text.decode("utf-16").encode()
        except UnicodeError:
            raise UserError(f"{path}: is not whole UTF-16 text; save it as UTF-8") from None
    elif b"\0" in text[:1000]:
        raise UserError(f"{path}: is not text, or UTF-16 without a byte order mark; save it as UTF-8")
    text = text.removeprefix(_UTF8).rstrip(blanks).replace(b"\r\n", b"\n")
    return _LINE_END.sub(b"\n", text) if b"\r" in text else text


def _read(path: Path) -> bytes:
    most, blocks, size = machine_bytes() // 8, [], 0
    try:
        with path.open("rb") as stream:
            while block := stream.read(BLOCK_BYTES):
                blocks.append(block)
                size += len(block)
                if size > most:
                    raise UserError(f"{path}: has more than {most / 1e9:,.1f} GB, too much for this machine; cut it")
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; give the path of a readable text file") from None
    return b"".join(blocks)


def shorten(value: str) -> str:
    """Return the beginning of a text, with ? for each character that cannot be printed."""
    shown = "".join(character if character.isprintable() else "?" for character in value[:_MOST_SHOWN])
    return shown + ("..." if len(value) > _MOST_SHOWN else "")


def quote(value: str) -> str:
    """Return the beginning of a text in quotation marks."""
    return f'"{shorten(value)}"'


def unquoted(value: str) -> str:
    """Return a value without blanks and a pair of quotes around it."""
    value = value.strip()
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" and value.count(value[0]) == 2
    return value[1:-1].strip() if quoted else value
