"""Own continuations, drawn: in training the model hears, at some places, what it makes of the sound itself."""

from typing import Any

from keras import ops

from keras_samplernn.backend import scan_steps
from keras_samplernn.generation.sampling import draw_codes
from keras_samplernn.model.samplernn import SampleRNN


def with_continuations(model: SampleRNN, batch: dict[str, Any], states: list[tuple]) -> Any:
    """Return what the model hears once it has continued the sound by itself at some places of each window.

    Let h be what it hears, s_r where continuation r begins, u the uniforms, and D the draw of generation at
    temperature 1. Pass j = 1 ... k runs all windows teacher-forced on h, without dropout, and then sets the j-th sample
    of every continuation:

        h[s_r + j - 1] = D(p(. | h before s_r + j - 1), u[r, j])

    A prediction depends on earlier samples alone. So in a continuation each sample is drawn given those before it, as
    in generation; of the continuations before, it knows the first j - 1 samples (docs/decisions/018). That takes k
    passes, whatever the number of continuations. Scheduled sampling in two passes (Mihaylova and Martins 2019) is the
    case k = 1.

    Args:
        model: its present weights draw.
        batch: as `Step` takes it, with `own_starts` and `own_uniforms`.
        states: the state of each tier before the windows.

    Returns:
        `(B, lookback + T)` int32. The lookback, and all samples outside of continuations, are those of `heard`, or of
        `codes` without it. A continuation is cut at the end of its window and of its sound.
    """
    heard, starts, uniforms = batch.get("heard", batch["codes"]), batch["own_starts"], batch["own_uniforms"]
    lookback, (rows, count, length, parts) = model.lookback, uniforms.shape
    samples = heard.shape[1] - lookback
    latest, age = _continuation_of_each_target(starts, samples)
    exists = ops.arange(samples, dtype="int32") < batch["valid"][:, None]
    head, weights = model.head, model.prepare(heard.shape[0] * samples)

    def draw_next(turn: tuple[Any, Any], heard: Any) -> tuple[tuple, Any]:
        """Set the sample of one number in each continuation: `(1,)` and `(B, N, parts)`."""
        number, uniforms = turn
        outputs, _ = model({**batch, "codes": heard}, states=states, training=False, weights=lambda: weights)
        places = ops.minimum(starts + number, samples - 1)  # (B, N)
        there = ops.take_along_axis(outputs, places[..., None], axis=1)  # (B, N, width)
        uniforms = ops.reshape(uniforms, (-1, parts))

        def choose(logits: Any, part: int) -> Any:
            return draw_codes(logits, uniforms[:, part], ops.ones_like(uniforms[:, part]))

        drawn = head.draw(ops.reshape(there, (-1, head.width)), choose, weights.head)
        own = ops.take_along_axis(ops.reshape(drawn, (rows, count)), latest, axis=1)  # (B, T)
        kept = ops.where(exists & (age == number), own, heard[:, lookback:])
        return (), ops.concatenate([heard[:, :lookback], kept], axis=1)

    turns = ops.arange(length, dtype="int32")[:, None], ops.transpose(uniforms, (2, 0, 1, 3))
    return scan_steps(draw_next, turns, heard)[1]


def _continuation_of_each_target(starts: Any, samples: int) -> tuple[Any, Any]:
    """Return which continuation of its row began last at each of T targets, and how many samples ago; both `(B, T)`.

    The memory for it does not grow with T times N, as that of a comparison of all with all would. At targets before
    the first continuation of a row, the number of samples is negative.

    Args:
        starts: `(B, N)` int32, ascending in each row, 0 to T.
        samples: T.
    """
    rows, count = starts.shape
    # One search for all rows, which lie one after the other.
    row = ops.arange(rows, dtype="int32")[:, None]
    targets = ops.arange(samples, dtype="int32")
    in_order = ops.reshape(starts + row * (samples + 1), (-1,))
    begun = ops.searchsorted(in_order, ops.reshape(targets + row * (samples + 1), (-1,)), side="right")
    latest = ops.maximum(ops.reshape(ops.cast(begun, "int32"), (rows, samples)) - row * count - 1, 0)
    return latest, targets - ops.take_along_axis(starts, latest, axis=1)
