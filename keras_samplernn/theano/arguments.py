"""The command line of the original program: what it says that arrays do not, and whether it is of the same model."""

import re
from collections.abc import Iterator, Sequence
from typing import get_args

from keras_samplernn.errors import UserError
from keras_samplernn.spec import QType
from keras_samplernn.theano.architecture import Architecture

_COUNT = re.compile(r"\d{1,9}")


class Arguments:
    """The flags of a command line.

    Args:
        words: of the command line, the program first; none: it is not known.
        place: of its file, for messages.
    """

    def __init__(self, words: Sequence[str], place: str):
        self._place = place
        self._flags = {}
        for word, following in zip(words, [*words[1:], "--"], strict=False):
            name, equals, value = word.partition("=")
            if name.startswith("--"):
                self._flags[name[2:]] = value if equals else "" if following.startswith("--") else following

    def __bool__(self) -> bool:
        return bool(self._flags)

    def check(self, architecture: Architecture) -> None:
        """Raise UserError unless the command line is one of this model, in one line."""
        for name, value in _told(architecture):
            said = self._flags.get(name)
            if said is None:
                continue
            same = _truth(said) == value if isinstance(value, bool) else said.strip().upper() == str(value).upper()
            if not same:
                raise UserError(
                    f"{self._place}: has --{name} {said[:40]}, and the checkpoint has {value}, so it is of another"
                    " model; move it away, and give --q-type, --seq-len and --batch-size"
                )

    @property
    def q_type(self) -> str | None:
        """How amplitudes became codes; None: it is not known."""
        value = self._flags.get("q_type")
        if value is not None and value not in get_args(QType):
            raise UserError(
                f"{self._place}: --q_type {value[:40]} is none of {', '.join(get_args(QType))}; give --q-type"
            )
        return value

    @property
    def batch_size(self) -> int | None:
        """Sounds in a batch; None: it is not known."""
        return self._count("batch_size")

    @property
    def learns_h0(self) -> bool:
        """Whether the states before a sound were trained; where it is not known, False."""
        return _truth(self._flags.get("learn_h0", "False")) is True

    def seq_len(self, frame_size: int) -> int | None:
        """Return the samples of a window; None: it is not known.

        Args:
            frame_size: of the top tier; two tiers were told frames, not samples.
        """
        frames = self._count("n_frames")
        return self._count("seq_len") or (frames and frames * frame_size)

    def _count(self, name: str) -> int | None:
        value = self._flags.get(name)
        if value is None:
            return None
        if not _COUNT.fullmatch(value) or not int(value):
            option = "--seq-len" if name == "n_frames" else f"--{name.replace('_', '-')}"
            raise UserError(f"{self._place}: --{name} {value[:40]} is no count; move it away, and give {option}")
        return int(value)


def _told(architecture: Architecture) -> Iterator[tuple[str, object]]:
    """Yield the flags that names and shapes tell the values of."""
    top, lowest = architecture.frame_levels[0], architecture.frame_levels[-1]
    yield "dim", architecture.dim
    yield "n_rnn", lowest.n_rnn
    yield "rnn_type", lowest.rnn_type
    yield "skip_conn", lowest.skip_conn
    yield "weight_norm", architecture.weight_norm
    yield "emb_size", architecture.emb_size
    yield "q_levels", architecture.q_levels
    yield "frame_size", lowest.frame_size
    if len(architecture.frame_levels) > 1:
        yield "big_frame_size", top.frame_size


def _truth(word: str) -> bool | None:
    """Return what the original takes a word for, which may be cut short: true, false or neither."""
    word = word.strip().upper()
    return True if "TRUE".startswith(word) else False if "FALSE".startswith(word) else None
