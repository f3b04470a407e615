"""A model made ready to train: optimizer, carried states, and the batches of each epoch."""

import tensorflow as tf

from keras_samplernn.data.batches import Plan, make_batches, plan_epoch
from keras_samplernn.data.corpus import Corpus
from keras_samplernn.data.quantization import Quantizer
from keras_samplernn.model.samplernn import SampleRNN
from keras_samplernn.spec import Spec
from keras_samplernn.training.optimizer import build_optimizer


class Trainer:
    """Compiles a model for a spec's training and lays its corpus in batches.

    Args:
        spec: how to train.
        model: new, under the spec's precision.
        train: the training sounds.
    """

    def __init__(self, spec: Spec, model: SampleRNN, train: Corpus):
        self.spec, self.model, self.train = spec, model, train
        model.carry_states(spec.training.batch_size)
        # As a plain graph: faster than XLA on every TensorFlow supported (docs/decisions/007).
        model.compile(optimizer=build_optimizer(spec, model), jit_compile=False)

    def plan(self, epoch: int) -> Plan:
        """Return the plan of an epoch: a function of the spec's seed and the epoch's number."""
        training = self.spec.training
        return plan_epoch(
            [sound.samples for sound in self.train.sounds],
            training.batch_size,
            training.seq_len,
            segment_samples=round(self.spec.data.segment_seconds * self.spec.audio.sample_rate),
            seed=training.seed,
            epoch=epoch,
        )

    def batches(self, plan: Plan, first_step: int = 0) -> tf.data.Dataset:
        """Return a plan's batches from a step on: inputs, targets `(B, T)`, weights `(B, T)`, 0 where no target is."""
        lookback = self.model.lookback

        def split(batch: dict[str, tf.Tensor]) -> tuple[dict, tf.Tensor, tf.Tensor]:
            weights = tf.sequence_mask(batch["valid"], plan.seq_len, tf.float32)
            inputs = {key: value for key, value in batch.items() if key != "valid"}
            return inputs, batch["codes"][:, lookback:], weights

        return make_batches(self.train, plan, lookback, Quantizer.of(self.spec.audio).silence, first_step).map(split)
