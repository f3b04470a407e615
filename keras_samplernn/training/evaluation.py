"""Bits per sample of whole files: total bits over total samples, never a mean of means."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from keras import ops

from keras_samplernn.backend import traced
from keras_samplernn.conditions.layout import class_columns
from keras_samplernn.conditions.streams import NONE, ClassesStream
from keras_samplernn.data.batches import make_batches
from keras_samplernn.data.corpus import Corpus
from keras_samplernn.data.plan import plan_once
from keras_samplernn.distribution.replicas import Replicas
from keras_samplernn.model.samplernn import Prepared, SampleRNN
from keras_samplernn.model.scoring import Scorer


@dataclasses.dataclass(frozen=True)
class Bits:
    """The bits of a corpus under a model.

    Attributes:
        total: bits of all samples.
        samples: number of samples.
        part_totals: bits of each part of the codes, by its name.
        class_totals: for each stream of classes, `(classes,)` bits of the samples of each class.
        class_samples: for each stream of classes, `(classes,)` number of samples of each class.
    """

    total: float
    samples: int
    part_totals: dict[str, float]
    class_totals: dict[str, np.ndarray]
    class_samples: dict[str, np.ndarray]

    @property
    def per_sample(self) -> float:
        """Bits per sample."""
        return self.total / self.samples

    @property
    def per_part(self) -> dict[str, float]:
        """Bits per sample of each part of the codes; empty if they have one part."""
        if len(self.part_totals) == 1:
            return {}
        return {name: total / self.samples for name, total in self.part_totals.items()}

    def per_class(self, stream: ClassesStream) -> dict[str, float]:
        """Return bits per sample of each class of a stream that occurs."""
        sums = self.class_totals[stream.name], self.class_samples[stream.name]
        occurring = zip(stream.classes, *sums, strict=True)
        return {name: float(total / samples) for name, total, samples in occurring if samples}


class Evaluator:
    """Scores whole files with states of its own: it neither reads nor changes the states of training.

    Args:
        model: its present weights are used at each call, unless `weights` are given.
        silence: the code of silence.
        lanes: most files side by side.
        seq_len: samples per window, whole top frames; the figures do not depend on it.
        weights: what `SampleRNN.generation_weights` returned.
        replicas: share out the files; the model was made in their scope. None: there is one.
    """

    def __init__(
        self,
        model: SampleRNN,
        silence: int,
        lanes: int,
        seq_len: int,
        weights: Prepared | None = None,
        replicas: Replicas | None = None,
    ):
        self.model = model
        self.weights = weights
        self.lanes = lanes
        self.replicas = replicas or Replicas()
        self._scorer = Scorer(model, silence, seq_len)
        self._score = traced(lambda *arguments: self.replicas.run(self._scorer.score, *arguments))

    def __call__(
        self,
        corpus: Corpus,
        check_stop: Callable[[], None] = lambda: None,
        on_bits: Callable[[int, int, np.ndarray], None] | None = None,
    ) -> Bits:
        """Score every sample of every file once; with several workers, all call this, and all get the bits of all.

        Args:
            corpus: the files.
            check_stop: called before every window, and may raise.
            on_bits: called for each piece of a file that this worker scores, with the index of the file, the offset of
                the piece in samples, and its bits, `(n,)`.
        """
        lengths, seq_len = [sound.samples for sound in corpus.sounds], self._scorer.window_samples
        each = self.replicas.lanes_each(min(self.lanes, len(lengths)))
        plan = plan_once(lengths, each * self.replicas.count, seq_len)
        states = self.model.initial_states(each)
        total, samples, parts = 0.0, 0, self.model.head.parts
        part_totals = np.zeros(len(parts))
        columns = enumerate(class_columns(self.model.streams))
        streams = [(column, each) for column, each in columns if each.fades is not None]
        class_totals = {each.name: np.zeros(each.count) for _, each in streams}
        class_samples = {each.name: np.zeros(each.count, np.int64) for _, each in streams}
        here = self.replicas.lanes_here(plan.lanes)
        batches = make_batches(corpus, plan, self.model.lookback, self._scorer.silence, lanes=here)
        for step, batch in enumerate(batches):
            valid = np.arange(seq_len) < batch.pop("valid").numpy()[:, None]
            check_stop()
            bits, states = self._windows(batch, states)
            if on_bits is not None:
                windows = plan.at(step)
                for sound, offset, row, known in zip(
                    windows.sound[here], windows.offset[here], bits, valid, strict=True
                ):
                    if known.any():
                        on_bits(int(sound), int(offset), row[known].sum(axis=-1))
            of_parts = bits[valid]
            bits = of_parts.sum(axis=-1)
            part_totals += of_parts.sum(axis=0)
            total += bits.sum()
            samples += len(bits)
            for column, each in streams:
                classes = batch["conditions"].classes.numpy()[valid][:, column]
                known = classes != NONE
                class_totals[each.name] += np.bincount(classes[known], bits[known], minlength=each.count)
                class_samples[each.name] += np.bincount(classes[known], minlength=each.count)
        of_all = [total, samples, part_totals, *class_totals.values(), *class_samples.values()]
        total, samples, part_totals, *of_classes = self._of_all_workers(of_all)
        names = list(class_totals)
        class_totals, class_samples = (
            dict(zip(names, each, strict=True)) for each in (of_classes[: len(names)], of_classes[len(names) :])
        )
        of_parts = dict(zip(parts, part_totals.tolist(), strict=True))
        return Bits(float(total), int(samples), of_parts, class_totals, class_samples)

    def _of_all_workers(self, sums: Sequence[Any]) -> list[np.ndarray]:
        """Return the sums of all workers, each with the shape and dtype of this worker's."""
        arrays = [np.asarray(each) for each in sums]
        flat = self.replicas.total_of_workers(np.concatenate([each.ravel() for each in arrays]).astype(np.float64))
        pieces = np.split(flat, np.cumsum([each.size for each in arrays])[:-1])
        return [piece.reshape(each.shape).astype(each.dtype) for piece, each in zip(pieces, arrays, strict=True)]

    def _windows(self, batch: dict[str, Any], states: list[tuple]) -> tuple[np.ndarray, list[tuple]]:
        """Do what `Scorer.windows` does in every replica of this worker; return the bits of all their rows."""
        bits, states = self._score(batch, states, self._scorer.values, self.weights)
        rows = [ops.convert_to_numpy(part) for part in self.replicas.parts(bits)]
        return np.concatenate(rows).astype(np.float64), states
