"""A few training steps that are not kept, to see how long one takes."""

import dataclasses
import itertools
import time

from keras_samplernn.model.assembly import assemble
from keras_samplernn.model.memory import SMALLER_WINDOWS, check_training_memory, telling_exhaustion, weights_in
from keras_samplernn.spec import Spec
from keras_samplernn.training.corpora import Corpora
from keras_samplernn.training.trainer import Trainer

TRIAL_STEPS = 4
TRIAL_SECONDS = 20.0


@dataclasses.dataclass(frozen=True)
class Trial:
    """What trial steps of a spec showed.

    Attributes:
        parameters: number of the model's parameters.
        batch_size: windows of a step.
        seq_len: samples of a window.
        steps_per_epoch: steps of the first epoch; others differ by a few.
        seconds_per_step: time of the fastest step, without compiling.
    """

    parameters: int
    batch_size: int
    seq_len: int
    steps_per_epoch: int
    seconds_per_step: float

    @property
    def seconds_per_epoch(self) -> float:
        """Seconds of an epoch without its validation."""
        return self.seconds_per_step * self.steps_per_epoch


def try_steps(spec: Spec, corpora: Corpora) -> Trial:
    """Take a few trial steps of a spec's training.

    Args:
        spec: validated.
        corpora: of the spec.

    Raises:
        UserError: the machine or the device has too little memory.
    """
    check_training_memory(spec)
    model = assemble(spec, spec.training.precision)
    trainer = Trainer(spec, model, corpora.varied)
    plan = trainer.plan(epoch=0)
    with telling_exhaustion(spec.name, f"{plan.lanes} windows of {plan.seq_len} samples", SMALLER_WINDOWS):
        seconds = _seconds_per_step(trainer)
    return Trial(weights_in(model), plan.lanes, plan.seq_len, plan.steps, seconds)


def _seconds_per_step(trainer: Trainer) -> float:
    """Return the time of the fastest of a few training steps after the first, which compiles."""
    batches = itertools.chain.from_iterable(itertools.repeat(trainer.batches(trainer.plan(epoch=0))))
    trainer.step(next(batches)).read()
    times, began = [], time.perf_counter()
    while len(times) < TRIAL_STEPS and (not times or time.perf_counter() - began < TRIAL_SECONDS):
        batch, start = next(batches), time.perf_counter()
        trainer.step(batch).read()
        times.append(time.perf_counter() - start)
    return min(times)
