"""From a spec to a model."""

from keras_samplernn.conditions.streams import streams_of
from keras_samplernn.model.samplernn import SampleRNN
from keras_samplernn.spec import Spec


def assemble(spec: Spec, precision: str = "float32") -> SampleRNN:
    """Build the model of a validated spec, with new weights drawn from Keras' global seed.

    Args:
        spec: has the classes of the tiers and of the head, and their arguments.
        precision: a Keras dtype policy. Generation uses float32, whatever the model was trained in.
    """
    tiers = [
        tier.tier_class(**tier.config, name=f"tier_{number}_{tier.type}", dtype=precision)
        for number, tier in enumerate(spec.tiers)
    ]
    head = spec.head.head_class(**spec.head.config, name=f"head_{spec.head.type}", dtype=precision)
    return SampleRNN(tiers, spec.audio.q_levels, streams_of(spec), head=head, dtype=precision, name="samplernn")
