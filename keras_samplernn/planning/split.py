"""Which sounds of a folder are held out for validation."""

from collections.abc import Collection, Hashable, Mapping
from typing import NamedTuple

from keras_samplernn.data.notes import first_few
from keras_samplernn.data.pairs import split_pairs
from keras_samplernn.planning.covering import File, cover_classes
from keras_samplernn.planning.sizing import valid_fraction
from keras_samplernn.planning.survey import Survey, length

# More than that would be missed in training; of classes with two files each, one is worth it.
_MOST_HELD_OUT, _MOST_OF_CLASSES = 1 / 3, 1 / 2
_WITHOUT = "without it the newest checkpoint counts as the best; put some sounds in folders train and valid to have one"


class Split(NamedTuple):
    """The fields of `data` that say what is trained on and what is held out.

    Attributes:
        train: folder of the training sounds.
        valid: folder of the validation sounds, the share that is held out, or None.
        test: folder of the test sounds, or None.
        line: why.
        hold_out: names of files that the share would leave in training, and that are held out.
        keep: names of files that the share would hold out, and that are not.
    """

    train: str
    valid: str | float | None
    test: str | None
    line: str
    hold_out: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()

    def fields(self) -> dict[str, str | float | list[str]]:
        """Return the section of the spec."""
        fields = {"train": self.train, "valid": self.valid, "test": self.test}
        fields = {name: value for name, value in fields.items() if value is not None}
        return fields | {name: [*each] for name in ("hold_out", "keep") if (each := getattr(self, name))}

    def without_validation(self, why: str) -> "Split":
        """Return the split that holds nothing out."""
        return self._replace(valid=None, hold_out=(), keep=(), line=f"split: no validation, since {why}; {_WITHOUT}")

    def covering(self, files: Mapping[str, File], held_out: Collection[str], called: Mapping[Hashable, str]) -> "Split":
        """Return the split with which every class of two files or more is trained on and validated.

        Args:
            files: that are trained on or held out, by name.
            held_out: names of those that are held out by this split.
            called: names of the classes that occur in the files, of which there is at least one.
        """
        held = cover_classes(files, held_out)
        whole, seconds = (sum(files[name].seconds for name in names) for names in (files, held))
        singles = [name for each, name in called.items() if sum(each in file.classes for file in files.values()) == 1]
        if not held:
            return self.without_validation(
                f"it takes two files of a class, and there is only one of {first_few(singles)}"
            )
        if seconds > _MOST_OF_CLASSES * whole:
            return self.without_validation(
                f"one file of each class that has two would be {seconds / whole:.0%} of the sound"
            )
        validated = {each for name in held for each in files[name].classes}
        line = _describe(self.valid, len(held), len(files) - len(held), seconds, whole)
        if held != {*held_out}:
            line += "; chosen so that every class with two files or more is validated (data.hold_out, data.keep)"
        if singles:
            line += f"; not validated, since there is only one file: {first_few(singles)}"
        if others := [name for each, name in called.items() if each not in validated and name not in singles]:
            line += f"; not validated, since their files have other classes too: {first_few(others)}"
        return self._replace(line=line, hold_out=(*sorted(held - {*held_out}),), keep=(*sorted({*held_out} - held),))


def choose_split(found: Survey, has_classes: bool) -> Split:
    """Hold out a share of the files, unless there is a folder for validation, or too few files.

    Args:
        found: the sounds.
        has_classes: whether files will be chosen by their classes; see `Split.covering`.
    """
    parts = found.parts
    split = Split(parts["train"], parts.get("valid"), parts.get("test"), "")
    if split.valid is not None:
        folders = ", ".join(f"{part} from {folder} ({length(found.seconds(part))})" for part, folder in parts.items())
        return split._replace(line=f"split: by folders: {folders}")
    sounds, whole = found.sounds["train"], found.seconds("train")
    if len(sounds) == 1:
        return split.without_validation("there is one file, and whole files are held out")
    fraction = valid_fraction(whole)
    by_name = {sound.pair.name: sound for sound in sounds}
    held_out = [by_name[pair.name] for pair in split_pairs([sound.pair for sound in sounds], fraction)[1]]
    seconds = sum(sound.seconds for sound in held_out)
    share = seconds / whole if whole else len(held_out) / len(sounds)
    if share > _MOST_HELD_OUT and not has_classes:
        return split.without_validation(
            f"of so few files, {len(sounds)}, whole ones are held out, and that would be {share:.0%} of the sound"
        )
    rest = len(sounds) - len(held_out)
    return split._replace(valid=fraction, line=_describe(fraction, len(held_out), rest, seconds, whole))


def _describe(fraction: float, held_out: int, rest: int, seconds: float, whole: float) -> str:
    """Return the line on so many files of so many seconds that are held out."""
    return (
        f"split: {fraction:g} of the files is held out: {held_out:,} to validate on, {length(seconds)};"
        f" {rest:,} to train on, {length(whole - seconds)}"
    )
