"""The tier against the contract."""

from frame_conv import FrameConv

from keras_samplernn.testing import check_tier


def test_frame_conv_keeps_the_laws_of_the_tier_contract():
    """Sequence and step, rows, causality, XLA, precision, gradients, saving: whatever `check_tier` holds."""
    check_tier(FrameConv, frame_size=4, dim=6, kernel_size=3)
