"""The oracle against cases worked out by hand: it must be right before anything is compared with it."""

import numpy as np
import pytest
from oracle import blocks_step, draw, gru_step, linear, lstm_step, oracle_generate, oracle_logits, rg_lru_step, rnn_step
from oracle_conditions import added, guided, resampled, vectors

pytestmark = pytest.mark.law

D, Q, C = 3, 6, 2


def lin(rng, rows, columns, bias=True, scale=1.0):
    return {
        "v": scale * rng.normal(size=(rows, columns)),
        "g": scale * rng.uniform(0.5, 2.0, columns),
        "bias": scale * rng.normal(size=columns) if bias else None,
    }


def plain(v, bias=None):
    return {"v": np.asarray(v, float), "g": None, "bias": bias}


def frame_tier(rng, frame_size, ratio, rnn_type="GRU", n_rnn=1, skip_conn=False, conditioned=True):
    gates = 3 if rnn_type == "GRU" else 4
    widths = [D] + [2 * D if skip_conn else D] * (n_rnn - 1)
    return {
        "kind": "frame", "frame_size": frame_size, "ratio": ratio, "rnn_type": rnn_type, "reset_after": True,
        "skip_conn": skip_conn, "input": lin(rng, frame_size, D),
        "condition": lin(rng, C, D, bias=False) if conditioned else None,
        "layers": [
            {"kernel": lin(rng, width, gates * D, bias=False), "bias": rng.normal(size=gates * D),
             "recurrent": lin(rng, D, gates * D, bias=False), "recurrent_bias": rng.normal(size=D)}
            for width in widths
        ],
        "skip": [lin(rng, D, D, bias=False) for _ in widths], "skip_bias": rng.normal(size=D),
        "output": lin(rng, D, ratio * D),
        "h0": [rng.normal(size=D) for _ in range(n_rnn * (gates - 2))],
    }  # fmt: skip


def sample_tier(rng, reads=2, conditioned=True):
    return {
        "kind": "sample", "reads": reads, "embedding": rng.normal(size=(Q, 2)),
        "l1": lin(rng, 2 * reads, D, bias=False),
        "class_embedding": rng.normal(size=(C, D)) if conditioned else None,
        "l2": lin(rng, D, D), "l3": lin(rng, D, D), "output": lin(rng, D, Q),
    }  # fmt: skip


def without_memory(tier):
    """z = 0 and no recurrent weights: a condition then reaches its own step and no later one."""
    for layer in tier["layers"]:
        layer["recurrent"] = plain(np.zeros((D, 3 * D)))
        layer["kernel"]["g"][:D] = 0.0
        layer["bias"][:D] = -1e3
    return tier


def echo_tiers(frame_size, input_v, output_v, output_bias):
    """A one-wide memoryless model: logit 0 is the context, h = tanh(input v . wave)."""
    frame = {
        "kind": "frame", "frame_size": frame_size, "ratio": frame_size, "rnn_type": "GRU",
        "reset_after": True, "skip_conn": False, "input": plain(input_v, np.zeros(1)), "condition": None,
        "layers": [{"kernel": plain([[0.0, 0.0, 1.0]]), "recurrent": plain([[0.0, 0.0, 0.0]]),
                    "bias": np.array([-1e3, 0.0, 0.0]), "recurrent_bias": None}],
        "output": plain(output_v, np.asarray(output_bias, float)), "h0": [np.zeros(1)],
    }  # fmt: skip
    one = plain([[1.0]], np.array([10.0]))  # +10 keeps both ReLUs open
    sample = {
        "kind": "sample", "reads": 1, "embedding": np.zeros((4, 1)), "l1": plain([[0.0]]),
        "class_embedding": None, "l2": one, "l3": one,
        "output": plain([[1.0, 0.0, 0.0, 0.0]], np.array([-20.0, 0.0, 0.0, 0.0])),
    }  # fmt: skip
    return [frame, sample]


def test_zero_weights_give_the_output_bias_everywhere():
    rng = np.random.default_rng(0)
    tiers = [frame_tier(rng, 4, 2), frame_tier(rng, 2, 2), sample_tier(rng)]
    tiers[-1]["output"] = plain(np.zeros((D, Q)), np.arange(6.0))
    logits = oracle_logits(tiers, Q, [1, 2, 3, 4, 5], [0, 1, 0, 1, 0], C)
    np.testing.assert_array_equal(logits, np.tile(np.arange(6.0), (5, 1)))


def test_weight_norm_scales_each_output_column_to_g():
    lin = {"v": np.array([[3.0, 0.0], [4.0, 2.0]]), "g": np.array([10.0, 0.5]), "bias": np.array([1.0, 0.0])}
    np.testing.assert_allclose(linear(lin, np.array([1.0, 2.0])), [10 * (3 + 8) / 5 + 1, 0.5 * 2])
    np.testing.assert_allclose(linear({**lin, "v": 7 * lin["v"]}, np.array([1.0, 2.0])), [23.0, 1.0])
    np.testing.assert_allclose(linear({**lin, "g": None}, np.array([1.0, 2.0])), [12.0, 4.0])


def test_draw_picks_the_first_code_whose_cumulative_probability_exceeds_the_uniform():
    logits = np.log([0.125, 0.25, 0.5, 0.125])
    assert [draw(logits, u, 1.0) for u in (0.0, 0.12, 0.13, 0.37, 0.38, 0.87, 0.88, 1 - 1e-16)] == [
        0, 0, 1, 1, 2, 2, 3, 3,
    ]  # fmt: skip
    # squared and normalised: 1, 4, 16, 1 of 22
    assert [draw(logits, u, 0.5) for u in (0.9 / 22, 1.1 / 22, 4.9 / 22, 5.1 / 22, 20.9 / 22, 21.1 / 22)] == [
        0, 1, 1, 2, 2, 3,
    ]  # fmt: skip
    assert draw(logits, 0.0, 0.0) == 2
    assert draw(np.zeros(2), 0.5, 1.0) == 1  # exceeds, not reaches
    assert draw(np.zeros(2), 0.0, 0.0) == 0


def test_gru_and_lstm_steps_by_hand():
    log3 = np.log(3.0)  # sigmoid(log 3) = 3/4
    layer = {
        "kernel": plain([[0, 0, 0, 0, 0.5, 0.5]]),
        "recurrent": plain([[0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 1, 0]]),  # the candidate reads h swapped
        "bias": np.array([log3, log3, 0, log3, 0, 0]),  # z = 3/4, 3/4; r = 1/2, 3/4
        "recurrent_bias": np.array([0.2, 0.4]),
    }
    x, h = np.array([1.0]), np.array([0.4, 0.8])
    after = 0.75 * h + 0.25 * np.tanh([0.5 + 0.5 * (0.8 + 0.2), 0.5 + 0.75 * (0.4 + 0.4)])
    before = 0.75 * h + 0.25 * np.tanh([0.5 + 0.75 * 0.8, 0.5 + 0.5 * 0.4])
    np.testing.assert_allclose(gru_step(layer, x, h, reset_after=True), after)
    np.testing.assert_allclose(gru_step(layer, x, h, reset_after=False), before)

    layer = {
        "kernel": plain([[0, 0, 0.5, 0]]),
        "recurrent": plain([[0, 0, 1.0, 0]]),
        "bias": np.array([log3, 0, 0.1, -log3]),
    }
    new_h, new_c = lstm_step(layer, np.array([1.0]), np.array([0.4]), np.array([2.0]))
    np.testing.assert_allclose(new_c, [0.5 * 2.0 + 0.75 * np.tanh(0.5 + 0.4 + 0.1)])
    np.testing.assert_allclose(new_h, 0.25 * np.tanh(new_c))


def test_skip_connections_feed_the_second_layer_and_sum_over_layers():
    def forget(kernel):  # z = 0, no recurrence: h = tanh(candidate input)
        return {"kernel": plain(kernel), "recurrent": plain([[0, 0, 0]]), "bias": np.array([-1e3, 0, 0])}

    tier = {
        "rnn_type": "GRU", "reset_after": True, "skip_conn": True,
        "layers": [forget([[0, 0, 1.0]]), forget([[0, 0, 3.0], [0, 0, 5.0]])],
        "skip": [plain([[10.0]]), plain([[100.0]])], "skip_bias": np.array([1000.0]),
    }  # fmt: skip
    h1 = np.tanh(0.2)
    h2 = np.tanh(3 * h1 + 5 * 0.2)
    output, state = rnn_step(tier, np.array([0.2]), [np.zeros(1), np.zeros(1)])
    np.testing.assert_allclose(output, [10 * h1 + 100 * h2 + 1000])
    np.testing.assert_allclose(np.concatenate(state), [h1, h2])


def test_a_step_of_a_diagonal_recurrence_by_hand():
    log3 = np.log(3.0)  # sigmoid(log 3) = 3/4
    rates = np.log(np.expm1(np.log(2.0) / np.array([4, 6])))  # gates of 1/2 and 3/4: a is 1/2 in both
    h = rg_lru_step(np.array([8.0, 4.0]), np.array([0.0, log3]), np.array([log3, 0.0]), rates, np.array([2.0, 6.0]))
    np.testing.assert_allclose(h, [1 + np.sqrt(3) / 2 * 6, 3 + np.sqrt(3) / 2 * 2], rtol=1e-5)


def test_a_block_adds_what_its_state_gives_and_then_what_its_feed_forward_part_gives():
    mix, widen = np.zeros((2, 8)), np.zeros((2, 4))
    mix[0, 0] = widen[1, 0] = 1.0  # of the norm, its first number; then its second
    block = {
        # The gates are half open, the output gates 20 and 0, of which gelu makes 20 and 0.
        "mix": plain(mix, np.array([1.0, 1.0, 0, 0, 0, 0, 20.0, 0])), "rates": np.log(np.expm1([np.log(2.0) / 4] * 2)),
        "mixed": plain(0.1 * np.eye(2)),
        "widen": plain(widen, np.array([2.0, 3.0, 20.0, 0])), "widened": plain([[0, 0.1], [0.1, 0]]),
    }  # fmt: skip
    out, (state,) = blocks_step({"blocks": [block]}, np.array([3.0, 4.0]), [np.array([4.0, 8.0])])
    first = 0.5 * 4 + np.sqrt(0.75) / 2 * (1 + 3 / np.sqrt(12.5))
    np.testing.assert_allclose(state, [first, 0.5 * 8 + np.sqrt(0.75) / 2], rtol=1e-5)
    x = np.array([3 + 0.1 * 20 * first, 4])
    x[1] += 0.1 * 20 * (2 + x[1] / np.sqrt(np.mean(x * x)))
    np.testing.assert_allclose(out, x / np.sqrt(np.mean(x * x)), rtol=1e-5)


def test_each_sample_gets_its_slot_of_the_frame_just_before():
    slots = echo_tiers(3, np.zeros((3, 1)), np.zeros((1, 3)), [1.0, 2.0, 3.0])
    np.testing.assert_allclose(oracle_logits(slots, 4, [0] * 7)[:, 0], [1, 2, 3, 1, 2, 3, 1])
    # only the oldest of a frame counts: silence 2 (-> 0.0), code 3 at t = 0 (-> 1.0), code 0 at 3 (-> -2.0)
    frames = echo_tiers(3, [[1.0], [0.0], [0.0]], np.ones((1, 3)), np.zeros(3))
    expected = np.tanh([0, 0, 0, 1, 1, 1, -2])
    np.testing.assert_allclose(oracle_logits(frames, 4, [3, 1, 1, 0, 1, 1, 1], silence=2)[:, 0], expected)


def test_the_state_starts_from_h0_and_is_carried_from_step_to_step():
    tiers = echo_tiers(2, np.zeros((2, 1)), np.ones((1, 2)), np.zeros(2))
    tiers[0]["layers"][0]["bias"] = np.zeros(3)  # z = 1/2, candidate 0: every step halves h
    tiers[0]["h0"] = [np.array([8.0])]
    np.testing.assert_allclose(oracle_logits(tiers, 4, [0] * 6)[:, 0], [4, 4, 2, 2, 1, 1])


def test_the_sample_tier_reads_oldest_first_with_relus_after_l2_and_l3_only():
    sample = {
        "kind": "sample", "reads": 2, "embedding": None, "class_embedding": None,
        "l1": plain([[-1.0], [3.0], [0.0], [-4.0]]),  # oldest 0: -1, oldest 1: +3; newest 1: -4
        "l2": plain([[-1.0]], np.array([0.0])), "l3": plain([[-1.0]], np.array([2.0])),
        "output": plain([[10.0, 0.0]], np.array([0.5, 7.0])),
    }  # fmt: skip
    # codes 11, 10, 00, 01: L1 gives -1, 3, -1, -5; L2 gives 1, 0, 1, 5; L3 gives 1, 2, 1, 0
    logits = oracle_logits([sample], 2, [0, 0, 1, 1], silence=1)
    np.testing.assert_allclose(logits, [[10.5, 7], [20.5, 7], [10.5, 7], [0.5, 7]])


def test_a_middle_tier_gets_its_slot_of_the_tier_above():
    [top, _], [middle, sample] = (echo_tiers(2, np.zeros((2, 1)), np.zeros((1, 2)), [0.1, 0.2]) for _ in "ab")
    top |= {"frame_size": 4, "input": plain(np.zeros((4, 1)), np.zeros(1))}
    middle["output"] = plain([[1.0, 1.0]], np.array([0.0, 5.0]))
    logits = oracle_logits([top, middle, sample], 4, [0] * 6)[:, 0]
    first, second = np.tanh([0.1, 0.2])
    np.testing.assert_allclose(logits, [first, first + 5, second, second + 5, first, first + 5])


def changed_by_condition_five(tiers, samples=11):
    conditions = np.zeros(samples, int)
    codes = np.arange(samples) % Q
    before = oracle_logits(tiers, Q, codes, conditions, C)
    conditions[5] = 1
    after = oracle_logits(tiers, Q, codes, conditions, C)
    return np.flatnonzero(np.any(before != after, axis=1)).tolist()


def test_a_condition_reaches_only_its_own_slots():
    def tiers(conditioned):
        rng = np.random.default_rng(3)
        built = [without_memory(frame_tier(rng, 8, 2)), without_memory(frame_tier(rng, 4, 2))]
        built += [without_memory(frame_tier(rng, 2, 2)), sample_tier(rng)]
        for number, tier in enumerate(built):
            if number != conditioned:
                tier["condition" if tier["kind"] == "frame" else "class_embedding"] = None
        built[-1]["l2"]["bias"] += 20.0  # keep the ReLUs open: a dead one would hide a change
        built[-1]["l3"]["bias"] += 100.0
        return built

    reached = [changed_by_condition_five(tiers(conditioned)) for conditioned in range(4)]
    assert reached == [[0, 1, 2, 3, 4, 5, 6, 7], [4, 5, 6, 7], [4, 5], [5]]


def test_a_frame_past_the_end_takes_the_mean_of_the_existing_conditions():
    tiers = echo_tiers(4, np.zeros((4, 1)), np.ones((1, 4)), np.zeros(4))
    tiers[0]["condition"] = plain([[0.0], [1.0]])
    logits = oracle_logits(tiers, 4, [0] * 6, [0, 1, 0, 0, 1, 1], C)
    np.testing.assert_allclose(logits[:, 0], np.tanh([0.25] * 4 + [1.0] * 2))


@pytest.mark.parametrize(("rnn_type", "n_rnn", "skip_conn"), [("GRU", 1, False), ("LSTM", 2, True)])
def test_generation_and_primer_agree_with_teacher_forcing(rnn_type, n_rnn, skip_conn):
    rng = np.random.default_rng(5)
    tiers = [
        frame_tier(rng, 4, 2, rnn_type, n_rnn, skip_conn),
        frame_tier(rng, 2, 2, rnn_type),
        sample_tier(rng, 3),
    ]
    conditions, uniforms = rng.integers(0, C, 10), rng.uniform(size=10)
    codes, logits = oracle_generate(tiers, Q, 10, conditions, C, 3, uniforms, 2.0)
    np.testing.assert_array_equal(logits, oracle_logits(tiers, Q, codes, conditions, C, silence=3))
    assert len(set(codes.tolist())) > 2

    primer, primer_conditions = [1, 5, 0, 2, 4], [1, 0, 0, 1, 0]
    codes, logits = oracle_generate(tiers, Q, 10, conditions, C, 3, uniforms, 2.0, primer, primer_conditions)
    whole = oracle_logits(tiers, Q, [3, 3, 3, *primer, *codes], [1, 1, 1, *primer_conditions, *conditions], C, 3)
    np.testing.assert_array_equal(logits, whole[8:])
    assert len(codes) == 10


# Class 0, a cross-fade to 1 in four samples, 1, none, and 2 to the end at sample 14.
ASKED = ((0, 0, None), (4, 0, 1), (8, 1, None), (10, None, None), (12, 2, None))
TOLD = {"classes": 3, "neighbours": True, "position": True}


def test_the_vectors_of_classes_by_hand():
    def at(t, lookahead=True):
        return [*vectors(TOLD, ASKED, t, 14, 10, lookahead).values()]

    # A quarter of a step inside the cross-fade, whose classes change in its middle, sample 6.
    kind, before, after, _ = at(4)
    np.testing.assert_allclose(kind, [0.875, 0.125, 0])
    assert (before.tolist(), after.tolist()) == ([0, 0, 0], [0, 1, 0])
    kind, before, after, _ = at(7)
    np.testing.assert_allclose(kind, [0.125, 0.875, 0])
    assert (before.tolist(), after.tolist()) == ([1, 0, 0], [0, 0, 0])  # none comes after
    # Sample 7 is in the span 6 to 10: a = 1.5 samples, b = 2.5.
    position = at(7)[3]
    np.testing.assert_allclose(position[:5], np.cos(np.arange(5) * np.pi * 3 / 8), atol=1e-12)
    np.testing.assert_allclose(position[5:9], np.exp(-0.15 / np.array([0.02, 0.1, 0.5, 2.5])))
    np.testing.assert_allclose(position[9:], np.exp(-0.25 / np.array([0.02, 0.1, 0.5, 2.5])))
    for each in [*at(11), *at(14)]:
        assert not each.any()
    kind, before, after, position = at(12)
    assert [each.tolist() for each in (kind, before, after)] == [[0, 0, 1], [0, 0, 0], [0, 0, 0]]
    # Without the future.
    assert not at(4, lookahead=False)[2].any()
    np.testing.assert_array_equal(np.flatnonzero(at(7, lookahead=False)[3]), [5, 6, 7, 8])


def test_the_vectors_of_numbers_by_hand():
    asked, stream = ((0, -20.0, 20.0), (4, 12.0, None), (6, None, None)), {"low": -10.0, "high": 10.0}
    found = [vectors(stream, asked, t, 8, 10)["number"].tolist() for t in range(9)]
    assert found == [[1, -1], [1, -1], [1, 0], [1, 1], [1, 1], [1, 1], [0, 0], [0, 0], [0, 0]]


def test_a_condition_adds_the_mean_over_the_targets_that_exist():
    k = added([{"classes": 2}, {"low": 0.0, "high": 2.0}], [((0, 0, None), (2, 1, None)), ((0, 2.0, None),)], 3, 10)
    tier = {"frame_size": 4, "asked": {(0, "class"): plain([[1.0], [10.0]]), (1, "number"): plain([[100.0], [1000.0]])}}
    np.testing.assert_allclose(k(tier, 0), [(1 + 1 + 10) / 3 + 1100])
    np.testing.assert_allclose(k(tier, 4), [0])
    assert k({"frame_size": 4}, 0) == 0


def test_guided_distributions_by_hand():
    asked = np.log([0.5, 0.25, 0.25]) + 3
    base = np.log([[0.8, 0.1, 0.1], [0.2, 0.3, 0.5]])
    np.testing.assert_allclose(np.exp(guided(asked, base, 0.0)), [0.5, 0.2, 0.3])
    np.testing.assert_allclose(np.exp(guided(asked, base[0], 1.0)), [0.5, 0.25, 0.25])
    np.testing.assert_allclose(np.exp(guided(asked, base, 2.0)), [0.5, 0.25**2 / 0.2, 0.25**2 / 0.3])


def test_resampling_by_hand():
    assert resampled("abc", 3, 6, 6) == list("aabbcc")
    assert resampled("abcd", 4, 2, 2) == list("bd")  # a centre on an edge lies in the sample that begins there
    assert resampled("abc", 3, 2, 2) == list("ac")
