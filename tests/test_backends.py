"""The training step is the same function on each backend of Keras."""

import importlib.util
import json
import subprocess
import sys

import jax_training
import numpy as np
import pytest
import tensorflow as tf

from keras_samplernn.training.trainer import Trainer

pytestmark = pytest.mark.law


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="jax is not installed")
@pytest.mark.parametrize("chunks", [[], ["8"]], ids=["whole windows", "windows in chunks"])
def test_twenty_steps_under_jax_have_tensorflows_losses(chunks):
    spec, model, _ = jax_training.model_and_optimizer()
    trainer, losses = Trainer(spec, model, None), []
    for batch in jax_training.batches(model):
        sums = trainer.step({name: tf.constant(array) for name, array in batch.items()})
        losses.append(float(sums.bits) / int(sums.samples))
    told = subprocess.run([sys.executable, jax_training.__file__, *chunks], capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    assert losses[-1] < losses[0]
    np.testing.assert_allclose(json.loads(told.stdout), losses, atol=1e-4)
