"""A model of the original: its tiers, and every name and shape that a checkpoint of it has."""

from dataclasses import dataclass

GATES, STATES = {"GRU": 3, "LSTM": 4}, {"GRU": 1, "LSTM": 2}
UNUSED = "IndependentPreds"
"""A Linear of the top tier that takes part in neither training nor sound."""
Shape = tuple[int, ...]


@dataclass(frozen=True)
class FrameLevel:
    """A frame tier of the original.

    Attributes:
        name: what the names of its arrays begin with.
        rnn_type: "GRU" or "LSTM".
        n_rnn: number of layers.
        skip_conn: whether the layers have skip connections.
        dim: width of the states.
        frame_size: samples of a step.
        is_top: whether the recurrent layers read the frame itself, not a Linear of it.
        ratio: steps of the tier below in one step.
        dim_below: width of the tier below.
    """

    name: str
    rnn_type: str
    n_rnn: int
    skip_conn: bool
    dim: int
    frame_size: int
    is_top: bool
    ratio: int
    dim_below: int

    @property
    def width(self) -> int:
        """Width of what the recurrent layers read."""
        return self.frame_size if self.is_top else self.dim

    def step(self, layer: int) -> str:
        """Return what the names of a layer's arrays begin with; the first layer is 1."""
        skips = "+inpskip" if self.skip_conn and layer > 1 else ""
        return f"{self.name}.{self.rnn_type}{layer}{skips}.Step"

    def skip(self, layer: int) -> str:
        """Return the name of the Linear from a layer to the output of all."""
        return f"{self.name}.{self.rnn_type}{layer if self.rnn_type == 'LSTM' else ''}.outskip{layer}y"


@dataclass(frozen=True)
class Architecture:
    """The model of a checkpoint.

    Attributes:
        frame_levels: slow to fast.
        dim: width of the sample tier.
        emb_size: width of the embedding of a code; 0: codes are one-hot.
        q_levels: number of codes.
        weight_norm: whether the Linears are weight-normalised.
    """

    frame_levels: tuple[FrameLevel, ...]
    dim: int
    emb_size: int
    q_levels: int
    weight_norm: bool

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the frame tiers, slow to fast."""
        return tuple(level.name for level in self.frame_levels)

    def shapes(self) -> dict[str, Shape]:
        """Return every name that a checkpoint of this model has, with its shape, but for `UNUSED`."""
        found = {}
        for level in self.frame_levels:
            found |= _shapes_of(level, self.weight_norm)
        linear, dim, width = self._linear, self.dim, self.emb_size or self.q_levels
        if self.emb_size:
            found["SampleLevel.Embedding"] = (self.q_levels, self.emb_size)
        reads = self.frame_levels[-1].frame_size
        return (
            found
            | linear("SampleLevel.L1_PrevSamples", reads * width, dim, bias=False)
            | linear("SampleLevel.L2", dim, dim)
            | linear("SampleLevel.L3", dim, dim)
            | linear("SampleLevel.Output", dim, self.q_levels)
        )

    def unused_shapes(self) -> dict[str, Shape]:
        """Return the names and shapes of `UNUSED`."""
        top = self.frame_levels[0]
        return self._linear(f"{top.name}.{UNUSED}", top.dim, self.q_levels * top.frame_size)

    def _linear(self, name: str, inputs: int, outputs: int, bias: bool = True) -> dict[str, Shape]:
        return _linear(self.weight_norm, name, inputs, outputs, bias)


def _shapes_of(level: FrameLevel, weight_norm: bool) -> dict[str, Shape]:
    dim, gates = level.dim, GATES[level.rnn_type] * level.dim
    is_gru = level.rnn_type == "GRU"

    def linear(name: str, inputs: int, outputs: int, bias: bool = True) -> dict[str, Shape]:
        return _linear(weight_norm, name, inputs, outputs, bias)

    found = {f"{level.name}.h0": (level.n_rnn, STATES[level.rnn_type] * dim)}
    found |= linear(f"{level.name}.Output", dim, level.ratio * level.dim_below)
    if not level.is_top:
        found |= linear(f"{level.name}.InputExpand", level.frame_size, dim)
    for layer in range(1, level.n_rnn + 1):
        step = level.step(layer)
        inputs = level.width if layer == 1 else dim + level.width * level.skip_conn
        found |= linear(f"{step}.Input", inputs, gates, bias=is_gru)
        if is_gru:
            found |= linear(f"{step}.Recurrent_Gates", dim, 2 * dim, bias=False)
            found |= linear(f"{step}.Recurrent_Candidate", dim, dim, bias=False)
        else:
            found |= linear(f"{step}.Recurrent_Gates", dim, gates, bias=False) | {f"{step}.b": (gates,)}
        if level.skip_conn:
            found |= linear(level.skip(layer), dim, dim, bias=layer == 1)
    return found


def _linear(weight_norm: bool, name: str, inputs: int, outputs: int, bias: bool) -> dict[str, Shape]:
    found: dict[str, Shape] = {f"{name}.W0": (inputs, outputs)}
    if weight_norm:
        found[f"{name}.g0"] = (outputs,)
    if bias:
        found[f"{name}.b"] = (outputs,)
    return found
