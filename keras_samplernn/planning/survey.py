"""What lies in a folder of sounds: the sounds with their headers, the condition files, folders for validation."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from keras_samplernn.conditions.readers.survey import is_label_track
from keras_samplernn.data.inspection import AUDIO_SUFFIXES, AudioInfo, inspect_audio
from keras_samplernn.data.notes import first_few
from keras_samplernn.data.pairs import Pair, find_pairs
from keras_samplernn.errors import UserError, collect
from keras_samplernn.names import existing
from keras_samplernn.progress import format_duration

# What a folder of each part of a corpus is called.
PART_NAMES = {
    "train": ("train", "training"),
    "valid": ("valid", "validation", "val", "dev"),
    "test": ("test", "testing"),
}
_MOST_TOLD_IN_SECONDS = 60


@dataclass(frozen=True)
class Sound:
    """A sound of the folder.

    Attributes:
        pair: its files.
        info: its header.
    """

    pair: Pair
    info: AudioInfo

    @property
    def seconds(self) -> float:
        """Its length as its header tells it; 0 if only decoding will tell."""
        return (self.info.header.samples or 0) / self.info.header.sample_rate


@dataclass(frozen=True)
class Survey:
    """What lies in a folder.

    Attributes:
        folder: the folder.
        parts: the folder of each part, relative to `folder`, by the field of the spec's `data`: `train`, and perhaps
            `valid` and `test`.
        sounds: of each part; of `train` those too that a fraction holds out.
        labelled: whether some have condition files that can be read.
        lines: what is to be told.
    """

    folder: Path
    parts: dict[str, str]
    sounds: dict[str, list[Sound]]
    labelled: bool
    lines: list[str]

    @property
    def all_sounds(self) -> list[Sound]:
        """The sounds of all parts."""
        return [sound for sounds in self.sounds.values() for sound in sounds]

    def seconds(self, part: str) -> float:
        """Return the length of all sounds of a part, as their headers tell it."""
        return sum(sound.seconds for sound in self.sounds[part])

    def seconds_by_rate(self) -> dict[int, float]:
        """Return the seconds of training sound at each sample rate, in Hz; most first."""
        seconds: Counter[int] = Counter()
        for sound in self.sounds["train"]:
            seconds[sound.info.header.sample_rate] += sound.seconds or 1.0
        return dict(seconds.most_common())


def survey(folder: Path) -> Survey:
    """Look at what lies in a folder and its subfolders, without decoding any sound.

    Raises:
        UserError: the folder is missing or has no sounds; or one line for each problem of its files.
    """
    parts, lines = _parts(existing(folder))
    found = {part: find_pairs(folder / name, conditional=True, unlabelled=True) for part, name in parts.items()}
    described = [pair for each in found.values() for pair in each.pairs if pair.conditions is not None]
    texts = [pair for pair in described if pair.conditions.suffix.lower() == ".txt"]
    labelled = bool(described) and (
        len(texts) < len(described) or any(is_label_track(pair.conditions) for pair in texts)
    )
    if not labelled:
        if texts:
            lines.append(
                f"conditions: the txt files beside {len(texts):,} sounds are not read, since they are not label tracks,"
                " lines of begin, end and label with tabs between them"
            )
        found = {part: find_pairs(folder / name, conditional=False) for part, name in parts.items()}
    problems = [problem for each in found.values() for problem in each.problems]
    sounds = {part: _sounds(each.pairs, problems) for part, each in found.items()}
    if problems:
        raise UserError(*problems)
    lines.insert(0, _described(folder, [sound for each in sounds.values() for sound in each]))
    return Survey(folder, parts, sounds, labelled, lines)


def length(seconds: float) -> str:
    """Write the length of sound: `12.5 s`, from a minute on `13:48`."""
    return f"{seconds:.1f} s" if seconds < _MOST_TOLD_IN_SECONDS else format_duration(seconds)


def _parts(folder: Path) -> tuple[dict[str, str], list[str]]:
    """Return the folder of each part, and what is to be told of those that are not read as such."""
    try:
        inside = {path.name.lower(): path.name for path in sorted(folder.iterdir()) if path.is_dir()}
    except OSError:
        return {"train": "."}, []  # what is wrong is told where the sounds are looked for
    named = {part: next((inside[name] for name in names if name in inside), None) for part, names in PART_NAMES.items()}
    parts = {part: name for part, name in named.items() if name is not None}
    if "train" not in parts:
        lines = [f"{name}: read as any other folder, since there is no folder train" for name in parts.values()]
        return {"train": "."}, lines
    outside = [
        path.name
        for path in sorted(folder.iterdir())
        if path.name not in parts.values()
        and not path.name.startswith(".")
        and (path.is_dir() or path.suffix.lower() in AUDIO_SUFFIXES)
    ]
    lines = [f"not read: {first_few(outside)}, since the sounds are in {', '.join(parts.values())}"] if outside else []
    return parts, lines


def _sounds(pairs: Sequence[Pair], problems: list[str]) -> list[Sound]:
    infos = [collect(problems, inspect_audio, pair.audio) for pair in pairs]
    return [Sound(pair, info) for pair, info in zip(pairs, infos, strict=True) if info is not None]


def _described(folder: Path, sounds: Sequence[Sound]) -> str:
    formats = Counter(sound.pair.audio.suffix.lower()[1:] for sound in sounds)
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in formats.most_common())
    several = sum(sound.info.header.channels > 1 for sound in sounds)
    mixed = f"; {several:,} with several channels, which are mixed to mono" if several else ""
    seconds = sum(sound.seconds for sound in sounds)
    count = f"{len(sounds):,} sounds" if len(sounds) > 1 else "1 sound"
    return f"sounds: {count} in {folder}, {length(seconds)} ({kinds}){mixed}"
