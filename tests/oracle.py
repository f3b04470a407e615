"""SampleRNN in plain NumPy (float64), one sample at a time: what the Keras model is compared with.

Written from the formulas alone; it shares no code with the package. Nothing is vectorised over time:
`Stream.logits` is the whole model for one sample t. Vectors are (D,), without a batch axis. Tiers are plain
dicts, slow to fast:

frame tier: {"kind": "frame", "frame_size": F, "reads": R (F if it is missing), "ratio": r,
    "rnn_type": "GRU" | "LSTM", "reset_after": bool, "skip_conn": bool,
    "input": Lin (R -> D), "condition": Lin (C -> D) | None,
    "layers": [{"kernel": Lin (in -> G*D), "recurrent": Lin (D -> G*D), "bias": (G*D,),
                "recurrent_bias": (D,) | None}],    (the recurrent bias only for a GRU with reset_after)
    "skip": [Lin (D -> D) per layer], "skip_bias": (D,)    (both only with skip_conn and two or more layers),
    "output": Lin (D -> r*W_below), "h0": flat list of (D,), layer by layer: GRU h; LSTM h, c}
    A frame tier of diagonal recurrences has {"blocks": [{"mix": Lin (D -> 4 D), "rates": (D,), "mixed": Lin (D -> D),
    "widen": Lin (D -> 2 E D), "widened": Lin (E D -> D)}]} in place of rnn_type to skip_bias, and "h0": (D,) a block.
sample tier: {"kind": "sample", "reads": R, "embedding": (Q, E) | None (one-hot), "l1": Lin (R*E -> D),
    "class_embedding": (C, D) | None, "l2": Lin, "l3": Lin, "output": Lin (D -> Q)}
Lin: {"v": (in, out), "g": (out,) | None, "bias": (out,) | None}

Gates along G*D: GRU z, r, candidate; LSTM i, f, candidate, o (Keras' order).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

OracleTier = dict[str, Any]


def reads_of(tier: OracleTier) -> int:
    return tier.get("reads", tier.get("frame_size"))


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 0.5 * (1.0 + np.tanh(0.5 * x))  # this form cannot overflow


def float64(array) -> np.ndarray:
    return np.asarray(array, np.float64)


def matrix(lin: dict) -> np.ndarray:
    """(in, out): v itself, or with a weight norm g * v / ||v|| for each output column."""
    v = float64(lin["v"])
    if lin.get("g") is None:
        return v
    return float64(lin["g"]) * v / np.sqrt(np.sum(v * v, axis=0))


def linear(lin: dict, x: np.ndarray) -> np.ndarray:
    """(in,) -> (out,)."""
    y = x @ matrix(lin)
    return y if lin.get("bias") is None else y + float64(lin["bias"])


def gru_step(layer: dict, x: np.ndarray, h: np.ndarray, reset_after: bool) -> np.ndarray:
    """(in,), (D,) -> the new h (D,)."""
    x_z, x_r, x_c = np.split(linear(layer["kernel"], x) + float64(layer["bias"]), 3)
    u_z, u_r, u_c = np.split(matrix(layer["recurrent"]), 3, axis=1)
    z = sigmoid(x_z + h @ u_z)
    r = sigmoid(x_r + h @ u_r)
    if reset_after:
        b_recurrent = layer.get("recurrent_bias")
        candidate = np.tanh(x_c + r * (h @ u_c + (0.0 if b_recurrent is None else float64(b_recurrent))))
    else:
        candidate = np.tanh(x_c + (r * h) @ u_c)
    return z * h + (1.0 - z) * candidate


def lstm_step(layer: dict, x: np.ndarray, h: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(in,), (D,), (D,) -> the new h and c."""
    gates = linear(layer["kernel"], x) + float64(layer["bias"]) + linear(layer["recurrent"], h)
    i, f, candidate, o = np.split(gates, 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(candidate)
    return sigmoid(o) * np.tanh(c), c


def rnn_step(tier: OracleTier, x: np.ndarray, state: list) -> tuple[np.ndarray, list]:
    """One step of the stacked layers: RNN input (D,), flat state -> RNN output (D,), new flat state."""
    skips = tier["skip_conn"] and len(tier["layers"]) >= 2
    outputs, new_state = [], []
    for number, layer in enumerate(tier["layers"]):
        if number == 0:
            layer_input = x
        elif skips:
            layer_input = np.concatenate([outputs[-1], x])
        else:
            layer_input = outputs[-1]
        if tier["rnn_type"] == "GRU":
            layer_state = [gru_step(layer, layer_input, state[number], tier["reset_after"])]
        else:
            layer_state = list(lstm_step(layer, layer_input, state[2 * number], state[2 * number + 1]))
        outputs.append(layer_state[0])
        new_state += layer_state
    if not skips:
        return outputs[-1], new_state
    total = float64(tier["skip_bias"])
    for skip, h in zip(tier["skip"], outputs, strict=True):
        total = total + linear(skip, h)
    return total, new_state


def gelu(x: np.ndarray) -> np.ndarray:
    return 0.5 * x * (1.0 + np.tanh(np.sqrt(2.0 / np.pi) * (x + 0.044715 * x**3)))


def rms_norm(x: np.ndarray) -> np.ndarray:
    return x / np.sqrt(np.mean(x * x) + 1e-6)


def rg_lru_step(x, forget, admit, rates, h: np.ndarray) -> np.ndarray:
    """(D,) each: content, recurrence gate and input gate before their sigmoids, rates, h -> the new h."""
    a = np.exp(-8.0 * sigmoid(forget) * np.log1p(np.exp(float64(rates))) - 1e-6)
    return a * h + np.sqrt(1.0 - a * a) * sigmoid(admit) * x


def blocks_step(tier: OracleTier, x: np.ndarray, state: list) -> tuple[np.ndarray, list]:
    """One step of the stacked blocks: (D,), a state (D,) for each -> (D,), the new states."""
    new_state = []
    for block, h in zip(tier["blocks"], state, strict=True):
        content, forget, admit, gate = np.split(linear(block["mix"], rms_norm(x)), 4)
        h = rg_lru_step(content, forget, admit, block["rates"], h)
        x = x + linear(block["mixed"], h * gelu(gate))
        wide, gate = np.split(linear(block["widen"], rms_norm(x)), 2)
        x = x + linear(block["widened"], wide * gelu(gate))
        new_state.append(h)
    return rms_norm(x), new_state


class Stream:
    """One sound: every code so far (silence before its first), each tier's state and latest contexts."""

    def __init__(self, tiers: Sequence[OracleTier], q_levels: int, conditions, classes: int, silence: int, added=None):
        self.added = added  # (tier, t) -> what condition streams add to its step at t: oracle_conditions.py
        self.frame_tiers, self.sample_tier = list(tiers[:-1]), tiers[-1]
        if self.sample_tier["kind"] != "sample" or any(tier["kind"] != "frame" for tier in self.frame_tiers):
            raise ValueError("tiers go slow to fast: frame tiers, then one sample tier")
        sizes = [tier["frame_size"] for tier in self.frame_tiers] + [1]
        for tier, below in zip(self.frame_tiers, sizes[1:], strict=True):
            if tier["frame_size"] != tier["ratio"] * below:
                raise ValueError(f"frame size {tier['frame_size']} is not ratio {tier['ratio']} x {below}")
        conditioned = [tier["condition"] is not None for tier in self.frame_tiers]
        conditioned.append(self.sample_tier["class_embedding"] is not None)
        if conditions is None and any(conditioned):
            raise ValueError("a tier has condition weights, but there are no conditions")
        if conditions is not None:
            conditions = np.asarray(conditions, int)
            if np.any((conditions < 0) | (conditions >= classes)):
                raise ValueError(f"conditions must be 0 to {classes - 1}")
        self.q_levels, self.conditions, self.classes = q_levels, conditions, classes
        self.lookback = max([*sizes, *map(reads_of, tiers)])
        self.codes = [int(silence)] * self.lookback  # self.codes[lookback + t] is sample t of the sound
        self.states = [[float64(h) for h in tier["h0"]] for tier in self.frame_tiers]
        self.contexts: list = [None] * len(self.frame_tiers)  # per tier (r, W_below): from its latest step

    def logits(self) -> np.ndarray:
        """(Q,) for the sample after the last of `self.codes`. Call it once a sample, then append the code."""
        t = len(self.codes) - self.lookback
        context = None  # what the tier above gives to the tier at hand at t
        # slow tier first: its context must exist before the faster tiers step
        for k, tier in enumerate(self.frame_tiers):
            if t % tier["frame_size"] == 0:
                output, self.states[k] = self.frame_step(tier, t, context, self.states[k])
                self.contexts[k] = np.split(output, tier["ratio"])  # r * (W_below,): slot by slot
            size_below = tier["frame_size"] // tier["ratio"]
            context = self.contexts[k][(t // size_below) % tier["ratio"]]
        return self.sample_step(t, context)

    def frame_step(self, tier: OracleTier, t: int, context, state: list) -> tuple[np.ndarray, list]:
        """The frame just before t, for targets t ... t + F - 1 -> (r * W_below,), new state."""
        frame = float64(self.codes[-reads_of(tier) :])
        x = linear(tier["input"], 2.0 * (frame / (self.q_levels / 2.0) - 1.0))
        if context is not None:
            x = x + context
        if tier["condition"] is not None:
            # the slice ends early at the end of the sound: a mean over the targets that exist
            ahead = self.conditions[t : t + tier["frame_size"]]
            histogram = np.zeros(self.classes)
            for condition in ahead:
                histogram[condition] += 1.0 / len(ahead)
            x = x + linear(tier["condition"], histogram)
        if self.added is not None:
            x = x + self.added(tier, t)
        h, state = (blocks_step if "blocks" in tier else rnn_step)(tier, x, state)
        return linear(tier["output"], h), state

    def sample_step(self, t: int, context) -> np.ndarray:
        tier = self.sample_tier
        table = np.eye(self.q_levels) if tier["embedding"] is None else float64(tier["embedding"])
        read = self.codes[-tier["reads"] :]  # oldest first
        x = linear(tier["l1"], np.concatenate([table[code] for code in read]))  # (R*E,) -> (D,)
        if context is not None:
            x = x + context
        if tier["class_embedding"] is not None:
            x = x + float64(tier["class_embedding"])[self.conditions[t]]
        if self.added is not None:
            x = x + self.added(tier, t)
        x = np.maximum(linear(tier["l2"], x), 0.0)  # no ReLU between L1 and L2
        x = np.maximum(linear(tier["l3"], x), 0.0)
        return linear(tier["output"], x)


def draw(logits: np.ndarray, uniform: float, temperature: float) -> int:
    """The first code whose cumulative probability exceeds `uniform` (0 <= u < 1); temperature 0: argmax."""
    if temperature == 0:
        return int(np.argmax(logits))
    scaled = logits / temperature
    weights = np.exp(scaled - np.max(scaled))
    cumulative = 0.0
    for code, probability in enumerate(weights / np.sum(weights)):
        cumulative += probability
        if cumulative > uniform:
            return code
    return len(logits) - 1  # the sum fell a rounding short of one


def oracle_logits(
    tiers, q_levels: int, codes, conditions=None, classes: int = 0, silence: int | None = None, added=None
):
    """Teacher forced: codes (T,) from a sound's first sample, conditions (T,) or None -> logits (T, Q).

    T need not fill the top frame. Logits t depend on codes 0 ... t-1. `silence` is the code before the sound;
    None is Q // 2, which all three quantizers give to 0.0.
    """
    if conditions is not None and len(conditions) != len(codes):
        raise ValueError(f"{len(conditions)} conditions for {len(codes)} codes")
    stream = Stream(tiers, q_levels, conditions, classes, q_levels // 2 if silence is None else silence, added)
    logits = np.zeros((len(codes), q_levels))
    for t, code in enumerate(codes):
        logits[t] = stream.logits()
        stream.codes.append(int(code))
    return logits


def oracle_generate(
    tiers,
    q_levels,
    samples,
    conditions,
    classes,
    silence,
    uniforms,
    temperature,
    primer=(),
    primer_conditions=(),
):
    """conditions (samples,) or None, uniforms (samples,) -> codes (samples,), logits (samples, Q).

    Logits are the model's, before the temperature. A primer (P,) is padded on the left with silence to whole
    top frames (the padding has the primer's first condition), run teacher forced from h0 with its own
    conditions (P,), and is not part of the output. `uniforms` may be None at temperature 0.
    """
    if temperature and len(uniforms) != samples:
        raise ValueError(f"{len(uniforms)} uniforms for {samples} samples")
    padding = -len(primer) % tiers[0].get("frame_size", 1)
    given = [silence] * padding + [int(code) for code in primer]
    if conditions is not None:
        if len(conditions) != samples or len(primer_conditions) != len(primer):
            raise ValueError("one condition for each sample, and one for each primer code")
        padded = [primer_conditions[0]] * padding if padding else []
        conditions = np.asarray([*padded, *primer_conditions, *conditions], int)
    stream = Stream(tiers, q_levels, conditions, classes, silence)
    for code in given:
        stream.logits()
        stream.codes.append(code)
    codes, logits = np.zeros(samples, int), np.zeros((samples, q_levels))
    for n in range(samples):
        logits[n] = stream.logits()
        codes[n] = draw(logits[n], 0.0 if uniforms is None else uniforms[n], temperature)
        stream.codes.append(int(codes[n]))
    return codes, logits
