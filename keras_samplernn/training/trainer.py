"""A model in training: its optimizer, its carried states, and the batches of each epoch."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_samplernn.backend import traced
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
from keras_samplernn.model.assembly import assemble
from keras_samplernn.model.samplernn import SampleRNN
from keras_samplernn.spec import Spec
from keras_samplernn.training.optimizer import apply_in_place, build_optimizer
from keras_samplernn.training.step import Step, Sums, Values


class Trainer:
    """Takes the training steps of a spec, and keeps the values that they change in variables.

    Args:
        spec: its `training` has the settings.
        model: new, in the spec's precision.
        train: the training sounds; `Versions` if the spec asks for augmentation by speed. None: it takes no steps.

    Attributes:
        result: the model that is validated, saved and generated from: `model`, or, with `ema_decay`, another one with
            the average of its weights.
        balance: says how often segments are visited; None: each is once in an epoch.
        variables: everything that a step changes besides the weights of `result`: carried states, states of random
            generators, optimizer; and with `ema_decay` the weights of `model`.
        raw_weights: where in `variables` the weights of `model` are.
    """

    def __init__(self, spec: Spec, model: SampleRNN, train: Corpus | Versions | None):
        self.spec, self.model, self.train = spec, model, train
        self.balance = None
        if spec.data.balance and train is not None:
            self.balance = Balance(train.sounds, classes_streams(train.streams)[0], spec.data.balance)
        self.optimizer = build_optimizer(spec, model)
        self._carried = [
            tuple(
                keras.Variable(tf.zeros((spec.training.batch_size, *shape)), trainable=False, dtype="float32")
                for shape in tier.state_shapes
            )
            for tier in model.tiers
        ]
        weights = {id(weight) for weight in model.weights}
        random_states = [each for each in model.non_trainable_variables if id(each) not in weights]
        self.variables = [*keras.tree.flatten(self._carried), *random_states, *self.optimizer.variables]
        self.result = model
        self.raw_weights = slice(len(self.variables), None)
        if spec.training.ema_decay:
            self.result = assemble(spec, spec.training.precision)
            self.variables += model.weights
            self.begin_average()
        self._step = Step(model, self.optimizer, spec.training.remat_samples)
        self._advance = traced(self._advance_variables)

    def begin_average(self) -> None:
        """Let the average of the weights be the present weights; call it after they are given others."""
        if self.result is not self.model:
            self._assign(self.result.weights, self.model.weights)

    def step(self, batch: dict[str, tf.Tensor]) -> Sums:
        """Take a step; see `Step`. The sums may not be computed yet."""
        return self._advance(batch)

    def _advance_variables(self, batch: dict[str, tf.Tensor]) -> Sums:
        """Take a step in place: the results of `Step` are assigned to the variables of its arguments."""
        model = self.model
        values = Values(
            [tf.convert_to_tensor(each) for each in model.trainable_variables],
            [tf.convert_to_tensor(each) for each in model.non_trainable_variables],
            [],
            keras.tree.map_structure(tf.convert_to_tensor, self._carried),
        )
        gradients, after, sums = self._step.gradients(values, batch)
        apply_in_place(self.optimizer, gradients, model.trainable_variables)
        self._assign(model.non_trainable_variables, after.others)
        self._assign(self._carried, after.states)
        if self.result is not model:
            self._average()
        return sums

    def _average(self) -> None:
        """Move the average to the weights after a step; the first steps count more, so that it forgets the start.

        What no gradient changes, such as a mean that a tier keeps of its inputs, is taken as it is.
        """
        step = tf.cast(self.optimizer.iterations, "float32")
        share = 1 - tf.minimum(self.spec.training.ema_decay, (1 + step) / (10 + step))
        pairs = zip(self.result.trainable_variables, self.model.trainable_variables, strict=True)
        for average, weight in pairs:
            average.assign_add(share * (weight - average))
        self._assign(self.result.non_trainable_weights, self.model.non_trainable_weights)

    @staticmethod
    def _assign(variables: Any, tensors: Any) -> None:
        pairs = zip(keras.tree.flatten(variables), keras.tree.flatten(tensors), strict=True)
        for variable, tensor in pairs:
            variable.assign(tensor)

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
        """Return the batches of a plan from a step on, as `Step` takes them."""
        silence = Quantizer.of(self.spec.audio).silence
        return make_batches(self.train, plan, self.model.lookback, silence, first_step)
