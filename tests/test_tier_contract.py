"""check_tier passes good tiers; tests/test_tier_mistakes.py has broken ones."""

import pytest
from echo_tier import Echo

from keras_samplernn.plugins.frame_rnn import FrameRNN
from keras_samplernn.plugins.frame_ssm import FrameSSM
from keras_samplernn.plugins.sample_mlp import SampleMLP
from keras_samplernn.testing import check_tier

pytestmark = pytest.mark.law

GOOD = {
    # Widths that are multiples of 8 have int8 weights too.
    "GRU with dropout": (FrameRNN, {"frame_size": 4, "dim": 8, "dropout": 0.5}),
    "LSTM x2 skip": (FrameRNN, {"frame_size": 3, "dim": 8, "rnn_type": "LSTM", "n_rnn": 2, "skip_conn": True}),
    "GRU reset before": (FrameRNN, {"frame_size": 2, "dim": 5, "reset_after": False, "weight_norm": False}),
    "SSM with dropout": (FrameSSM, {"frame_size": 4, "dim": 8, "dropout": 0.5}),
    "SSM x1 wide": (
        FrameSSM,
        {"frame_size": 3, "dim": 5, "n_layers": 1, "expansion": 3, "learn_h0": False, "weight_norm": False},
    ),
    "embedded samples": (SampleMLP, {"dim": 8, "emb_size": 5, "window": None}),
    "one-hot samples, wide lookback": (SampleMLP, {"dim": 6, "emb_size": 0, "window": 7}),
    "inherited sequence": (Echo, {"frame_size": 4}),
    "inherited sequence at the bottom": (Echo, {"frame_size": 1}),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_good_tier_keeps_the_laws(name):
    tier_class, config = GOOD[name]
    check_tier(tier_class, **config)


def test_two_linears_of_one_name_are_refused():
    tier = Echo(4)
    tier.add_linear(3, 2, "input")
    with pytest.raises(ValueError, match=r"^Echo already has a layer named 'input'; give this one another name$"):
        tier.add_linear(3, 2, "input")
