"""What the arrays of a checkpoint do not tell: from options, from its command line, or assumed."""

from collections.abc import Callable
from typing import NamedTuple

from keras_samplernn.errors import UserError
from keras_samplernn.theano.reading import Original

# Of the published command lines; two tiers had windows of 64 frames.
Q_TYPE, SEQ_LEN, FRAMES, BATCH_SIZE = "linear", 512, 64, 128
# The original knows no other.
SAMPLE_RATE = 16000


class Told(NamedTuple):
    """What the arrays of a checkpoint do not tell.

    Attributes:
        q_type: how amplitudes became codes.
        seq_len: samples of a training window.
        batch_size: windows in a batch.
        sample_rate: samples per second.
        assumed: the names of those that nothing told.
    """

    q_type: str
    seq_len: int
    batch_size: int
    sample_rate: int
    assumed: tuple[str, ...]


def settle(
    original: Original,
    say: Callable[[str], None],
    q_type: str | None = None,
    seq_len: int | None = None,
    batch_size: int | None = None,
    sample_rate: int | None = None,
) -> Told:
    """Return what is to be known, and say what is assumed, and where an option replaces the command line.

    Args:
        original: the checkpoint.
        say: called with each line.
        q_type: the option `--q-type`; None: it was not given, as for the others.
        seq_len: the option `--seq-len`.
        batch_size: the option `--batch-size`.
        sample_rate: the option `--sample-rate`.

    Raises:
        UserError: the length of a window is not a multiple of the top frame size.
    """
    sizes = [level.frame_size for level in original.architecture.frame_levels]
    top, arguments = sizes[0], original.arguments
    usual_seq_len = FRAMES * top if len(sizes) == 1 else -(-SEQ_LEN // top) * top
    choices = {
        "q_type": (q_type, arguments.q_type, Q_TYPE),
        "seq_len": (seq_len, arguments.seq_len(top), usual_seq_len),
        "batch_size": (batch_size, arguments.batch_size, BATCH_SIZE),
    }
    assumed = {name: usual for name, (given, said, usual) in choices.items() if given is None and said is None}
    values = {name: next(value for value in each if value is not None) for name, each in choices.items()}
    for name, (given, said, _) in choices.items():
        if given is not None and said is not None and given != said:
            say(f"{original.files.arguments}: has --{name} {said}; {_option(name)} {given} is taken")
    if values["seq_len"] % top:
        place = "--seq-len" if seq_len is not None else str(original.files.arguments)
        raise UserError(
            f"{place}: {values['seq_len']} samples are not a multiple of the top frame size {top}; give --seq-len"
            f" {max(values['seq_len'] // top, 1) * top}"
        )
    if assumed:
        options = ", ".join(f"{_option(name)} {value}" for name, value in assumed.items())
        why = "does not say it" if arguments else "is not there to say it"
        say(f"assumed: {options}, as in the published command lines, since args.pkl {why}; give them if they differ")
    return Told(**values, sample_rate=sample_rate or SAMPLE_RATE, assumed=tuple(assumed))


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
