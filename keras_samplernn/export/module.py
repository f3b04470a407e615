"""The module that is saved: the weights of a model, and two functions of TensorFlow."""

from typing import Any

import keras
import numpy as np

from keras_samplernn.backend import compiled, scan_steps
from keras_samplernn.conditions.layout import Conditions
from keras_samplernn.data.quantization import Quantizer
from keras_samplernn.export.layout import LAST_SAMPLE, Layout, Tensor, layout_of
from keras_samplernn.generation.engine import Carry, GenerationEngine

STATE = "state_"


def build_module(engine: GenerationEngine, quantizer: Quantizer) -> tuple[Any, dict[str, Any], Layout]:
    """Return what `tf.saved_model.save` takes.

    Args:
        engine: of the run's model, without guidance.
        quantizer: of the run.

    Returns:
        The module, with the functions `advance(state, controls, uniforms, temperature)`, which returns samples and
        state, and `initial_state()`, where state and controls are dictionaries; the signatures, which have the same
        tensors by flat names; and the layout of all these.
    """
    import tensorflow as tf

    weights = engine.weights()
    start = engine.silent_start(weights)
    layout = layout_of(engine, start, bool(quantizer.preemphasis))
    held: list[Any] = []

    def hold(value: Any) -> Any:
        # Of variables, unlike constants, a file may have more than 2 GiB.
        if not tf.is_tensor(value):
            return value
        held.append(tf.Variable(value, trainable=False))
        return held[-1]

    prepared = keras.tree.map_structure(hold, weights.prepared)
    sample_of = hold(tf.constant(quantizer.decode(np.arange(quantizer.q_levels))))
    begun = {name: hold(tensor) for name, tensor in _flat_state(layout, start).items()}
    decode = compiled(_decoder(quantizer.preemphasis))

    def advance(state: dict, controls: dict, uniforms: Any, temperature: Any) -> tuple[Any, dict]:
        read = keras.tree.map_structure(lambda x: x.read_value() if isinstance(x, tf.Variable) else x, prepared)
        temperatures = tf.repeat(temperature[:, None], engine.frames, axis=1)
        conditions = Conditions(**controls) if controls else None
        codes, carry = engine.advance_within(read, _carry(state, start), conditions, uniforms, temperatures)
        samples, last = decode(tf.gather(sample_of, codes), state.get(LAST_SAMPLE))
        return samples, _flat_state(layout, carry, last)

    def initial_state() -> dict:
        return {name: variable.read_value() for name, variable in begun.items()}

    def flat_advance(**given: Any) -> dict:
        state = {tensor.name: given.pop(STATE + tensor.name) for tensor in layout.state}
        uniforms, temperature = given.pop("uniforms"), given.pop("temperature")
        samples, state = module.advance(state, given, uniforms, temperature)
        return {"samples": samples, **_prefixed(state)}

    def specs(tensors: tuple[Tensor, ...], prefix: str = "") -> dict:
        return {each.name: tf.TensorSpec(each.shape, each.dtype, prefix + each.name) for each in tensors}

    single = specs((layout.uniforms, layout.temperature))
    structured = [specs(layout.state, STATE), specs(layout.controls), *single.values()]
    module = tf.Module()
    module.held = held
    module.advance = tf.function(advance, input_signature=structured, autograph=False)
    module.initial_state = tf.function(initial_state, input_signature=[], autograph=False)
    given = {**_prefixed(structured[0]), **structured[1], **single}
    signatures = {
        "advance": tf.function(flat_advance, autograph=False).get_concrete_function(**given),
        "initial_state": tf.function(lambda: _prefixed(initial_state()), autograph=False).get_concrete_function(),
    }
    return module, signatures, layout


def _decoder(preemphasis: float) -> Any:
    """Return a function from decoded codes `(rows, n)` and the samples before them to a wav's samples and the last."""
    import tensorflow as tf

    def decode(wave: Any, last: Any) -> tuple[Any, Any]:
        if last is not None:
            # As `deemphasise` does it, in float64.
            steps = tf.transpose((1 + preemphasis) * tf.cast(wave, tf.float64))
            steps, last = scan_steps(lambda y, x: (y + preemphasis * x,) * 2, steps, last)
            wave = tf.cast(tf.clip_by_value(tf.transpose(steps), -1, 1), tf.float32)
        # As `to_pcm16` does it.
        return tf.clip_by_value(tf.round(wave * 32768), -32768, 32767) / 32768, last

    return decode


def _carry(state: dict, like: Carry) -> Carry:
    """Return the carry of a flat state."""
    states = [
        tuple(state[f"tier_{number}_{part}"] for part in range(len(arrays)))
        for number, arrays in enumerate(like.states)
    ]
    return Carry(state["history"], states)


def _flat_state(layout: Layout, carry: Carry, last: Any = None) -> dict:
    """Return the tensors of a carry, and the last samples (0 if None is given), by the names of the layout."""
    import tensorflow as tf

    flat = {"history": carry.history}
    for number, arrays in enumerate(carry.states):
        flat |= {f"tier_{number}_{part}": array for part, array in enumerate(arrays)}
    for tensor in layout.state:
        if tensor.name == LAST_SAMPLE:
            flat[LAST_SAMPLE] = tf.zeros(tensor.shape, tensor.dtype) if last is None else last
    return flat


def _prefixed(state: dict) -> dict:
    return {STATE + name: tensor for name, tensor in state.items()}
