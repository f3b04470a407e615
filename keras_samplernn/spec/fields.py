"""The fields of a spec, with their ranges and one sentence each: the source of the schema and its pages.

A default here is what a spec means that a run has recorded before there was the field (`recorded.py`): new fields are
off. What is on in a spec that a user writes, a preset says (`presets.py`), and the schema shows that as the default.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_serializer
from pydantic.json_schema import SkipJsonSchema

from keras_samplernn.spec.conditioning import Conditioning
from keras_samplernn.spec.section import Section

MOST_TIERS = 16
DEFAULT_HEAD = {"type": "softmax"}

MOST_LEVELS = 65536
QType = Literal["linear", "mu-law", "a-law"]
FolderPath = Annotated[Path, Field(strict=False)]
FilePath = Annotated[Path, Field(strict=False)]


class Audio(Section):
    """How sound is sampled and quantized."""

    sample_rate: int = Field(
        16000, ge=1000, le=384000, description="Samples per second; files at another rate are resampled."
    )
    q_type: QType = Field("mu-law", description="How amplitudes become codes: in equal steps, or finer near silence.")
    q_levels: int = Field(256, ge=2, le=MOST_LEVELS, description="Number of codes a sample can have.")
    preemphasis: float = Field(
        0.0,
        ge=0,
        le=0.97,
        description="How much high frequencies are raised before quantizing, such as 0.85, against noise there; "
        "generated sounds are filtered back. Bits are those of the filtered sound.",
    )
    mu: int | None = Field(
        None,
        ge=1,
        lt=MOST_LEVELS,
        description="The mu of mu-law: the higher, the finer the steps near silence; null: as the head wants it, or "
        "else `q_levels` - 1.",
    )


DATA_PATHS = ("train", "valid", "test")


class Data(Section):
    """Where the sounds are; relative paths are relative to the spec's folder."""

    train: FolderPath | Annotated[list[FolderPath], Field(min_length=1, max_length=1000)] = Field(
        description="Folder of the training sounds, read with its subfolders; or a list of such folders."
    )
    valid: FolderPath | Annotated[float, Field(gt=0, lt=1)] | None = Field(
        None,
        description="Folder of the validation sounds; or the fraction of the training files, whole files, that is "
        "held out; null: no validation.",
    )
    hold_out: list[str] = Field(
        [],
        max_length=100000,
        description="With a fraction in `valid`: names of training files that are held out whatever the fraction says, "
        "such as `rain/3.wav`, relative to the folder of `train`. `init` names some where a class would not be "
        "validated.",
    )
    keep: list[str] = Field(
        [],
        max_length=100000,
        description="With a fraction in `valid`: names of training files that are never held out.",
    )
    test: FolderPath | None = Field(
        None, description="Folder of the test sounds, which only `evaluate` reads; null: no test sounds."
    )
    segment_seconds: float = Field(
        8.0,
        gt=0,
        le=86400,
        description="Training files are cut into segments of at most this length, in seconds, and shuffled; every "
        "segment starts from the initial state. Validation and test files stay whole. What other fields call a piece "
        "of a sound is a segment, or a part of one where a row of the batch ends.",
    )
    balance: float = Field(
        0.0,
        ge=0,
        le=1,
        description="How much an epoch evens out the classes of the first stream of classes, by visiting segments of "
        "rare ones more often, and of common ones less often; 1: all have about the same number of samples; 0: every "
        "segment is visited once.",
    )

    def folders(self, name: str) -> list[Path]:
        """Return the folders that `train`, `valid` or `test` names; none where it is a fraction or null."""
        value = getattr(self, name)
        if isinstance(value, list):
            return value
        return [value] if isinstance(value, Path) else []

    def place_of_folder(self, name: str, number: int) -> str:
        """Return the place in the spec of a folder: `data.train`, or `data.train.1` in a list."""
        return f"data.{name}.{number}" if isinstance(getattr(self, name), list) else f"data.{name}"


class Augmentation(Section):
    """How training sounds are varied, anew in each epoch; validation, test and generation know nothing of it."""

    gain_db: float = Field(
        0.0,
        ge=0,
        le=60,
        description="Each piece of a sound is quieter by up to so many dB; 0: all keep their level.",
    )
    polarity: bool = Field(False, description="Whether pieces are inverted at random, every second one.")
    speed: float = Field(
        0.0,
        ge=0,
        le=0.5,
        description="Each sound is played faster or slower by up to this share, pitch and conditions with it, at one "
        "of five speeds; all are prepared beforehand, which takes five times the room. 0: all keep their speed.",
    )


class Training(Section):
    """How the model is trained."""

    seq_len: int = Field(
        512,
        ge=1,
        le=1048576,
        description="Samples of a training window, through which gradients flow; a multiple of the top "
        "tier's frame size.",
    )
    remat_samples: int | None = Field(
        None,
        ge=1,
        le=1048576,
        description="Targets of a window for which activations are held at a time, such as 1024; those of the others "
        "are computed again for the gradients. This saves memory where `seq_len` is long, and takes time. A multiple "
        "of the top tier's frame size that divides `seq_len`; null: they are held for the whole window.",
    )
    batch_size: int = Field(128, ge=1, le=65536, description="Windows in a batch, each from another place.")
    epochs: int = Field(100, ge=1, le=1000000, description="Passes over the training sounds.")
    learning_rate: float = Field(0.001, gt=0, le=10, description="Learning rate of Adam, after the warm-up.")
    schedule: Literal["constant", "cosine", "exponential"] = Field(
        "constant", description="How the learning rate falls over the optimizer's steps."
    )
    decay_steps: int | None = Field(
        None,
        ge=1,
        description="Optimizer steps until a cosine schedule ends, or in which an exponential one falls by "
        "`decay_rate`; null: constant; by default null where the spec has a `schedule` of its own.",
    )
    decay_rate: float = Field(
        0.5, gt=0, lt=1, description="Factor by which an exponential schedule falls every `decay_steps`."
    )
    warmup_steps: int = Field(0, ge=0, description="Optimizer steps over which the learning rate rises from zero.")
    weight_decay: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Decoupled weight decay (AdamW): at each step matrices lose this share of themselves, times the "
        "learning rate; biases, scales of weight norm, embeddings and condition vectors do not; 0: Adam.",
    )
    input_noise: float = Field(
        0.0,
        ge=0,
        le=4096,
        description="Most noise on the samples that the model hears in training, while it predicts those without: "
        "standard deviation in codes, drawn from 0 to this for each piece of a sound; the default is that of 256 "
        "levels, and grows with `q_levels`. A model that knows noise stays on its path when it hears itself.",
    )
    input_dropout: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Most of the sound that the model does not hear in training: the share of stretches of 50 ms in "
        "which it hears silence instead, drawn from 0 to this for each piece of a sound. It learns to begin a sound "
        "out of silence wherever the conditions ask for one.",
    )
    own_continuations: int = Field(
        0,
        ge=0,
        le=16,
        description="In training, the model continues the sound by itself for so many samples, in many places of each "
        "window; it hears these in place of the recording's, and predicts the recording. Each sample in a row costs "
        "one more pass through the model in every step. Not together with `remat_samples`. 0: it hears the recording "
        "alone.",
    )
    own_share: float = Field(
        0.25,
        gt=0,
        le=0.5,
        description="With `own_continuations`, the share of what the model hears that is its own.",
    )
    augmentation: Augmentation = Field(
        Augmentation(), description="How training sounds are varied in each epoch; by default they are not."
    )
    clip_value: float | None = Field(
        1.0, gt=0, description="Every gradient is clipped to plus or minus this value; null: no clipping."
    )
    ema_decay: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Decay of the exponential moving average (EMA) of the weights, such as 0.999: validation, "
        "`evaluate` and `generate` use the average; 0: they use the weights as training leaves them.",
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
    deterministic: bool | None = Field(
        None,
        description="Whether the same training gives the same weights to the bit: true, false, or null, which is true "
        "on a CPU and false on a GPU, where it costs speed (docs/gpu.md).",
    )
    checkpoint_minutes: float = Field(10.0, gt=0, le=10080, description="Minutes between checkpoints within an epoch.")
    keep_checkpoints: int = Field(3, ge=1, le=1000, description="How many of the newest checkpoints are kept.")

    @property
    def held_samples(self) -> int:
        """Targets of a window for which activations are held at a time."""
        return self.remat_samples or self.seq_len


class Monitoring(Section):
    """What is heard and scored while a model is trained: sounds that it generates, and validations within epochs."""

    minutes: float = Field(
        30.0,
        ge=0,
        le=10080,
        description="Most minutes of training between generated sounds, and between validations within an epoch: they "
        "come after 2, 4, 8, ... minutes until the interval has grown to this; 0: neither comes by the clock.",
    )
    every_epochs: int | None = Field(
        None,
        ge=0,
        description="Epochs after which sounds are generated too; null: by the clock, and after the last epoch; 0: no "
        "sounds at all.",
    )
    sounds: int = Field(
        3,
        ge=1,
        le=100,
        description="Number of clips whose conditions sounds are generated under. They are chosen from the validation "
        "files, or else the training files, so that every class is heard.",
    )
    index: FilePath | None = Field(
        None,
        description="Text file that lists one condition file per line, relative to itself, as for `generate "
        "--conditioning-index`: these scores are generated instead of clips; only `fit` reads it. A relative path is "
        "relative to the spec's folder; null: clips.",
    )
    seconds: float = Field(3.0, gt=0, le=600, description="Longest generated sound, in seconds.")
    temperature: float = Field(
        1.0, gt=0, le=100, description="Divides the logits before sampling; below 1 is more cautious."
    )
    guidance: float = Field(
        1.0,
        ge=0,
        le=100,
        description="Strength of the guidance of these sounds and of hearings, as of `generate --guidance`; 1: they "
        "are not guided.",
    )
    listen_epochs: int = Field(
        0,
        ge=0,
        description="Epochs between hearings, in which a listener says how much of what is generated it hears as "
        "asked; the last epoch has one too; 0: never. Needs a stream of classes and scikit-learn.",
    )
    listen_seconds: float = Field(
        60.0,
        gt=0,
        le=3600,
        description="How much is generated for a hearing, under the conditions of validation files.",
    )


class _Typed(Section):
    """An object that names an installed type.

    Attributes:
        type: the name under which its class is installed.
        config: every argument of the constructor, defaults included.
    """

    type: str
    config: dict[str, Any]

    @model_serializer
    def _as_written(self) -> dict[str, Any]:
        return {"type": self.type, **self.config}


class TierSpec(_Typed):
    """One tier of a validated spec.

    Attributes:
        tier_class: the class that was installed under its type when the spec was read.
        frame_size: samples per step.
    """

    tier_class: SkipJsonSchema[type]
    frame_size: int


class HeadSpec(_Typed):
    """The head of a validated spec.

    Attributes:
        head_class: the class that was installed under its type when the spec was read.
    """

    head_class: SkipJsonSchema[type]


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
    head: HeadSpec = Field(
        description="What the outputs of the last tier mean: how a code is scored and drawn; has a `type` and the "
        "fields of that type."
    )
    training: Training = Training()
    monitoring: Monitoring = Monitoring()

    def to_json(self) -> str:
        """Return the spec as JSON, with every field explicit; parsing it gives an equal spec."""
        return f"{self}\n"
