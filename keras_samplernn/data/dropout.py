"""Conditions that are not told in training, so that the model learns what `none` and an unknown future mean."""

from typing import NamedTuple

import numpy as np

from keras_samplernn.data.draws import Purpose, epoch_bits, fractions


class Dropout(NamedTuple):
    """Which conditions are not told in the pieces of a plan.

    Attributes:
        hidden: (pieces, streams) bool, whether a stream is none.
        lookahead: (pieces,) bool, whether the ends of spans and what comes after them are known.
    """

    hidden: np.ndarray
    lookahead: np.ndarray


def draw_dropout(pieces: int, streams: int, share: float, lookahead_share: float, seed: int, epoch: int) -> Dropout:
    """Draw for each piece of an epoch's plan which of its conditions are not told.

    Args:
        pieces: number of pieces in the epoch's plan.
        streams: number of condition streams.
        share: of pieces in which a stream is none, 0 to 1. In half of it all streams are, so that guidance can contrast
            with no conditions at all; else streams are drawn independently.
        lookahead_share: of pieces in which the ends of spans are unknown.
        seed: non-negative; what is drawn depends on it, on `epoch` and on the number of pieces alone.
        epoch: non-negative.
    """
    source = epoch_bits(Purpose.CONDITIONS, seed, epoch)
    drawn = fractions(source.random_raw((pieces, streams + 2)))
    # A stream is none in the share of pieces: 1 - (1 - share / 2) (1 - alone) = share.
    alone = share / 2 / (1 - share / 2)
    return Dropout((drawn[:, 1:2] < share / 2) | (drawn[:, 2:] < alone), drawn[:, 0] >= lookahead_share)
