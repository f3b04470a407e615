"""The original program in plain NumPy (float64): its names, its shapes, its formulas, one sample at a time.

Written from the formulas of the Theano program alone; it shares no code with the package. A model is a dict of arrays
by the names under which the original saves them.
"""

import numpy as np


def sigmoid(x):
    return 0.5 * (1.0 + np.tanh(0.5 * x))


def linear(arrays, name, x):
    """W, or g W / ||W|| for each column, and b where there is one."""
    matrix = arrays[f"{name}.W0"].astype(np.float64)
    if f"{name}.g0" in arrays:
        matrix = matrix * (arrays[f"{name}.g0"] / np.sqrt((matrix**2).sum(axis=0)))
    return x @ matrix + arrays.get(f"{name}.b", 0.0)


def gru(arrays, step, x, h):
    dim = h.shape[-1]
    read = linear(arrays, f"{step}.Input", x)
    gates = sigmoid(linear(arrays, f"{step}.Recurrent_Gates", h) + read[: 2 * dim])
    update, reset = gates[:dim], gates[dim:]
    candidate = np.tanh(linear(arrays, f"{step}.Recurrent_Candidate", reset * h) + read[2 * dim :])
    return update * candidate + (1.0 - update) * h


def lstm(arrays, step, x, state):
    """The state is [h | c]; gates: input, forget, output, and the candidate last."""
    h, c = np.split(state, 2)
    gates = linear(arrays, f"{step}.Input", x) + linear(arrays, f"{step}.Recurrent_Gates", h) + arrays[f"{step}.b"]
    i, f, o, g = np.split(gates, 4)
    c = c * sigmoid(f) + np.tanh(g) * sigmoid(i)
    return np.concatenate([np.tanh(c) * sigmoid(o), c])


class Tier:
    """A frame tier; `name` is what the names of its arrays begin with."""

    def __init__(self, arrays, name, frame_size, options):
        self.arrays, self.name, self.frame_size, self.options = arrays, name, frame_size, options
        self.state = list(arrays[f"{name}.h0"].astype(np.float64))
        self.contexts = []

    def step(self, frame, context):
        rnn_type, layers, skips = self.options["rnn_type"], self.options["n_rnn"], self.options["skip_conn"]
        dim = self.options["dim"]
        x = (frame / (self.options["q_levels"] // 2) - 1.0) * 2.0
        if context is not None:
            x = linear(self.arrays, f"{self.name}.InputExpand", x) + context
        below, output = x, 0.0
        for layer in range(1, layers + 1):
            if layer > 1:
                below = np.concatenate([below, x]) if skips else below
            step = f"{self.name}.{rnn_type}{layer}{'+inpskip' if skips and layer > 1 else ''}.Step"
            self.state[layer - 1] = (gru if rnn_type == "GRU" else lstm)(
                self.arrays, step, below, self.state[layer - 1]
            )
            below = self.state[layer - 1][:dim]
            skip = f"{self.name}.{rnn_type}{layer if rnn_type == 'LSTM' else ''}.outskip{layer}y"
            output = output + linear(self.arrays, skip, below) if skips else below
        slots = linear(self.arrays, f"{self.name}.Output", output)
        self.contexts = np.split(slots, len(slots) // self.options["dim_below"][self.name])


class Original:
    """One sound: its codes, from silence on, and what the tiers hold.

    Args:
        arrays: by name.
        tiers: names and frame sizes, slow to fast.
        options: `rnn_type`, `n_rnn`, `skip_conn`, `dim`, `q_levels`, `emb_size`.
    """

    def __init__(self, arrays, tiers, **options):
        self.arrays, self.q_levels = arrays, options["q_levels"]
        below = dict.fromkeys(tiers, options["dim"])
        self.tiers = [Tier(arrays, name, size, options | {"dim_below": below}) for name, size in tiers.items()]
        self.lookback = self.tiers[0].frame_size
        self.codes = [self.q_levels // 2] * self.lookback

    def logits(self):
        """Those of the next sample; append its code to `codes` before the next call."""
        t, context = len(self.codes) - self.lookback, None
        for tier, below in zip(self.tiers, [*self.tiers[1:], None], strict=True):
            if t % tier.frame_size == 0:
                tier.step(np.array(self.codes[-tier.frame_size :], np.float64), context)
            size_below = below.frame_size if below else 1
            context = tier.contexts[t // size_below % (tier.frame_size // size_below)]
        table = self.arrays.get("SampleLevel.Embedding", np.eye(self.q_levels))
        read = np.concatenate([table[code] for code in self.codes[-self.tiers[-1].frame_size :]])
        x = linear(self.arrays, "SampleLevel.L1_PrevSamples", read) + context
        for name in ("L2", "L3"):
            x = np.maximum(linear(self.arrays, f"SampleLevel.{name}", x), 0.0)
        return linear(self.arrays, "SampleLevel.Output", x)


def random_arrays(
    tiers, *, rnn_type="GRU", n_rnn=1, skip_conn=False, dim=12, q_levels=16, emb_size=5, weight_norm=True, seed=0
):
    """Return random arrays of a model of the original, float32, with the names that its code gives them.

    Args:
        tiers: names and frame sizes, slow to fast.
        rnn_type: as for the original's flag of that name, as the others are.
        n_rnn: of layers.
        skip_conn: of them.
        dim: of all tiers.
        q_levels: of codes.
        emb_size: of a code; 0 is one-hot.
        weight_norm: of the Linears.
        seed: of the numbers.
    """
    random, arrays = np.random.default_rng(seed), {}

    def add(name, *shape, scale=1.0):
        arrays[name] = (scale * random.standard_normal(shape)).astype(np.float32)

    def add_linear(name, inputs, outputs, bias=True):
        add(f"{name}.W0", inputs, outputs, scale=1.5 * inputs**-0.5)
        if weight_norm:
            add(f"{name}.g0", outputs)  # negative ones too, as training may leave them
        if bias:
            add(f"{name}.b", outputs, scale=0.3)

    sizes = [*tiers.values(), 1]
    for number, (tier, frame_size) in enumerate(tiers.items()):
        width = dim if number else frame_size
        add(f"{tier}.h0", n_rnn, dim * (2 if rnn_type == "LSTM" else 1))
        if number:
            add_linear(f"{tier}.InputExpand", frame_size, dim)
        elif len(tiers) > 1:
            add_linear(f"{tier}.IndependentPreds", dim, q_levels * frame_size)
        for layer in range(1, n_rnn + 1):
            inputs = width if layer == 1 else dim + width if skip_conn else dim
            stem = f"{tier}.{rnn_type}{layer}" + ("+inpskip" if skip_conn and layer > 1 else "")
            if rnn_type == "GRU":
                add_linear(f"{stem}.Step.Input", inputs, 3 * dim)
                add_linear(f"{stem}.Step.Recurrent_Gates", dim, 2 * dim, bias=False)
                add_linear(f"{stem}.Step.Recurrent_Candidate", dim, dim, bias=False)
            else:
                add_linear(f"{stem}.Step.Input", inputs, 4 * dim, bias=False)
                add_linear(f"{stem}.Step.Recurrent_Gates", dim, 4 * dim, bias=False)
                add(f"{stem}.Step.b", 4 * dim)
            if skip_conn:
                skip = f"{tier}.GRU" if rnn_type == "GRU" else f"{tier}.LSTM{layer}"
                add_linear(f"{skip}.outskip{layer}y", dim, dim, bias=layer == 1)
        add_linear(f"{tier}.Output", dim, frame_size // sizes[number + 1] * dim)
    if emb_size:
        add("SampleLevel.Embedding", q_levels, emb_size)
    add_linear("SampleLevel.L1_PrevSamples", sizes[-2] * (emb_size or q_levels), dim, bias=False)
    add_linear("SampleLevel.L2", dim, dim)
    add_linear("SampleLevel.L3", dim, dim)
    add_linear("SampleLevel.Output", dim, q_levels)
    return arrays
