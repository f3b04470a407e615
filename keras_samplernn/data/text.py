"""Text files that a user gives: read within memory, and quoted in messages."""

from pathlib import Path

from keras_samplernn.errors import UserError
from keras_samplernn.machine import machine_bytes

BLOCK_BYTES = 1 << 24
_MOST_SHOWN = 40


def read_text(path: Path) -> bytes:
    """Return the bytes of a text file, without its byte order mark and the blanks at its end.

    Raises:
        UserError: it cannot be read, or has more than an eighth of the machine's memory.
    """
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
    return b"".join(blocks).removeprefix(b"\xef\xbb\xbf").rstrip()


def shorten(value: str) -> str:
    """Return the beginning of a text, with ? for each character that cannot be printed."""
    shown = "".join(character if character.isprintable() else "?" for character in value[:_MOST_SHOWN])
    return shown + ("..." if len(value) > _MOST_SHOWN else "")


def quote(value: str) -> str:
    """Return the beginning of a text in quotation marks."""
    return f'"{shorten(value)}"'
