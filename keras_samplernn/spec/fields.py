"""The fields of a spec, with their ranges, defaults and one sentence each: the source of the schema and its pages."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_serializer, model_validator
from pydantic.json_schema import SkipJsonSchema

from keras_samplernn.names import nfc

DEFAULT_TIERS = [
    {"type": "frame_rnn", "frame_size": 8},
    {"type": "frame_rnn", "frame_size": 2},
    {"type": "sample_mlp"},
]
MOST_TIERS = 16
# The number of a class in a condition file. float() alone would also accept 1_0, nan and inf.
CLASS_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def _check_class_names(names: list[str]) -> list[str]:
    names = [nfc(name) for name in names]
    for name, times in Counter(names).items():
        shown = json.dumps(name)
        if not name or name != name.strip() or not name.isprintable() or "," in name or '"' in name:
            raise ValueError(
                f"{shown} is not a class name; a name is printable text without commas, quotes and outer blanks"
            )
        if CLASS_NUMBER.fullmatch(name) or name.lstrip("+-").replace(".", "").isdigit():
            raise ValueError(f"{shown} reads as a class number; choose a name that is not a number")
        if times > 1:
            raise ValueError(f"{shown} is given {times} times; class names must be distinct")
    return names


MOST_LEVELS, MOST_CLASSES, MOST_STREAMS = 65536, 4096, 16
COLUMNS_OF_TIMES = ("seconds", "start", "stop")
QType = Literal["linear", "mu-law", "a-law"]
FolderPath = Annotated[Path, Field(strict=False)]
StreamName = Annotated[
    str,
    Field(
        pattern="^[a-z][a-z0-9_]{0,39}$",
        json_schema_extra={"patternErrorMessage": "1 to 40 small letters, digits or underscores, the first a letter"},
    ),
]
ClassCount = Annotated[int, Field(ge=1, le=MOST_CLASSES)]
ClassNames = Annotated[list[str], Field(min_length=1, max_length=MOST_CLASSES), AfterValidator(_check_class_names)]


class Section(BaseModel):
    """One object of the spec: strict, closed and frozen."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False, serialize_by_alias=True)


class Audio(Section):
    """How sound is sampled and quantized."""

    sample_rate: int = Field(
        16000, ge=1000, le=384000, description="Samples per second; files at another rate are resampled."
    )
    q_type: QType = Field("mu-law", description="How amplitudes become codes: in equal steps, or finer near silence.")
    q_levels: int = Field(256, ge=2, le=MOST_LEVELS, description="Number of codes a sample can have.")


class Data(Section):
    """Where the sounds are; relative paths are relative to the spec's folder."""

    train: FolderPath = Field(description="Folder of the training sounds, read with its subfolders.")
    valid: FolderPath | Annotated[float, Field(gt=0, lt=1)] | None = Field(
        None,
        description="Folder of the validation sounds; or the fraction of the training files, whole files, that is "
        "held out; null: no validation.",
    )
    test: FolderPath | None = Field(
        None, description="Folder of the test sounds, which only `evaluate` reads; null: no test sounds."
    )
    segment_seconds: float = Field(
        8.0,
        gt=0,
        le=86400,
        description="Training files are cut into segments of at most this length, in seconds, and shuffled; every "
        "segment starts from the initial state. Validation and test files stay whole.",
    )


class NumberRange(Section):
    """The range of a stream of numbers; numbers outside are taken for its nearest end."""

    low: float = Field(description="The least number.")
    high: float = Field(description="The greatest number.")
    unit: str = Field("", max_length=20, description="Unit of the numbers, for people.")

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if not self.low < self.high:
            raise ValueError(f"low = {self.low:g} is not below high = {self.high:g}")
        return self


class Classes(Section):
    """A stream of classes: one of them, or none, at each sample."""

    classes: ClassCount | ClassNames | None = Field(
        None, description="Number of classes, the numbers 0 to n - 1; or their names, which condition files may hold."
    )
    position: bool = Field(
        False, description="Whether the model is told where in its span a sample stands: share, time since and until."
    )
    neighbours: bool = Field(
        False, description="Whether the model is told the class of the span before and of the span after."
    )
    gaps: str | Annotated[int, Field(ge=0)] | None = Field(
        None, description="Class of samples of which a condition file says nothing; null: none."
    )
    from_: Literal["file", "folder"] = Field(
        "file", alias="from", description="What says the class: the condition file, or the name of the sound's folder."
    )

    def _check_classes(self) -> None:
        names = [*map(str, range(self.classes))] if isinstance(self.classes, int) else self.classes
        if self.gaps is not None and str(self.gaps) not in names:
            shown = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
            raise ValueError(f"gaps = {json.dumps(self.gaps)} is not a class; classes are {shown}")

    def _refuse_fields_of_classes(self, instead: str) -> None:
        for name, field in Classes.model_fields.items():
            if name != "classes" and getattr(self, name) != field.default:
                raise ValueError(f"{field.alias or name} belongs to a stream of classes; {instead}")


class Stream(Classes):
    """A condition stream, of classes or of numbers."""

    number: NumberRange | None = Field(None, description="Range of a stream of numbers; null: a stream of classes.")

    @model_validator(mode="after")
    def _has_one_kind(self) -> Self:
        if (self.classes is None) == (self.number is None):
            found = "neither classes nor a number" if self.number is None else "both classes and a number"
            raise ValueError(f"has {found}; give one of the two")
        if self.classes is None:
            self._refuse_fields_of_classes("remove it")
        else:
            self._check_classes()
        return self


class Conditioning(Classes):
    """What is asked for at each sample: one stream of classes, or several streams of classes and numbers."""

    streams: Annotated[dict[StreamName, Stream], Field(min_length=1, max_length=MOST_STREAMS)] | None = Field(
        None, description="The streams by name, instead of `classes`; condition files name them."
    )
    unlabelled: bool = Field(
        False, description="Whether sounds without a condition file are read too; their streams are none."
    )
    condition_dropout: float | None = Field(
        None,
        ge=0,
        le=1,
        description="Share of the pieces of training sounds in which a stream is none, drawn for each stream; null: 0 "
        "for one stream, 0.1 for several.",
    )
    lookahead_dropout: float = Field(
        0.1,
        ge=0,
        le=1,
        description="Share of the pieces of training sounds in which the end of a span, and what comes after it, are "
        "unknown, as in live use; without effect unless a stream has `position` or `neighbours`.",
    )

    @model_validator(mode="after")
    def _has_one_form(self) -> Self:
        if (self.classes is None) == (self.streams is None):
            found = "neither classes nor streams" if self.streams is None else "both classes and streams"
            raise ValueError(f"has {found}; give one of the two")
        for name in self.streams or ():
            if name in COLUMNS_OF_TIMES:
                raise ValueError(f'stream "{name}" has the name of a column of times in a csv; choose another name')
        if self.classes is None:
            self._refuse_fields_of_classes("move it into one")
        else:
            self._check_classes()
        return self


class Training(Section):
    """How the model is trained."""

    seq_len: int = Field(
        512,
        ge=1,
        le=1048576,
        description="Samples of a training window, through which gradients flow; a multiple of the top "
        "tier's frame size.",
    )
    batch_size: int = Field(128, ge=1, le=65536, description="Windows in a batch, one for each lane.")
    epochs: int = Field(100, ge=1, le=1000000, description="Passes over the training sounds.")
    learning_rate: float = Field(0.001, gt=0, le=10, description="Learning rate of Adam, after the warm-up.")
    schedule: Literal["constant", "cosine", "exponential"] = Field(
        "constant", description="How the learning rate falls over the optimizer's steps."
    )
    decay_steps: int | None = Field(
        None,
        ge=1,
        description="Optimizer steps until a cosine schedule ends, or in which an exponential one falls by "
        "`decay_rate`; null: constant.",
    )
    decay_rate: float = Field(
        0.5, gt=0, lt=1, description="Factor by which an exponential schedule falls every `decay_steps`."
    )
    warmup_steps: int = Field(0, ge=0, description="Optimizer steps over which the learning rate rises from zero.")
    clip_value: float | None = Field(
        1.0, gt=0, description="Every gradient is clipped to plus or minus this value; null: no clipping."
    )
    patience: int | None = Field(
        None,
        ge=1,
        description="Training stops after this many epochs without a better validation; null: it does not stop early.",
    )
    seed: int = Field(123, ge=0, le=2**32 - 1, description="Seed of initial weights, order and dropout.")
    precision: Literal["float32", "mixed_bfloat16"] = Field(
        "float32", description="Number format of the computation; weights are float32 either way."
    )
    checkpoint_minutes: float = Field(10.0, gt=0, le=10080, description="Minutes between checkpoints within an epoch.")
    keep_checkpoints: int = Field(3, ge=1, le=1000, description="How many of the newest checkpoints are kept.")


class Monitoring(Section):
    """Sounds that are generated during training, for TensorBoard; they need validation files."""

    every_epochs: int = Field(
        10, ge=0, description="Epochs between generated sounds; the last epoch generates them too; 0: never."
    )
    sounds: int = Field(3, ge=1, le=100, description="Number of sounds that are generated each time.")
    seconds: float = Field(3.0, gt=0, le=600, description="Longest generated sound, in seconds.")
    temperature: float = Field(
        1.0, gt=0, le=100, description="Divides the logits before sampling; below 1 is more cautious."
    )


class TierSpec(Section):
    """One tier of a validated spec.

    Attributes:
        type: the name under which the tier is installed.
        tier_class: the class that was installed under that name when the spec was read.
        config: every argument of its constructor, defaults included.
        frame_size: samples per step.
    """

    type: str
    tier_class: SkipJsonSchema[type]
    config: dict[str, Any]
    frame_size: int

    @model_serializer
    def _as_written(self) -> dict[str, Any]:
        return {"type": self.type, **self.config}


class Spec(Section):
    """A whole spec, validated; paths are absolute and `tier_defaults` merged into the tiers."""

    name: str = Field(
        "samplernn",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$",
        description="Name of the run and of its folder under `runs/`.",
        # Some editors show this keyword; messages and the reference use it too.
        json_schema_extra={
            "patternErrorMessage": "1 to 100 letters, digits, dots, dashes or underscores, the first a letter or digit"
        },
    )
    audio: Audio = Audio()
    data: Data
    conditioning: Conditioning | None = Field(
        None, description="The classes of the conditions; null: an unconditional model."
    )
    tiers: list[TierSpec] = Field(
        description="The tiers, slowest first; each has a `type` and the fields of that type."
    )
    training: Training = Training()
    monitoring: Monitoring = Monitoring()

    def to_json(self) -> str:
        """Return the spec as JSON, with every field explicit; parsing it gives an equal spec."""
        return json.dumps(self.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n"
