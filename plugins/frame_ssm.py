"""A frame tier without a product in its loop: diagonal linear recurrences in residual blocks."""

from typing import Annotated, Any

import keras
from keras import ops
from pydantic import Field, NonNegativeInt, PositiveInt

from keras_samplernn import Inputs, narrow, value_of
from keras_samplernn.plugins.frame_tier import DropoutRate, FrameTier
from keras_samplernn.plugins.rg_lru import one_step, whole_window
from keras_samplernn.plugins.ssm_block import SSMBlock, rms_norm

# Time constant of the slowest states at first, in samples: four seconds at 16 kHz.
SLOWEST_SAMPLES = 2**16


class FrameSSM(FrameTier):
    """Stacked diagonal linear recurrences over frames, with gated feed-forward parts.

    The first block's input is a Linear of the frame, plus the context from above, plus the encoded conditions. A block
    adds to its input what a real-gated linear recurrent unit (RG-LRU; De et al. 2024, "Griffin") remembers, and then a
    gated feed-forward part. A Linear of the last block's output gives the contexts for the steps below, side by side.

    Training multiplies by matrices before and after the loop over a window only. Each state forgets at a rate of its
    own: at first, within 2 frames to 65,536 samples. Of the diagonal recurrences, RG-LRU is taken for its gates: it can
    forget where a word or note ends. In S4D (Gu et al. 2022) and LRU (Orvieto et al. 2023), rates do not depend on the
    input, and states are complex. `FrameTier` describes the other arguments.

    Args:
        dim: width of the blocks, of their states, and of the contexts from the tier above.
        n_layers: number of blocks, each with a state.
        expansion: width of the feed-forward parts, in multiples of `dim`.
        dropout: share of what each block adds that is dropped in training.
    """

    def __init__(
        self,
        frame_size: PositiveInt,
        dim: PositiveInt = 256,
        n_layers: Annotated[int, Field(ge=1, le=8)] = 2,
        expansion: Annotated[int, Field(ge=1, le=8)] = 2,
        learn_h0: bool = True,
        weight_norm: bool = True,
        dropout: DropoutRate = 0.0,
        conditioned: bool = True,
        condition_dim: NonNegativeInt = 0,
        overlap: NonNegativeInt = 0,
        **kwargs,
    ):
        super().__init__(
            frame_size=frame_size,
            dim=dim,
            learn_h0=learn_h0,
            weight_norm=weight_norm,
            dropout=dropout,
            conditioned=conditioned,
            condition_dim=condition_dim,
            overlap=overlap,
            **kwargs,
        )
        self.blocks = [
            SSMBlock(
                dim,
                expansion,
                n_layers,
                SLOWEST_SAMPLES / frame_size,
                weight_norm,
                name=f"block_{number}",
                dtype=self.dtype_policy,
            )
            for number in range(n_layers)
        ]

    @property
    def state_shapes(self) -> tuple[tuple[int, ...], ...]:
        """`(dim,)` for every block."""
        return ((self.dim,),) * len(self.blocks)

    def build(self) -> None:
        """Create the Linears, the blocks and h0."""
        self.input_linear = self.add_linear(self.reads, self.dim, "input", use_bias=False, weight_norm=self.weight_norm)
        # Not 0: the norms hear a frame beside this, and so how loud it is. Of silence they would divide nothing by
        # nothing, and of the faintest noise make something loud.
        self.offset = self.add_weight(
            shape=(self.dim,), initializer=keras.initializers.RandomNormal(stddev=1.0), name="offset"
        )
        self.conditions = self.add_conditions(self.dim, weight_norm=self.weight_norm, hidden=self.condition_dim)
        for block in self.blocks:
            block.build()
        self._add_outputs()

    def prepare(self) -> dict[str, Any]:
        """Return every matrix, weight norm applied."""
        shared = self._prepare_shared()
        matrix, _ = shared["input"]
        return shared | {
            "input": (matrix, value_of(self.offset, self.compute_dtype)),
            "blocks": [block.prepare() for block in self.blocks],
        }

    # It fits the `step` below. There is no kernel to release: the blocks add to the context itself.
    absorb_kernel = FrameTier.absorb_kernel

    def narrowed(self, prepared: dict[str, Any]) -> dict[str, Any]:
        """Return the matrices of the blocks and of the output in int8."""
        blocks = [block.narrowed(weights) for block, weights in zip(self.blocks, prepared["blocks"], strict=True)]
        matrix, bias = prepared["output"]
        return prepared | {"blocks": blocks, "output": (narrow(matrix), bias)}

    def step(self, inputs: Inputs, state: tuple, prepared: dict[str, Any]) -> tuple[Any, tuple]:
        """Advance by one frame; see `Tier.step`."""
        hidden, state = self._run_blocks(inputs, state, prepared, one_step)
        return self._contexts(hidden, prepared), state

    def sequence(self, inputs: Inputs, state: tuple, prepared: dict[str, Any]) -> tuple[Any, tuple]:
        """Run a window block by block: every product is one for all steps."""
        rows = inputs.map(lambda x: ops.swapaxes(x, 0, 1))
        hidden, state = self._run_blocks(rows, state, prepared, whole_window)
        return self._contexts(ops.swapaxes(hidden, 0, 1), prepared), state

    def _run_blocks(self, inputs: Inputs, state: tuple, prepared: dict, recur: Any) -> tuple[Any, tuple]:
        """Run all blocks on a step or, with a step axis in front, on a window."""
        x, after = self._read(inputs, prepared), []
        for block, weights, before in zip(self.blocks, prepared["blocks"], state, strict=True):
            x, block_state = block.run(x, before, weights, recur, self.dropout)
            after.append(block_state)
        return rms_norm(x), tuple(after)
