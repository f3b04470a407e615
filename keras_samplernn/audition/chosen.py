"""The checkpoints of an audition: each once, whatever it is asked for by."""

import dataclasses
from collections.abc import Callable, Sequence

from keras_samplernn.checkpoints.checkpoint import Checkpoint
from keras_samplernn.checkpoints.shelf import choose_checkpoint, list_checkpoints
from keras_samplernn.errors import UserError
from keras_samplernn.model.samplernn import SampleRNN
from keras_samplernn.run_folder import RunFolder


@dataclasses.dataclass
class Chosen:
    """A checkpoint that is listened to.

    Attributes:
        checkpoint: on disk.
        asked_for: "best", "heard" and "newest", those of them that it is.
        validation_bits: bits per sample of its validation; None: it was not validated.
    """

    checkpoint: Checkpoint
    asked_for: list[str]
    validation_bits: float | None

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self.checkpoint.folder.name


def choose(run: RunFolder, which: Sequence[str], model: SampleRNN, say: Callable[[str], None]) -> list[Chosen]:
    """Return the checkpoints that are asked for, oldest first.

    Args:
        run: with checkpoints.
        which: "best", "heard", "newest" or "all".
        model: the model that will get the weights; an outline is enough.
        say: called with one line for each damaged checkpoint.

    Raises:
        UserError: there is no checkpoint, or all are damaged.
    """
    found: dict[str, Checkpoint] = {}
    names: dict[str, list[str]] = {}
    for each in dict.fromkeys(which):
        if each == "all":
            found |= {checkpoint.folder.name: checkpoint for checkpoint in _all(run, model, say)}
        else:
            checkpoint = choose_checkpoint(run.checkpoints_folder, each, model, say)
            found[checkpoint.folder.name] = checkpoint
            names.setdefault(checkpoint.folder.name, []).append(each)
    chosen = [
        Chosen(checkpoint, names.get(name, []), _validation_bits(checkpoint)) for name, checkpoint in found.items()
    ]
    return sorted(chosen, key=lambda each: each.name)


def _all(run: RunFolder, model: SampleRNN, say: Callable[[str], None]) -> list[Checkpoint]:
    """Return all checkpoints that are whole; of several of one step, which have the same weights, the last."""
    of_step: dict[int, Checkpoint] = {}
    problems: list[str] = []
    for checkpoint in list_checkpoints(run.checkpoints_folder):
        try:
            of_step[checkpoint.step] = choose_checkpoint(run.checkpoints_folder, checkpoint.folder.name, model, say)
        except UserError as error:
            problems += error.lines
    if not of_step:
        raise UserError(*(problems or [f"{run.checkpoints_folder}: holds no checkpoint yet; train with `fit` first"]))
    for line in problems:
        say(f"{line}; it is left out")
    return [*of_step.values()]


def _validation_bits(checkpoint: Checkpoint) -> float | None:
    rows = checkpoint.read_state().get("rows") if checkpoint.validated else None
    last = rows[-1] if isinstance(rows, list) and rows and isinstance(rows[-1], dict) else {}
    bits = last.get("validation_bits") if last.get("step") == checkpoint.step else None
    return float(bits) if isinstance(bits, int | float) else None
