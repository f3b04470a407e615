"""Sounds of the generation engine, block by block."""

import numpy as np
from variants import as_conditions

from keras_samplernn.generation.engine import GenerationEngine

SILENCE = 5


def engine_of(model, rows=2, block_samples=32, precision="float32"):
    """Return an engine; it compiles at its first block."""
    return GenerationEngine(model, SILENCE % model.q_levels, rows, block_samples, precision)


def _for_parts(uniforms):
    """Return uniforms as the engine takes them: those of a head of one part may come without an axis of parts."""
    return (uniforms[..., None] if uniforms.ndim == 2 else uniforms).astype("float32")


def generate(engine, conditions, uniforms, temperatures, start=None):
    """Return codes `(rows, samples)` of whole blocks, from the start of a sound or from a carry."""
    weights = engine.weights()
    start = engine.silent_start(weights) if start is None else start
    carry, codes = start, []
    for first in range(0, uniforms.shape[1], engine.block_samples):
        piece = slice(first, first + engine.block_samples)
        begins = np.zeros((engine.rows, engine.frames), "int32")
        begins[:, 0] = first == 0
        block, carry = engine.advance(
            weights,
            carry,
            start,
            begins,
            None if conditions is None else as_conditions(conditions[:, piece]),
            _for_parts(uniforms[:, piece]),
            np.repeat(np.asarray(temperatures, "float32")[:, None], engine.frames, axis=1),
        )
        codes.append(block)
    return np.concatenate(codes, axis=1)
