"""Specs in tests: parsed with tiers that do nothing, and the lines that a mistake is answered with."""

import json
from typing import Annotated, Any, Literal

import pytest
from pydantic import AfterValidator, Field, PositiveInt

from keras_samplernn.errors import UserError
from keras_samplernn.plugins.coarse_fine import CoarseFine
from keras_samplernn.plugins.softmax import Softmax
from keras_samplernn.spec import Types, parse_spec


class FrameRNN:
    """Stacked RNN over frames.

    Args:
        frame_size: samples per step.
        dim: width of the state: its
            features.
    """

    def __init__(
        self,
        frame_size: PositiveInt,
        dim: PositiveInt = 1024,
        rnn_type: Literal["GRU", "LSTM"] = "GRU",
        n_rnn: Annotated[int, Field(ge=1, le=5)] = 1,
        skip_conn: bool = False,
        learn_h0: bool = True,
        weight_norm: bool = True,
        dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0,
        condition_dim: Annotated[int, Field(ge=0)] = 0,
        *,
        name: str | None = None,
        **kwargs,
    ):
        pass


class SampleMLP:
    frame_size = 1

    def __init__(
        self,
        dim: PositiveInt = 1024,
        emb_size: Annotated[int, Field(ge=0)] = 256,
        window: PositiveInt | None = None,
        weight_norm: bool = True,
        **kwargs,
    ):
        pass


def _even(value: int) -> int:
    if value % 2:
        raise ValueError("a kernel has an even width")
    return value


class Strange:
    """A stranger's tier, with whatever hints pydantic understands."""

    frame_size = 4

    def __init__(
        self,
        taps: tuple[int, ...] = (1, 2),
        kernel: Annotated[int, AfterValidator(_even), Field(description="Width of the kernel.")] = 2,
        step: Annotated[int, Field(multiple_of=8)] = 8,
        anything=None,
        options: dict[str, int] | None = None,
        **kwargs,
    ):
        pass


class Sizeless:
    def __init__(self, dim: int = 1):
        pass


HEADS = {"softmax": Softmax, "coarse_fine": CoarseFine}
TYPES = Types({"frame_rnn": FrameRNN, "sample_mlp": SampleMLP}, HEADS)
MORE = Types(TYPES.tiers | {"strange": Strange, "sizeless": Sizeless}, HEADS)


def parse(spec: Any, types=TYPES):
    text = spec if isinstance(spec, str) else json.dumps({"data": {"train": "corpus"}} | spec)
    return parse_spec(text, "spec.json", types, "/home/ana")


def lines(spec: Any, types=TYPES) -> list[str]:
    with pytest.raises(UserError) as caught:
        parse(spec, types)
    for line in caught.value.lines:
        assert line.startswith("spec.json: ") and len(line.splitlines()) == 1 and line.encode()
    return [line.removeprefix("spec.json: ") for line in caught.value.lines]


def frames(*sizes, **fields):
    stack = [{"type": "frame_rnn", "frame_size": size} for size in sizes]
    return {"tiers": [*stack, {"type": "sample_mlp"}], **fields}
