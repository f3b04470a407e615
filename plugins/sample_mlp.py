"""The sample tier: a perceptron that reads the last few samples and gives the next one's outputs (paper, 2.2)."""

import functools
from typing import Annotated, Any

import keras
from keras import ops
from pydantic import Field, PositiveInt

from keras_samplernn import Inputs, Lowerable, Released, Tier, affine, compose, narrow, sum_lookups


class SampleMLP(Lowerable, Tier):
    """Embedding, three layers and the output over the samples.

    L1, without bias or ReLU, reads the embeddings of the last samples. The context from above and the encoded
    conditions of the target are added to it, and a Linear of the shares, where the codes do not say all. L2 and L3 have
    a ReLU each; the output is as wide as the head takes, with softmax a logit for each code. The embedding and L1 are
    both linear, so `prepare` folds them into one table for each sample that is read: a look-up and an addition instead
    of `emb_size * dim` multiplications, exact and differentiable.

    Args:
        dim: width of the layers, and of the contexts from the tier above.
        emb_size: width of the embedding of a code; 0: codes are one-hot.
        window: how many of the last samples are read; null: the frame size of the tier above.
        weight_norm: whether every Linear is weight-normalised.
        conditioned: whether this tier reads the conditions, if the model has them.
    """

    frame_size = 1

    def __init__(
        self,
        dim: PositiveInt = 256,
        emb_size: Annotated[int, Field(ge=0)] = 256,
        window: PositiveInt | None = 16,
        weight_norm: bool = True,
        conditioned: bool = True,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.dim = dim
        self.emb_size = emb_size
        self.window = window
        self.weight_norm = weight_norm
        self.conditioned = conditioned

    @property
    def reads(self) -> int:
        """`window`, or the frame size of the tier above."""
        return self.window or self.binding.frame_size_above

    def build(self) -> None:
        """Create the embeddings and the Linears."""
        q_levels, width = self.binding.q_levels, self.emb_size or self.binding.q_levels
        self.embedding = None
        if self.emb_size:
            self.embedding = self.add_weight(
                shape=(q_levels, width),
                initializer=keras.initializers.RandomNormal(stddev=1.0),
                name="embedding",
            )
        self.conditions = self.add_conditions(
            self.dim, weight_norm=False, initializer=keras.initializers.RandomNormal(stddev=1.0)
        )
        linear = functools.partial(self.add_linear, weight_norm=self.weight_norm)
        self.l1 = linear(self.reads * width, self.dim, "l1", use_bias=False)
        self.shares = None
        if self.binding.has_shares:
            self.shares = linear(self.reads, self.dim, "shares", use_bias=False)
        self.l2 = linear(self.dim, self.dim, "l2")
        self.l3 = linear(self.dim, self.dim, "l3")
        # As in the original program, for its Linears without a ReLU.
        outputs = self.binding.output_dim
        rule = "orthogonal" if self.dim == outputs else "lecun_uniform"
        self.output_linear = linear(self.dim, outputs, "output", initializer=rule)

    def prepare(self) -> dict[str, Any]:
        """Return one table for each sample that is read, `(reads, q_levels, dim)`, and the Linears."""
        tables = ops.reshape(self.l1.matrix(), (self.reads, -1, self.dim))  # (R, E, D); one-hot: (R, Q, D)
        if self.embedding is not None:
            tables = ops.matmul(ops.cast(self.embedding, self.compute_dtype), tables)
        return {
            "tables": tables,
            "shares": None if self.shares is None else self.shares.prepare(),
            "conditions": self.conditions.prepare(),
            "l2": self.l2.prepare(),
            "l3": self.l3.prepare(),
            "output": self.output_linear.prepare(),
        }

    def release_kernel(self, prepared: dict[str, Any]) -> Released:
        """Split off L2: only additions come between the context and it, so the tables take it over too."""
        matrix, bias = prepared["l2"]
        tables = ops.matmul(prepared["tables"], matrix)
        first = ops.arange(self.reads, dtype="int32")[:, None, None] == 0
        folded = {
            "tables": tables + ops.where(first, bias, 0.0),
            "shares": None if prepared["shares"] is None else compose(prepared["shares"], (matrix, None)),
            "conditions": self.conditions.multiplied(prepared["conditions"], matrix),
            "l2": None,
        }
        rows = self.reads * (self.binding.q_levels + self.binding.has_shares) + self.conditions.rows
        return Released(matrix, prepared | folded, rows)

    def narrowed(self, prepared: dict[str, Any]) -> dict[str, Any]:
        """Return L3 and the output in int8; also L2 if it is not folded."""
        present = [name for name in ("l2", "l3", "output") if prepared[name] is not None]
        return prepared | {name: (narrow(prepared[name][0]), prepared[name][1]) for name in present}

    def step(self, inputs: Inputs, state: tuple, prepared: dict[str, Any]) -> tuple[Any, tuple]:
        """Give the next sample's outputs, `(B, 1, output_dim)`; see `Tier.step`."""
        x = inputs.context + sum_lookups(prepared["tables"], inputs.codes)  # (B, D)
        x = x + self.conditions(inputs.conditions, prepared["conditions"])
        if inputs.shares is not None:
            x = x + affine(inputs.shares, prepared["shares"])
        if prepared["l2"] is not None:
            x = affine(x, prepared["l2"])
        x = ops.relu(affine(ops.relu(x), prepared["l3"]))
        return ops.expand_dims(affine(x, prepared["output"]), 1), state
