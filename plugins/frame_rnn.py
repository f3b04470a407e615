"""The frame tier: a recurrent network that reads frames and passes contexts down (paper, section 2.1)."""

import functools
from collections.abc import Callable
from typing import Annotated, Any, Literal

from keras import ops
from pydantic import Field, NonNegativeInt, PositiveInt

from keras_samplernn import Inputs, Narrow, Released, affine, compose, multiply, narrow, on_cudnn
from keras_samplernn.plugins.frame_tier import DropoutRate, FrameTier
from keras_samplernn.plugins.gru import GRU
from keras_samplernn.plugins.lstm import LSTM

# Runs the layer of a number: from the outputs of the layer below it and the state before, to its outputs and the state.
RunLayer = Callable[[int, Any, tuple], tuple[Any, tuple]]


class FrameRNN(FrameTier):
    """Stacked GRU or LSTM over frames.

    The RNN's input is a Linear of the frame, plus the context from above, plus the encoded conditions. A Linear of its
    output gives the contexts for the steps below, side by side. `FrameTier` describes the other arguments.

    Args:
        dim: width of the RNN's input, of the states of its layers, and of the contexts from the tier above.
        rnn_type: kind of the recurrent layers.
        n_rnn: number of stacked recurrent layers.
        skip_conn: whether layers above the first also read the RNN's input, and the output is the sum of a Linear of
            each layer's output; without effect if `n_rnn` is 1.
        weight_norm: whether every Linear, the recurrent ones included, is weight-normalised.
        dropout: share of each layer's outputs that is dropped in training.
        reset_after: whether the GRU's reset gate acts after the recurrent product, as in Keras' GRU; false: before it,
            as in the original SampleRNN. Without effect on an LSTM.
    """

    def __init__(
        self,
        frame_size: PositiveInt,
        dim: PositiveInt = 256,
        rnn_type: Literal["GRU", "LSTM"] = "GRU",
        n_rnn: Annotated[int, Field(ge=1, le=5)] = 1,
        skip_conn: bool = False,
        learn_h0: bool = True,
        weight_norm: bool = True,
        dropout: DropoutRate = 0.0,
        reset_after: bool = True,
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
        self.skip_conn = skip_conn and n_rnn > 1
        options = {"reset_after": reset_after} if rnn_type == "GRU" else {}
        self.layers = [
            {"GRU": GRU, "LSTM": LSTM}[rnn_type](
                dim, weight_norm, name=f"layer_{number}", dtype=self.dtype_policy, **options
            )
            for number in range(n_rnn)
        ]

    @property
    def state_shapes(self) -> tuple[tuple[int, ...], ...]:
        """`(dim,)` for every state of every layer: h, and the LSTM's c."""
        return ((self.dim,),) * sum(layer.states for layer in self.layers)

    def build(self) -> None:
        """Create the Linears, the layers and h0."""
        linear = functools.partial(self.add_linear, weight_norm=self.weight_norm)
        self.input_linear = linear(self.reads, self.dim, "input")
        self.conditions = self.add_conditions(self.dim, weight_norm=self.weight_norm, hidden=self.condition_dim)
        for number, layer in enumerate(self.layers):
            layer.build((2 * self.dim if self.skip_conn and number else self.dim,))
        self.skip_linears = []
        if self.skip_conn:  # one bias in all
            self.skip_linears = [
                linear(self.dim, self.dim, f"skip_{number}", use_bias=number == 0) for number in range(len(self.layers))
            ]
        self._add_outputs()

    def prepare(self) -> dict[str, Any]:
        """Return every matrix, weight norm applied."""
        layers = [layer.prepare() for layer in self.layers]
        reading = layers if self.skip_conn else layers[:1]  # the layers that read the RNN's input
        above_first = [weights._replace(kernel=weights.kernel[: self.dim]) for weights in layers[1:]]
        return self._prepare_shared() | {
            "kernel": (
                ops.concatenate([weights.kernel[-self.dim :] for weights in reading], axis=-1),
                ops.concatenate([weights.bias for weights in reading]),
            ),
            # The first layer's kernel is the shared one.
            "layers": [layers[0]._replace(kernel=None), *above_first],
            "skips": [linear.prepare() for linear in self.skip_linears],
        }

    def release_kernel(self, prepared: dict[str, Any]) -> Released:
        """Split off the RNN's kernel: only additions come between the context and it."""
        kernel = prepared["kernel"]
        folded = {
            "input": compose(prepared["input"], kernel),
            "conditions": self.conditions.multiplied(prepared["conditions"], kernel[0]),
            "kernel": None,
        }
        return Released(kernel[0], prepared | folded, self.reads + 1)

    # It fits the `step` below.
    absorb_kernel = FrameTier.absorb_kernel

    def narrowed(self, prepared: dict[str, Any]) -> dict[str, Any]:
        """Return the recurrent matrices, those between layers, the skip Linears and the output in int8.

        The kernel that all contexts of a step are multiplied by together stays: several rows use it at once.
        """
        layers = zip(self.layers, prepared["layers"], strict=True)
        skips = [(narrow(matrix), bias) for matrix, bias in prepared["skips"]]
        matrix, bias = prepared["output"]
        return prepared | {
            "layers": [layer.narrowed(weights) for layer, weights in layers],
            "skips": skips,
            "output": (narrow(matrix), bias),
        }

    @property
    def keeps_kernel_in_windows(self) -> bool:
        """Whether cuDNN runs windows."""
        return self.layers[0].has_cudnn_form and on_cudnn()

    def step(self, inputs: Inputs, state: tuple, prepared: dict[str, Any]) -> tuple[Any, tuple]:
        """Advance by one frame; see `Tier.step`."""

        def run(layer, projected, before, weights):
            after = layer.step(projected, before, weights)
            return after[0], after

        hidden, state = self._run_layers(state, prepared, self._on_projections(inputs, prepared, run))
        return self._contexts(hidden, prepared), state

    def sequence(self, inputs: Inputs, state: tuple, prepared: dict[str, Any]) -> tuple[Any, tuple]:
        """Run a window layer by layer: all its projections in one product, then the recurrence alone; or by cuDNN."""
        rows = inputs.map(lambda x: ops.swapaxes(x, 0, 1))
        if self.keeps_kernel_in_windows and self._is_whole(prepared):
            run_layer = self._on_cudnn(rows, prepared)
        else:
            run_layer = self._on_projections(
                rows, prepared, lambda layer, projected, before, weights: layer.sequence(projected, before, weights)
            )
        hidden, state = self._run_layers(state, prepared, run_layer)
        return self._contexts(ops.swapaxes(hidden, 0, 1), prepared), state

    @staticmethod
    def _is_whole(prepared: dict[str, Any]) -> bool:
        """Return whether a form has all matrices, and none in int8."""
        return prepared["kernel"] is not None and not isinstance(prepared["layers"][0].recurrent, Narrow)

    def _run_layers(self, state: tuple, prepared: dict, run_layer: RunLayer) -> tuple[Any, tuple]:
        """Run all layers on a step or, with a step axis in front, on a window."""
        below, after, skips = None, [], []
        for number, layer in enumerate(self.layers):
            before = state[number * layer.states : (number + 1) * layer.states]
            below, layer_state = run_layer(number, below, before)
            after.extend(layer_state)
            below = self.dropout(below)
            if self.skip_conn:
                skips.append(affine(below, prepared["skips"][number]))
        return sum(skips[1:], skips[0]) if skips else below, tuple(after)

    def _on_projections(self, inputs: Inputs, prepared: dict, run: Callable) -> RunLayer:
        """Return what runs a layer on its share of the gates, `run(layer, projected, before, weights)`."""
        x = self._read(inputs, prepared)
        if prepared["kernel"] is not None:
            x = affine(x, prepared["kernel"])
        # Its share of the gates of the first layer or, with skip connections, of each.
        shares = ops.split(x, len(self.layers), axis=-1) if self.skip_conn else [x]

        def run_layer(number: int, below: Any, before: tuple) -> tuple[Any, tuple]:
            weights = prepared["layers"][number]
            projected = shares[number] if number < len(shares) else weights.bias
            if number:
                projected = projected + multiply(below, weights.kernel)
            return run(self.layers[number], projected, before, weights)

        return run_layer

    def _on_cudnn(self, inputs: Inputs, prepared: dict) -> RunLayer:
        """Return what runs a layer on a window by cuDNN, which multiplies what the layer reads by its kernel itself."""
        x = self._read(inputs, prepared)
        kernel, _ = prepared["kernel"]
        kernels = ops.split(kernel, len(self.layers), axis=-1) if self.skip_conn else [kernel]

        def run_layer(number: int, below: Any, before: tuple) -> tuple[Any, tuple]:
            layer, weights = self.layers[number], prepared["layers"][number]
            reads = [(below, weights.kernel)] if number else []
            if number < len(kernels):
                reads.append((x, kernels[number]))
            sources, matrices = zip(*reads, strict=True)
            return layer.window(ops.concatenate(sources, axis=-1), ops.concatenate(matrices, axis=0), before, weights)

        return run_layer
