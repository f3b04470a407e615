"""What the original program computed, runs that are imported compute too: its logits, its codes, for each variant."""

import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
from command_line import done, give, listing, write_sound
from generations import generate
from theano_oracle import Original, random_arrays
from theano_pickles import checkpoint, words
from variants import window_of

from keras_samplernn.api import load_run
from keras_samplernn.generation.engine import GenerationEngine

WRITTEN = Path(__file__).with_name("theano_checkpoints")
STEMS = ["p1_three_tier_gru1", "p2_three_tier_lstm2_skip"]
TWO, THREE, FOUR = (
    {"FrameLevel": 4},
    {"BigFrameLevel": 8, "FrameLevel": 2},
    {"BigFrameLevel": 12, "FrameLevel_1": 4, "FrameLevel_2": 2},
)
# Each option of the original with each number of tiers, and with each kind of layer, somewhere.
VARIANTS = {
    "two tiers, GRU": (TWO, {}),
    "two tiers, LSTM, odd levels": (TWO, {"rnn_type": "LSTM", "q_levels": 17}),
    "two tiers, three GRU with skips, odd levels": (TWO, {"n_rnn": 3, "skip_conn": True, "q_levels": 7}),
    "two tiers, two LSTM, one-hot, no weight norm, odd levels": (
        TWO,
        {"rnn_type": "LSTM", "n_rnn": 2, "emb_size": 0, "weight_norm": False, "q_levels": 5},
    ),
    "two tiers as wide as a frame": (TWO, {"dim": 4, "n_rnn": 2, "skip_conn": True}),
    "three tiers, odd levels": (THREE, {"q_levels": 9}),
    "three tiers, two GRU with skips": (THREE, {"n_rnn": 2, "skip_conn": True}),
    "three tiers, five LSTM with skips, no weight norm": (
        THREE,
        {"rnn_type": "LSTM", "n_rnn": 5, "skip_conn": True, "weight_norm": False},
    ),
    "three tiers, two LSTM, one-hot": (THREE, {"rnn_type": "LSTM", "n_rnn": 2, "emb_size": 0}),
    "three tiers, GRU, no weight norm, odd levels": (THREE, {"weight_norm": False, "q_levels": 3}),
    "four tiers of a fork": (FOUR, {"n_rnn": 2, "skip_conn": True, "q_levels": 11}),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory, corpus_cache):
    """The runs of both checkpoints that the original wrote."""
    home = tmp_path_factory.mktemp("theano")
    for stem in STEMS:
        done(f"import-theano {WRITTEN / stem}.pkl --run {stem}", home)
    return home


def forward(model, window, states=None):
    logits, states = model.forward(window, None, states or model.initial_states(len(window)))
    return keras.ops.convert_to_numpy(logits), states


@pytest.mark.law
@pytest.mark.parametrize("stem", STEMS)
def test_two_windows_have_the_logits_and_the_state_that_the_original_computed(stem, home):
    model, there = load_run(home / stem).model, np.load(WRITTEN / f"{stem}.npz")
    seq_len, lookback = int(there["seq_len"]), int(there["lookback"])
    assert lookback == model.lookback
    states, found = None, []
    for start in (0, seq_len):
        logits, states = forward(model, there["codes"][:, start : start + lookback + seq_len], states)
        found.append(logits)
    np.testing.assert_allclose(np.concatenate(found, axis=1), there["logits"], rtol=0, atol=1e-5)
    for name, state in zip(("state_big_h", "state_h"), states, strict=False):
        theirs = there[name][-1].reshape(2, -1)  # (B, layers, D or [h | c])
        ours = np.stack([keras.ops.convert_to_numpy(each) for each in state], axis=1).reshape(2, -1)
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)


@pytest.mark.law
@pytest.mark.parametrize("stem", STEMS)
def test_generation_draws_every_code_that_the_original_drew(stem, home):
    model, there = load_run(home / stem).model, np.load(WRITTEN / f"{stem}.npz")
    rows, samples = there["gen_uniforms"].shape
    more = ((0, 0), (0, -samples % model.top_frame_size))  # the engine makes whole frames
    engine = GenerationEngine(model, model.q_levels // 2, rows, samples + more[1][1])
    codes = generate(engine, None, np.pad(there["gen_uniforms"], more), [1.0] * rows)
    np.testing.assert_array_equal(codes[:, :samples], there["gen_codes"])
    logits, _ = forward(model, window_of(model, codes, model.q_levels // 2))
    np.testing.assert_allclose(logits[:1, :samples], there["gen_logits"], rtol=0, atol=1e-5)


@pytest.mark.law
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_computes_what_the_formulas_of_the_original_do(variant, tmp_path):
    tiers, options = VARIANTS[variant]
    arrays = random_arrays(tiers, **options)
    (tmp_path / "x.pkl").write_bytes(checkpoint(arrays))
    answer = give("import-theano x.pkl --run run --q-type linear", tmp_path)
    assert answer.status == 0, answer.err
    assert ("forks" in answer.err) == (tiers is FOUR)
    model = load_run(tmp_path / "run").model
    original = Original(
        arrays, tiers, **{"rnn_type": "GRU", "n_rnn": 1, "skip_conn": False, "dim": 12, "q_levels": 16, **options}
    )
    codes, expected = np.random.default_rng(1).integers(model.q_levels, size=48), []
    for code in codes:
        expected.append(original.logits())
        original.codes.append(int(code))
    expected = np.stack(expected)
    assert np.ptp(expected) > 1  # weights large enough to tell
    window = np.concatenate([[model.q_levels // 2] * model.lookback, codes])[None].astype(np.int32)
    half = model.lookback + 24
    first, states = forward(model, window[:, :half])
    second, _ = forward(model, window[:, 24:], states)
    np.testing.assert_allclose(np.concatenate([first, second], axis=1)[0], expected, rtol=0, atol=1e-5)
