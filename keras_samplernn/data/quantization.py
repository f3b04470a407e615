"""Waves to codes and back: the three quantizers of SampleRNN."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_args

import numpy as np

from keras_samplernn.data.preemphasis import deemphasise, emphasise
from keras_samplernn.spec import MOST_LEVELS, Audio, QType

Q_TYPES: tuple[str, ...] = get_args(QType)

_BLOCK_SAMPLES = 1 << 20
_A = 87.6
_A_NORM = 1 + np.log(_A)


@dataclass(frozen=True)
class Quantizer:
    """Turns samples in [-1, 1] into codes 0..q_levels-1, and codes into samples.

    Every code that is decoded and encoded again comes out the same. Nothing is normalised, so silence (0.0) has the
    same code in all files. For an even `q_levels` no code decodes to exactly 0.0, but to half a step above it (much
    where `q_levels` is tiny); that is a property of the format.

    `encode` and `decode` take samples one by one. With pre-emphasis, sounds are filtered too: use `encode_blocks` and
    `decoder`.

    Args:
        q_type: one of `Q_TYPES`.
        q_levels: number of codes, 2 to 65536.
        mu: of mu-law, above 0; None: `q_levels` - 1.
        preemphasis: of sounds, 0 to 0.97.

    Raises:
        ValueError: another `q_type`, `q_levels` or `mu`.

    Example:
        >>> Quantizer("mu-law", 256).encode([-1.0, 0.0, 1.0]).tolist()
        [0, 128, 255]
    """

    q_type: str
    q_levels: int
    mu: int | None = None
    preemphasis: float = 0.0

    def __post_init__(self):
        if self.q_type not in Q_TYPES:
            raise ValueError(f'q_type = "{self.q_type}" is not one of {", ".join(Q_TYPES)}')
        if not 2 <= self.q_levels <= MOST_LEVELS:
            raise ValueError(f"q_levels = {self.q_levels} is not in 2 to {MOST_LEVELS}")
        if self.mu is not None and self.mu <= 0:
            raise ValueError(f"mu = {self.mu} is not above 0")

    @classmethod
    def of(cls, audio: Audio) -> "Quantizer":
        """Return the quantizer that a spec's `audio` describes."""
        return cls(audio.q_type, audio.q_levels, audio.mu, audio.preemphasis)

    @property
    def silence(self) -> int:
        """The code of 0.0."""
        return int(self.encode(0.0))

    def encode(self, wave) -> np.ndarray:
        """Return the int32 codes of `wave`: any shape, clipped to [-1, 1] first."""
        return np.minimum(np.floor(self.place(wave)), self.q_levels - 1).astype(np.int32)

    def place(self, wave) -> np.ndarray:
        """Return where samples lie among the codes, float64, any shape: code n reaches from n to n + 1."""
        # float64: float32 is too coarse to tell neighbouring codes apart when q_levels is large.
        wave = np.clip(np.asarray(wave, np.float64), -1.0, 1.0)
        if self.q_type == "linear":
            return self.q_levels * (wave + 1) / 2
        return (self._compress(wave) + 1) / 2 * (self.q_levels - 1) + 0.5

    def encode_blocks(self, wave: np.ndarray) -> Iterator[np.ndarray]:
        """Yield the codes of a whole sound, `(n,)`, piece by piece, since `encode` takes several times its memory."""
        before = 0.0
        for start in range(0, len(wave), _BLOCK_SAMPLES):
            block = wave[start : start + _BLOCK_SAMPLES]
            if self.preemphasis:
                clipped = np.clip(block, -1, 1)
                block, before = emphasise(clipped, self.preemphasis, before), clipped[-1]
            yield self.encode(block)

    def decoder(self, before: float = 0.0) -> "SoundDecoder":
        """Return the decoder of a sound.

        Args:
            before: the sample that the sound goes on from, `last` of another decoder; 0 if it begins.
        """
        return SoundDecoder(self, before)

    def last_sample(self, codes: np.ndarray) -> float:
        """Return the sample that a sound of codes `(n,)` ends with, from which another goes on."""
        decoder = self.decoder()
        decoder(codes)
        return decoder.last

    def decode(self, codes) -> np.ndarray:
        """Return the float32 samples in [-1, 1] of `codes` of any shape."""
        codes = np.asarray(codes, np.float64)
        if self.q_type == "linear":
            wave = (2 * codes + 1) / self.q_levels - 1
        else:
            wave = self._expand(2 * codes / (self.q_levels - 1) - 1)
        return wave.astype(np.float32)

    @property
    def _mu(self) -> int:
        return self.q_levels - 1 if self.mu is None else self.mu

    def _compress(self, wave: np.ndarray) -> np.ndarray:
        magnitude = np.abs(wave)
        if self.q_type == "mu-law":
            return np.sign(wave) * np.log1p(self._mu * magnitude) / np.log1p(self._mu)
        line = _A * magnitude / _A_NORM
        curve = (1 + np.log(np.maximum(_A * magnitude, 1.0))) / _A_NORM
        return np.sign(wave) * np.where(magnitude < 1 / _A, line, curve)

    def _expand(self, compressed: np.ndarray) -> np.ndarray:
        magnitude = np.abs(compressed)
        if self.q_type == "mu-law":
            return np.sign(compressed) * np.expm1(magnitude * np.log1p(self._mu)) / self._mu
        line = magnitude * _A_NORM / _A
        curve = np.exp(magnitude * _A_NORM - 1) / _A
        return np.sign(compressed) * np.where(magnitude < 1 / _A_NORM, line, curve)


class SoundDecoder:
    """Decodes the codes of a sound piece by piece, to the same samples whatever the pieces; pre-emphasis is undone.

    Args:
        quantizer: of the codes.
        before: the sample before the first one.

    Attributes:
        last: the last sample that was decoded, not clipped.
    """

    def __init__(self, quantizer: Quantizer, before: float = 0.0):
        self._quantizer, self.last = quantizer, before

    def __call__(self, codes: np.ndarray) -> np.ndarray:
        """Return the float32 samples in [-1, 1] of the next codes `(n,)`."""
        wave = self._quantizer.decode(codes)
        if not self._quantizer.preemphasis or not len(wave):
            return wave
        wave = deemphasise(wave, self._quantizer.preemphasis, self.last)
        self.last = float(wave[-1])
        return np.clip(wave, -1, 1).astype(np.float32)
