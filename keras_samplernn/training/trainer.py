"""A model in training: its optimizer, its carried states, and the batches of each epoch."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_samplernn.backend import traced
from keras_samplernn.checkpoints.arrays import Shape
from keras_samplernn.conditions.streams import classes_streams, dropout_shares, streams_of
from keras_samplernn.data.balance import Balance
from keras_samplernn.data.batches import make_batches
from keras_samplernn.data.continuations import draw_continuations
from keras_samplernn.data.corpus import Corpus
from keras_samplernn.data.dropout import draw_dropout
from keras_samplernn.data.gains import draw_gains
from keras_samplernn.data.noise import STRETCH_SECONDS, draw_noise
from keras_samplernn.data.plan import Plan, plan_epoch, segments_of
from keras_samplernn.data.quantization import Quantizer
from keras_samplernn.data.speeds import Versions, draw_lengths
from keras_samplernn.distribution.replicas import Replicas, assign_here
from keras_samplernn.model.assembly import assemble
from keras_samplernn.model.samplernn import SampleRNN
from keras_samplernn.spec import Spec
from keras_samplernn.training.optimizer import apply_in_place, build_optimizer
from keras_samplernn.training.step import Step, Sums, Values

# Between the seeds of replicas: 2^32 over the golden ratio, so that few seeds of users meet.
SEED_DISTANCE = 0x9E3779B1


class Trainer:
    """Takes the training steps of a spec, and keeps the values that they change in variables.

    Args:
        spec: its `training` has the settings.
        model: new, in the spec's precision.
        train: the training sounds; `Versions` if the spec asks for augmentation by speed. None: it takes no steps.
        replicas: share out the lanes of a batch; the model was made in their scope. None: there is one.

    Attributes:
        result: the model that is validated, saved and generated from: `model`, or, with `ema_decay`, another one with
            the average of its weights.
        balance: says how often segments are visited; None: each is once in an epoch.
        others: what a step changes besides the weights of `result` and the carried states: states of random generators,
            optimizer; and with `ema_decay` the weights of `model`.
    """

    def __init__(self, spec: Spec, model: SampleRNN, train: Corpus | Versions | None, replicas: Replicas | None = None):
        self.spec, self.model, self.train = spec, model, train
        self.replicas = replicas or Replicas()
        self.balance = None
        if spec.data.balance and train is not None:
            self.balance = Balance(train.sounds, classes_streams(train.streams)[0], spec.data.balance)
        lanes = self.replicas.lanes_each(spec.training.batch_size)
        with self.replicas.scope():
            self.optimizer = build_optimizer(spec, model)
            # Each replica has values of its own.
            local = {"trainable": False, "dtype": "float32", "synchronization": "on_read", "aggregation": "none"}
            self._carried = [
                tuple(keras.Variable(tf.zeros((lanes, *shape)), **local) for shape in tier.state_shapes)
                for tier in model.tiers
            ]
            self.result = assemble(spec, spec.training.precision) if spec.training.ema_decay else model
        weights = {id(weight) for weight in model.weights}
        self._random_states = [each for each in model.non_trainable_variables if id(each) not in weights]
        self.others = [*self._random_states, *self.optimizer.variables]
        if self.result is not model:
            self.others += model.weights
            self.begin_average()
        self._step = Step(model, self.optimizer, spec.training.remat_samples, self.replicas.total)
        self._advance = traced(self._advance_replicas)

    def begin_average(self) -> None:
        """Let the average of the weights be the present weights; call it after they are given others."""
        if self.result is not self.model:
            for average, weight in zip(self.result.weights, self.model.weights, strict=True):
                average.assign(weight)

    def step(self, batch: dict[str, tf.Tensor]) -> Sums:
        """Take a step; see `Step`. The batch has the rows of this worker. The sums may not be computed yet."""
        return self._advance(batch)

    def _advance_replicas(self, batch: dict[str, tf.Tensor]) -> Sums:
        """Take a step in every replica; all return the same sums."""
        return keras.tree.map_structure(
            lambda each: self.replicas.parts(each)[0], self.replicas.run(self._advance_variables, batch)
        )

    def _advance_variables(self, batch: dict[str, tf.Tensor]) -> Sums:
        """Take a step in place: the results of `Step` are assigned to the variables of its arguments."""
        model = self.model
        values = Values(
            [tf.convert_to_tensor(each) for each in model.trainable_variables],
            self._others_of_replica(),
            [],
            keras.tree.map_structure(tf.convert_to_tensor, self._carried),
        )
        gradients, after, sums = self._step.gradients(values, batch)
        apply_in_place(self.optimizer, gradients, model.trainable_variables)
        assign_here(model.non_trainable_variables, self._others_of_all(after.others))
        assign_here(self._carried, after.states)
        if self.result is not model:
            self._average()
        return sums

    def _others_of_replica(self) -> list[tf.Tensor]:
        """Return the values of the variables that are not trained, with random states that no other replica has."""
        return [
            tf.convert_to_tensor(each) + self._random_shift() if self._draws(each) else tf.convert_to_tensor(each)
            for each in self.model.non_trainable_variables
        ]

    def _others_of_all(self, others: list[tf.Tensor]) -> list[tf.Tensor]:
        """Return these values after a step as all replicas keep them: the means of what tiers note of their inputs."""
        if self.replicas.count == 1:
            return others
        return [*map(self._of_all, self.model.non_trainable_variables, others)]

    def _of_all(self, variable: keras.Variable, value: tf.Tensor) -> tf.Tensor:
        if self._draws(variable):
            return value - self._random_shift()
        return self.replicas.total(value) / self.replicas.count if value.dtype.is_floating else value

    def _draws(self, variable: keras.Variable) -> bool:
        """Return whether a variable is the state of a random generator, two uint32: its seed and a count."""
        return self.replicas.count > 1 and any(variable is each for each in self._random_states)

    def _random_shift(self) -> tf.Tensor:
        return tf.constant([self.replicas.number() * SEED_DISTANCE % 2**32, 0], tf.uint32)

    def _average(self) -> None:
        """Move the average to the weights after a step; the first steps count more, so that it forgets the start.

        What no gradient changes, such as a mean that a tier keeps of its inputs, is taken as it is.
        """
        step = tf.cast(self.optimizer.iterations, "float32")
        share = 1 - tf.minimum(self.spec.training.ema_decay, (1 + step) / (10 + step))
        pairs = zip(self.result.trainable_variables, self.model.trainable_variables, strict=True)
        for average, weight in pairs:
            tf.raw_ops.AssignAddVariableOp(resource=average.value.handle, value=share * (weight - average))
        noted = [tf.convert_to_tensor(each) for each in self.model.non_trainable_weights]
        assign_here(self.result.non_trainable_weights, noted)

    @property
    def shapes(self) -> list[Shape]:
        """The shapes of `kept`."""
        lanes = (self.spec.training.batch_size,)
        carried = [Shape.of(each) for each in keras.tree.flatten(self._carried)]
        return [each._replace(shape=lanes + each.shape[1:]) for each in carried] + [*map(Shape.of, self.others)]

    def kept(self) -> list[Any]:
        """Return what a checkpoint keeps besides weights of `result`: the carried states of all lanes, and `others`.

        Every worker calls this at the same time.
        """
        carried, lanes = keras.tree.flatten(self._carried), self.spec.training.batch_size
        rows = [[part.numpy() for part in self.replicas.parts(variable)] for variable in carried]
        return [*(self.replicas.joined(each, lanes) for each in rows), *self.others]

    def restore(self, arrays: Sequence[np.ndarray]) -> None:
        """Assign what `kept` returned, perhaps with other replicas."""
        carried = keras.tree.flatten(self._carried)
        for variable, array in zip(carried, arrays, strict=False):
            parts = self.replicas.parts(variable)
            rows = array[self.replicas.lanes_here(len(array))]
            for part, rows_of_part in zip(parts, np.split(rows, len(parts)), strict=True):
                part.assign(rows_of_part)
        for variable, array in zip(self.others, arrays[len(carried) :], strict=True):
            variable.assign(array)

    def plan(self, epoch: int) -> Plan:
        """Return the plan of an epoch, counted from 0; it depends on the spec, the sounds and the epoch alone."""
        training = self.spec.training
        drawn = {"seed": training.seed, "epoch": epoch}
        plan = plan_epoch(
            self._lengths(epoch),
            training.batch_size,
            training.seq_len,
            segment_samples=self._segment_samples,
            balance=self.balance,
            **drawn,
        )
        streams = streams_of(self.spec)
        shares = dropout_shares(self.spec)
        if any(shares):
            plan.dropout = draw_dropout(plan.pieces, len(streams), *shares, **drawn)
        if training.input_noise or training.input_dropout:
            plan.noise = draw_noise(
                plan.pieces,
                training.input_noise,
                self.spec.audio.q_levels,
                dropout=training.input_dropout,
                stretch=max(round(STRETCH_SECONDS * self.spec.audio.sample_rate), 1),
                silence=Quantizer.of(self.spec.audio).silence,
                **drawn,
            )
        if training.own_continuations:
            length, share = training.own_continuations, training.own_share
            plan.continuations = draw_continuations(plan.pieces, length, share, len(self.model.head.parts), **drawn)
        varied = training.augmentation
        if varied.gain_db or varied.polarity:
            quantizer = Quantizer.of(self.spec.audio)
            plan.gains = draw_gains(plan.pieces, varied.gain_db, varied.polarity, quantizer, **drawn)
        return plan

    def describe_balance(self) -> str:
        """Return a line on the classes of the first epoch with and without balance; empty without it."""
        if self.balance is None:
            return ""
        lengths, seed = self._lengths(epoch=0), self.spec.training.seed
        segments = segments_of(lengths, self.spec.training.seq_len, self._segment_samples)
        once, visits = np.arange(len(segments)), self.balance.visits(segments, seed, epoch=0)
        return self.balance.describe(*(self.balance.shares(segments, each) for each in (once, visits)))

    @property
    def _segment_samples(self) -> int:
        return round(self.spec.data.segment_seconds * self.spec.audio.sample_rate)

    def _lengths(self, epoch: int) -> list[int]:
        """Return the length of each training sound in an epoch; 0 for versions that it does not have."""
        lengths = [sound.samples for sound in self.train.sounds]
        if isinstance(self.train, Versions):
            lengths = draw_lengths(lengths, self.train.versions, self.spec.training.seed, epoch)
        return lengths

    def batches(self, plan: Plan, first_step: int = 0) -> tf.data.Dataset:
        """Return the batches of a plan from a step on, as `step` takes them."""
        silence = Quantizer.of(self.spec.audio).silence
        lanes = self.replicas.lanes_here(plan.lanes)
        return make_batches(self.train, plan, self.model.lookback, silence, first_step, lanes)
