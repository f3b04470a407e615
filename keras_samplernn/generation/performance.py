"""A performance: voices side by side on an engine's rows, whose controls change from block to block."""

from collections.abc import Collection, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_samplernn.conditions.layout import Conditions, nothing
from keras_samplernn.data.quantization import Quantizer
from keras_samplernn.generation.deeds import Deed, Mute, Prime, Reset, Restore, Seed, Snapshot, Temperature
from keras_samplernn.generation.engine import Carry, GenerationEngine, Weights
from keras_samplernn.generation.sampling import UniformStream

RAMP_SECONDS = 0.005
"""Time in which a voice falls silent when it is muted, and comes back: at once, it would click."""


class Performance:
    """Voices that an engine generates block by block.

    A block depends on what was done to its voice, its conditions, and the weights alone: the same deeds and conditions
    in the same blocks make the same codes again, whatever the other voices do.

    Args:
        engine: has a row for each voice, and no guidance.
        weights: what its `weights` returned.
        quantizer: of the model's codes.
        sample_rate: in Hz.
        stems: one for each voice; keys its uniforms, together with the seed.
        seed: of all voices, until one is given another.
        temperature: of all voices, until one is given another.
    """

    def __init__(
        self,
        engine: GenerationEngine,
        weights: Weights,
        quantizer: Quantizer,
        sample_rate: int,
        stems: Sequence[str],
        seed: int = 0,
        temperature: float = 1.0,
    ):
        self.engine, self._weights, self._quantizer = engine, weights, quantizer
        self._start = self._carry = engine.silent_start(weights)
        ramp = min(max(round(RAMP_SECONDS * sample_rate), 1), engine.block_samples)
        self._rising = np.minimum(np.arange(1, engine.block_samples + 1, dtype=np.float32) / ramp, 1)
        self._voices = [_Voice(stem, engine.parts_of_a_code, seed, temperature) for stem in stems]

    def do(self, voice: int, deed: Deed, primed: Carry | None = None) -> None:
        """Do something to a voice, from the next block on.

        Args:
            voice: its number.
            deed: what is done.
            primed: what `primed` returned, for a `Prime`.

        Raises:
            KeyError: the name of a `Restore` is not in `kept`.
        """
        row = self._voices[voice]
        match deed:
            case Temperature():
                row.temperature = deed.value
            case Seed():
                row.reseed(deed.value)
            case Reset():
                self._go_on_from(voice, _row(self._start, voice))
            case Prime():
                self._go_on_from(voice, primed)
            case Snapshot():
                row.kept[deed.value] = _row(self._carry, voice)
            case Restore():
                self._go_on_from(voice, row.kept[deed.value])
            case Mute():
                row.gain = 0.0 if deed.value else 1.0

    def kept(self, voice: int) -> Collection[str]:
        """Return the names under which states of a voice were kept."""
        return self._voices[voice].kept.keys()

    def primed(self, codes: np.ndarray, conditions: Conditions | None) -> Carry:
        """Return the carry of one row after codes, for a `Prime`; see `GenerationEngine.primed_start`."""
        return _row(self.engine.primed_start(self._weights, codes, conditions), 0)

    def advance(self, conditions: Sequence[Conditions | None]) -> np.ndarray:
        """Generate the next block.

        Args:
            conditions: of each voice, arrays `(block_samples, ...)`, or fewer at the end of a sound; None for a voice
                that is not heard, or if the model is unconditional.

        Returns:
            Codes `(voices, block_samples)` int32.
        """
        engine = self.engine
        shape = engine.rows, engine.block_samples
        streams = engine.model.streams
        laid = nothing(streams, shape, engine.fades) if streams else None
        if laid is not None:
            for number, piece in enumerate(conditions):
                if piece is not None:
                    for array, values in zip(laid, piece, strict=True):
                        if values is not None:
                            array[number, : len(values)] = values
        uniforms = np.stack([voice.uniforms.take(engine.block_samples) for voice in self._voices])
        temperatures = np.array([[voice.temperature] * engine.frames for voice in self._voices], np.float32)
        begins = np.zeros((engine.rows, engine.frames), np.int32)
        codes, self._carry = engine.advance(
            self._weights, self._carry, self._start, begins, laid, uniforms, temperatures
        )
        return np.stack([self._heard(voice, row) for voice, row in zip(self._voices, codes, strict=True)])

    def _heard(self, voice: "_Voice", codes: np.ndarray) -> np.ndarray:
        """Return the codes of a block as they are heard: faded where the voice was muted or comes back."""
        before, voice.gain_before = voice.gain_before, voice.gain
        if before == voice.gain == 1:
            return codes
        if before == voice.gain:
            return np.full_like(codes, self._quantizer.silence)
        gain = before + (voice.gain - before) * self._rising
        return np.where(gain == 1, codes, self._quantizer.encode(self._quantizer.decode(codes) * gain))

    def _go_on_from(self, voice: int, carry: Carry) -> None:
        def replace(all_rows: Any, row: Any) -> Any:
            return ops.concatenate([all_rows[:voice], row, all_rows[voice + 1 :]], axis=0)

        self._carry = keras.tree.map_structure(replace, self._carry, carry)


class _Voice:
    """What a voice draws from, and how it is heard.

    Attributes:
        uniforms: the next ones.
        kept: carries of one row, by the names of snapshots.
        gain: of what is heard, 0 or 1; and at the end of the block before.
    """

    def __init__(self, stem: str, parts: int, seed: int, temperature: float):
        self._stem, self._parts = stem, parts
        self.temperature = temperature
        self.kept: dict[str, Carry] = {}
        self.gain = self.gain_before = 1.0
        self.reseed(seed)

    def reseed(self, seed: int) -> None:
        self.uniforms = UniformStream(seed, self._stem, self._parts)


def _row(carry: Carry, number: int) -> Carry:
    return keras.tree.map_structure(lambda tensor: tensor[number : number + 1], carry)
