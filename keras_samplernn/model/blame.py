"""What an exception says, and where in some packages' code it came from, for messages of one line."""

import re
import traceback
from collections.abc import Collection
from types import FrameType

# Keras adds where it was and the values of all arguments, TensorFlow adds colours.
_ADDED = re.compile(r"\x1b\[\d*m|Exception encountered when calling [^\n]*\n\n|\n\nArguments received.*", re.DOTALL)


def words_of(error: BaseException) -> str:
    """Return what an exception says in one line, without what Keras and TensorFlow add."""
    text = error
    if isinstance(error, KeyError) and len(error.args) == 1:
        text = error.args[0]  # Python shows it with quotation marks
    if isinstance(error, SyntaxError) and error.filename:
        text = error.msg  # Python adds the place
    return " ".join(_ADDED.sub("", str(text)).split()).rstrip(".")


def package_of(module: str) -> str:
    """Return the outermost package of a module, or the module itself."""
    return module.partition(".")[0]


def frames_in(error: BaseException, packages: Collection[str]) -> list[tuple[FrameType, int]]:
    """Return the frames of an exception that run code of some packages, and their lines, the innermost last."""
    frames = traceback.walk_tb(error.__traceback__)
    return [(frame, line) for frame, line in frames if package_of(frame.f_globals.get("__name__", "")) in packages]


def place_in(error: BaseException, packages: Collection[str]) -> str:
    """Return `file:line` where some packages' code raised an exception, or cannot be read; empty if that is unknown."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    frames = frames_in(error, packages)
    return f"{frames[-1][0].f_code.co_filename}:{frames[-1][1]}" if frames else ""
