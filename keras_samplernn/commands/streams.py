"""The standard streams: whatever they are connected to, a message or a path can be printed."""

import codecs
import os
import sys


def prepare_streams() -> None:
    """Make stdin, stdout and stderr safe to use; call it before anything is opened or printed."""
    _open_closed_streams()
    codecs.register_error("keras_samplernn", _as_it_is)
    # The streams of a notebook and of `contextlib.redirect_stdout` may have no encoding.
    if hasattr(sys.stdout, "reconfigure"):
        # By lines, so that the reader of a pipe has each path as soon as its file is whole.
        sys.stdout.reconfigure(errors="keras_samplernn", line_buffering=True)
    if hasattr(sys.stderr, "reconfigure"):
        sys.stderr.reconfigure(errors="backslashreplace")


def _open_closed_streams() -> None:
    """Connect streams that were closed (`2>&-`) to the null device, so that no other file takes their numbers."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115, PTH123


def _as_it_is(error: UnicodeError) -> tuple[str | bytes, int]:
    """Print the bytes of a file name that is not text as they are, and escape what the stream's encoding lacks."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    handler = "surrogateescape" if "\udc80" <= error.object[error.start] <= "\udcff" else "backslashreplace"
    one = UnicodeEncodeError(error.encoding, error.object, error.start, error.start + 1, error.reason)
    return codecs.lookup_error(handler)(one)
