"""An estimate of what training a spec takes, measured on a few steps that are not kept."""

import dataclasses
import resource
import sys
from collections.abc import Sequence

from keras_samplernn.machine import container_bytes, physical_bytes, usable_cores
from keras_samplernn.model.memory import copies_in_training, outline
from keras_samplernn.spec import Spec
from keras_samplernn.training.corpora import Corpora
from keras_samplernn.training.figures import CorpusFigures
from keras_samplernn.training.trial import Trial, try_steps


@dataclasses.dataclass(frozen=True)
class Estimate(Trial):
    """What training a spec takes on this machine.

    Attributes:
        corpora: the figures of `train` and, if the spec names them, of `valid` and `test`.
        sample_rate: in Hz.
        weight_copies: how often training holds the parameters.
        frame_sizes: samples per step of each tier, the slowest first.
        sample_window: samples that the last tier reads before each sample.
        epochs: number of epochs in the spec.
        cores: number of processors that this process may use.
        peak_memory_bytes: the most memory that this process has taken.
        machine_bytes: memory of this machine.
        container_bytes: what the container of this process may take of it, if that is less.
    """

    corpora: dict[str, CorpusFigures]
    sample_rate: int
    weight_copies: int
    frame_sizes: Sequence[int]
    sample_window: int
    epochs: int
    cores: int
    peak_memory_bytes: int
    machine_bytes: int
    container_bytes: int | None

    @property
    def samples_per_second(self) -> float:
        """Training samples per second."""
        return self.corpora["train"].samples / self.seconds_per_epoch

    @property
    def seconds_in_all(self) -> float:
        """Seconds of all epochs without their validation."""
        return self.seconds_per_epoch * self.epochs

    @property
    def row_seconds(self) -> float:
        """Seconds of training sound in each row of the batch, in an epoch."""
        return self.corpora["train"].seconds / self.batch_size

    @property
    def memory_limit_bytes(self) -> int:
        """The memory that this process may use: the container's, or else the machine's."""
        return self.machine_bytes if self.container_bytes is None else self.container_bytes

    def milliseconds(self, samples: int) -> float:
        """Return how long so many samples last."""
        return 1000 * samples / self.sample_rate


def estimate(spec: Spec, corpora: Corpora) -> Estimate:
    """Take a few trial steps of a spec's training.

    Args:
        spec: validated.
        corpora: of the spec.

    Raises:
        UserError: the machine or the device has too little memory.
    """
    trial = try_steps(spec, corpora)
    tiers = outline(spec).tiers
    limit = container_bytes()
    # Linux counts in KiB, macOS in bytes.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return Estimate(
        **vars(trial),
        corpora={name: CorpusFigures.of(corpus, spec) for name, corpus in corpora.present().items()},
        sample_rate=spec.audio.sample_rate,
        weight_copies=copies_in_training(spec),
        frame_sizes=[tier.frame_size for tier in tiers],
        sample_window=tiers[-1].reads,
        epochs=spec.training.epochs,
        cores=usable_cores(),
        peak_memory_bytes=peak,
        machine_bytes=physical_bytes(),
        container_bytes=limit if limit is not None and limit < physical_bytes() else None,
    )
