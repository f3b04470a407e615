"""Lines of text as a source: what is typed, or what another program writes to stdin."""

import threading
import time
from typing import TextIO

from keras_samplernn.live.desk import Desk
from keras_samplernn.live.words import MOST_LENGTH


def read_lines(stream: TextIO, desk: Desk) -> None:
    """Give the lines of a stream to a desk until it ends; what is longer than a line is refused in one piece."""
    while line := stream.readline(MOST_LENGTH + 2):
        whole = line
        while not line.endswith("\n") and (line := stream.readline(1 << 16)):
            pass
        if len(whole.rstrip("\n")) > MOST_LENGTH:
            desk.refuse(f'"{whole[:20]}...": is longer than {MOST_LENGTH:,} characters')
        else:
            desk.line(whole)
        if wait := desk.pause():
            time.sleep(wait)


def start_lines(stream: TextIO, desk: Desk) -> None:
    """Read a stream in a thread that does not outlive the program."""
    threading.Thread(target=read_lines, args=(stream, desk), name="stdin", daemon=True).start()
