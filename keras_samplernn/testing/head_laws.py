"""The laws of the head contract: each is a function of a case, and its name is what it claims."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_samplernn.backend import compiled, gradients
from keras_samplernn.model.head import Head
from keras_samplernn.testing.case import as_array
from keras_samplernn.testing.comparing import HALF_PRECISION_TOLERANCE, TOLERANCE, require, same
from keras_samplernn.testing.head_case import ROWS, STEPS, HeadCase, greedily
from keras_samplernn.testing.purity import PURITY

ALIKE = "let part_bits and draw use the same logits"
APART = "compute nothing across the batch and time axes"
READ = "let codes // n be read with shares that tell the n codes apart, or the codes themselves"


def every_part_has_bits(case: HeadCase) -> None:
    """`part_bits` gives finite, not negative bits `(B, T)` for each of `parts`, and `bits` their sum."""
    parts = case.head.part_bits(
        ops.convert_to_tensor(case.outputs), ops.convert_to_tensor(case.codes), case.head.prepare()
    )
    remedy = f"return a list with an array (B, T) = {(ROWS, STEPS)} for each of parts {case.head.parts}"
    require(isinstance(parts, (list, tuple)), f"part_bits gave {type(parts).__name__}, not a list; {remedy}")
    shapes = [tuple(each.shape) for each in parts]
    require(shapes == [(ROWS, STEPS)] * len(case.head.parts), f"part_bits gave arrays of the shapes {shapes}; {remedy}")
    arrays = [as_array(each) for each in parts]
    require(
        all(np.isfinite(each).all() and (each > -1e-5).all() for each in arrays),
        "bits are negative or infinite; return -log2 of a probability above 0, as bits_per_sample does",
    )
    note = "; leave bits as it is"
    same(as_array(case.head.bits(case.outputs, case.codes)), sum(arrays), "bits and the sum of part_bits", note=note)


def probabilities_add_up(case: HeadCase) -> None:
    """The probabilities of all codes, 2 to the power of minus their bits, add up to 1, or a little less."""
    levels, totals = case.head.q_levels, {2.0: 0.0, np.e: 0.0}
    for first in range(0, levels, 4096):
        codes = np.arange(first, min(first + 4096, levels), dtype="int32")[None]
        outputs = np.repeat(case.outputs[:1, :1], codes.shape[1], axis=1)
        bits = case.bits(outputs, codes).sum(axis=-1).astype("float64")
        totals = {base: total + float((base**-bits).sum()) for base, total in totals.items()}
    in_bits, in_nats = (0.9 < total < 1 + TOLERANCE for total in totals.values())
    remedy = "divide by ln 2, since these are nats" if in_nats else "give -log2 of a softmax over all codes"
    seen = f"the probabilities of all codes add up to {totals[2.0]:.4g}"
    require(in_bits, f"{seen}; {remedy}, as bits_per_sample does")


def each_part_is_chosen_once(case: HeadCase) -> None:
    """`draw` calls `choose(logits, part)` for each of `parts`, from 0 on: each has uniforms of its own."""
    chosen = []

    def choose(logits: Any, part: int) -> Any:
        chosen.append(part)
        return greedily(logits, part)

    case.drawn(case.outputs[:, 0], choose)
    parts = case.head.parts
    require(
        chosen == [*range(len(parts))],
        f"draw chose the parts {chosen}, and parts is {parts}; call choose(logits, part) with each "
        f"part of {[*range(len(parts))]}, once and in this order, and draw in no other way",
    )


def codes_are_drawn_as_likely_as_their_bits_say(case: HeadCase) -> None:
    """The bits of a drawn code are those of what was chosen from the logits that `draw` offered."""
    rng, spent = np.random.default_rng(2), []

    def choose(logits: Any, part: int) -> Any:
        scores = as_array(ops.log_softmax(logits, axis=-1)) / np.log(2)
        # Gumbel's way to draw from a softmax.
        picks = np.argmax(scores * np.log(2) + rng.gumbel(size=scores.shape), axis=-1)
        spent.append(-np.take_along_axis(scores, picks[:, None], axis=-1)[:, 0])
        return ops.convert_to_tensor(picks.astype("int32"))

    outputs = np.reshape(case.outputs, (-1, case.head.width))
    codes = case.drawn(outputs, choose)
    require(
        codes.dtype == np.int32 and codes.shape == (len(outputs),),
        f"draw gave {codes.dtype} {codes.shape}; return {(len(outputs),)} int32",
    )
    require(((codes >= 0) & (codes < case.head.q_levels)).all(), "draw gave codes out of range; clip them")
    inside = (codes > 0) & (codes < case.head.q_levels - 1)  # what lies outside may have been moved to either end
    bits = case.bits(outputs[:, None], codes[:, None])[:, 0]
    same(
        bits[inside],
        np.stack(spent, axis=-1)[inside],
        "the bits of drawn codes and of what was chosen",
        note=f"; {ALIKE}",
    )


def logits_are_outputs_or_counted(case: HeadCase) -> None:
    """`numbers_per_sample` counts the logits that `draw` offers and that are not outputs of the bottom tier."""
    widths = []

    def choose(logits: Any, part: int) -> Any:
        widths.append(logits.shape[-1])
        return ops.zeros(logits.shape[:1], "int32")

    case.drawn(case.outputs[:, 0], choose)
    made, counted = sum(widths) - case.head.width, case.head.numbers_per_sample
    require(
        made <= counted,
        f"draw offers {made} logits beside the outputs, and numbers_per_sample is {counted}; raise it to {made}",
    )


def rows_of_a_sound_can_share_a_code(case: HeadCase) -> None:
    """Where `choose` gives all rows the same, as under guidance, they get the same code."""

    def choose(logits: Any, part: int) -> Any:
        return ops.repeat(ops.cast(ops.argmax(logits[:1], axis=-1), "int32"), ROWS, axis=0)

    codes = case.drawn(case.outputs[:, 0], choose)
    require(
        len({*codes.tolist()}) == 1,
        f"rows that share what is chosen got the codes {codes}; compute codes from it alone",
    )


def rows_have_bits_of_their_own(case: HeadCase) -> None:
    """Other outputs and codes in other rows, or at other samples, do not change a row's bits."""
    others, codes = case.outputs[::-1].copy(), case.codes[::-1].copy()
    others[1, :3], codes[1, :3] = case.outputs[1, :3], case.codes[1, :3]
    same(
        case.bits(others, codes)[1, :3],
        case.bits(case.outputs, case.codes)[1, :3],
        "bits among other rows",
        note=f"; {APART}",
    )


def what_is_read_tells_codes_apart(case: HeadCase) -> None:
    """`read` gives codes below `read_levels` and, with `has_shares`, shares in [-1, 1]; no two codes read alike."""
    head = case.head
    codes, shares = head.read(ops.arange(head.q_levels, dtype="int32"))
    codes = ops.convert_to_numpy(codes)
    require(
        codes.dtype == np.int32 and codes.min() >= 0 and codes.max() < head.read_levels,
        f"codes read are not int32 from 0 to read_levels - 1; {READ}",
    )
    require(
        (shares is not None) == head.has_shares,
        f"has_shares is {head.has_shares}, and read gave {'no ' * (shares is None)}shares; {READ}",
    )
    pairs = codes.astype("float64") * 4
    if shares is not None:
        shares = as_array(shares)
        require(shares.shape == codes.shape and np.abs(shares).max() <= 1, f"shares are not from -1 to 1; {READ}")
        pairs = pairs + shares
    require(len(np.unique(pairs)) == head.q_levels, f"some codes read alike; {READ}")


def xla_draws_the_same_codes(case: HeadCase) -> None:
    """`draw` compiles with the result of `prepare` as an argument, as generation passes it."""

    def greedy(outputs: Any, prepared: Any) -> Any:
        return case.head.draw(outputs, greedily, prepared)

    outputs = ops.convert_to_tensor(case.outputs[:, 0])
    seen, expected = (run(outputs, case.head.prepare()) for run in (compiled(greedy), greedy))
    require(bool(ops.all(seen == expected)), f"compiled {seen}, expected {expected}; compute with keras.ops alone")


def narrow_weights_cost_few_bits(case: HeadCase) -> None:
    """With int8 weights, bits are close to those with float32."""
    narrowed = case.head.narrowed(case.head.prepare())
    seen = case.bits(case.outputs, case.codes, prepared=narrowed)
    same(
        seen,
        case.bits(case.outputs, case.codes),
        "bits with int8 weights",
        HALF_PRECISION_TOLERANCE,
        "; let narrowed use narrow alone",
    )


def half_precision_gives_close_bits(case: HeadCase) -> None:
    """Under mixed_bfloat16 bits are close to float32's."""
    seen = case.bits(case.outputs, case.codes, case.half)
    same(
        seen,
        case.bits(case.outputs, case.codes),
        "bits in bfloat16",
        HALF_PRECISION_TOLERANCE,
        "; cast logits to float32",
    )


def gradients_reach_outputs_and_weights(case: HeadCase) -> None:
    """The loss moves each weight and each of the outputs, in either precision, in the graph that training compiles."""
    for dtype, head in (("float32", case.head), ("mixed_bfloat16", case.half)):
        outputs = keras.Variable(case.outputs, name="outputs")
        variables = [outputs, *head.trainable_weights]

        def loss(head: Head = head, outputs: Any = outputs) -> Any:
            return ops.sum(head.bits(ops.copy(outputs), ops.convert_to_tensor(case.codes)))

        for graph in (False, True):
            for variable, found in zip(variables, gradients(loss, variables, graph), strict=True):
                found = as_array(found)
                require(
                    np.isfinite(found).all(),
                    f"in {dtype} gradients of {variable.path} are not finite; look for a 0 divided by",
                )
                idle = not found.any() or (variable is outputs and not found.any(axis=(0, 1)).all())
                require(
                    not idle,
                    f"in {dtype} no gradient reaches {variable.path}, or a part of it; let part_bits depend on it, or "
                    "do not make it",
                )


HEAD_LAWS = (
    *PURITY,
    every_part_has_bits,
    probabilities_add_up,
    each_part_is_chosen_once,
    codes_are_drawn_as_likely_as_their_bits_say,
    logits_are_outputs_or_counted,
    rows_of_a_sound_can_share_a_code,
    rows_have_bits_of_their_own,
    what_is_read_tells_codes_apart,
    xla_draws_the_same_codes,
    narrow_weights_cost_few_bits,
    half_precision_gives_close_bits,
    gradients_reach_outputs_and_weights,
)
