"""The head for 16 bits: a coarse code, then a fine one given it (Kalchbrenner et al. 2018, WaveRNN, section 2)."""

from typing import Any

import keras
from keras import ops
from pydantic import PositiveInt

from keras_samplernn import Head, Linear, affine, bits_per_sample, narrow, sum_lookups, value_of

COARSE = 256
# 65,536 codes are 255 steps of 257 and the end. Each coarse code is the middle of 257 codes (at both ends, of half as
# many), so that rounding to 65,536 levels and then to 256 gives the code that rounding to 256 levels at once gives.
FINE = 257


class CoarseFine(Head):
    """Two softmaxes for 16-bit sound: the coarse code of 256 levels, then where in its step the sample lies.

    The bottom tier gives the logits of the coarse codes, and features. The logits of the fine codes are a Linear of
    relu(features + the embedding of the coarse code). With mu-law (`mu` 255) and a-law, coarse codes are those of a
    model of 256 levels, and so are their bits.

    Args:
        hidden: number of features.
    """

    parts = ("coarse", "fine")
    levels = range(65536, 65537)
    mu = COARSE - 1
    has_shares = True

    def __init__(self, hidden: PositiveInt = 128, **kwargs):
        super().__init__(**kwargs)
        self.hidden = hidden

    @property
    def width(self) -> int:
        """The logits of the coarse codes, and the features."""
        return COARSE + self.hidden

    @property
    def read_levels(self) -> int:
        """Number of coarse codes."""
        return COARSE

    @property
    def numbers_per_sample(self) -> int:
        """The embedded coarse code, the hidden layer, and the logits of the fine codes."""
        return 2 * self.hidden + FINE

    def read(self, codes: Any) -> tuple[Any, Any]:
        """Return the coarse codes, and the fine ones from -1 to 1; see `Head.read`."""
        coarse, fine = split(codes)
        return coarse, ops.cast(fine, "float32") / (FINE // 2) - 1

    def build(self) -> None:
        """Create the embedding of the coarse codes and the Linear of the fine logits."""
        self.embedding = self.add_weight(
            shape=(COARSE, self.hidden), initializer=keras.initializers.RandomNormal(stddev=1.0), name="embedding"
        )
        self.fine = Linear(FINE, initializer="lecun_uniform", name="fine", dtype=self.dtype_policy)
        self.fine.build((self.hidden,))

    def prepare(self) -> dict[str, Any]:
        """Return the embedding and the Linear."""
        return {"embedding": value_of(self.embedding, self.compute_dtype), "fine": self.fine.prepare()}

    def narrowed(self, prepared: dict[str, Any]) -> dict[str, Any]:
        """Return the Linear in int8."""
        matrix, bias = prepared["fine"]
        return prepared | {"fine": (narrow(matrix), bias)}

    def part_bits(self, outputs: Any, codes: Any, prepared: dict[str, Any]) -> list[Any]:
        """Return the bits of the coarse codes, and of the fine ones given them; see `Head.part_bits`."""
        coarse, fine = split(codes)
        logits, features = outputs[..., :COARSE], outputs[..., COARSE:]
        rows = self._fine_logits(ops.reshape(features, (-1, self.hidden)), ops.reshape(coarse, (-1,)), prepared)
        fine_logits = ops.reshape(rows, (-1, codes.shape[1], FINE))
        return [bits_per_sample(coarse, logits), bits_per_sample(fine, fine_logits)]

    def draw(self, outputs: Any, choose: Any, prepared: dict[str, Any]) -> Any:
        """Draw the coarse codes, then the fine ones given them; see `Head.draw`."""
        coarse = choose(outputs[:, :COARSE], 0)
        fine = choose(self._fine_logits(outputs[:, COARSE:], coarse, prepared), 1)
        # The first and the last coarse code have half of the fine codes; the logits of the others are low, not nothing.
        return ops.clip(join(coarse, fine), 0, self.q_levels - 1)

    def _fine_logits(self, features: Any, coarse: Any, prepared: dict[str, Any]) -> Any:
        """Return the logits of the fine codes: `(N, hidden)` and `(N,)` to `(N, FINE)` float32."""
        embedded = sum_lookups(prepared["embedding"][None], coarse[:, None])
        hidden = ops.relu(ops.cast(features, embedded.dtype) + embedded)
        return ops.cast(affine(hidden, prepared["fine"]), "float32")


def split(codes: Any) -> tuple[Any, Any]:
    """Return the coarse codes, 0 to 255, and the fine codes, 0 to 256, of codes from 0 to 65,535."""
    shifted = codes + FINE // 2
    return shifted // FINE, shifted % FINE


def join(coarse: Any, fine: Any) -> Any:
    """Return the codes of coarse and fine codes."""
    return coarse * FINE + fine - FINE // 2
