"""The command that was given, as a shell reads it, to be given again."""

import shlex
import sys
from pathlib import Path


def command_again(*without: str) -> str:
    """Return the command that was given.

    Args:
        without: options to leave out: `--restart`, or with their value, `--max-steps=`.
    """
    kept, skips = [], False
    for argument in sys.argv[1:]:
        if skips:
            skips = False
        elif f"{argument}=" in without:
            skips = True
        elif argument not in without and not argument.startswith(tuple(each for each in without if each[-1] == "=")):
            kept.append(argument)
    return f"{program()} {shlex.join(kept)}"


def program() -> str:
    """Return what the user typed before the command's name, as a shell reads it."""
    file = Path(sys.argv[0])
    if file == Path(__file__).parent.with_name("__main__.py"):
        return "python -m keras_samplernn"
    return shlex.join(["python", str(file)]) if file.suffix == ".py" else "keras-samplernn"
