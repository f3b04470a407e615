"""Which sounds of a folder are held out for validation."""

from typing import NamedTuple

from keras_samplernn.data.pairs import split_pairs
from keras_samplernn.planning.sizing import valid_fraction
from keras_samplernn.planning.survey import Survey, length

# More than that would be missed in training.
_MOST_HELD_OUT = 1 / 3
_WITHOUT = "without it the newest checkpoint counts as the best; put some sounds in folders train and valid to have one"


class Split(NamedTuple):
    """The fields of `data` that say what is trained on and what is held out.

    Attributes:
        train: folder of the training sounds.
        valid: folder of the validation sounds, the share that is held out, or None.
        test: folder of the test sounds, or None.
        line: why.
    """

    train: str
    valid: str | float | None
    test: str | None
    line: str

    def fields(self) -> dict[str, str | float]:
        """Return the section of the spec."""
        fields = {"train": self.train, "valid": self.valid, "test": self.test}
        return {name: value for name, value in fields.items() if value is not None}

    def without_validation(self, why: str) -> "Split":
        """Return the split that holds nothing out."""
        return self._replace(valid=None, line=f"split: no validation, since {why}; {_WITHOUT}")


def choose_split(found: Survey) -> Split:
    """Hold out a share of the files, unless there is a folder for validation, or too few files."""
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
    if share > _MOST_HELD_OUT:
        return split.without_validation(
            f"of so few files, {len(sounds)}, whole ones are held out, and that would be {share:.0%} of the sound"
        )
    rest = len(sounds) - len(held_out)
    line = (
        f"split: {fraction:g} of the files is held out: {len(held_out):,} to validate on, {length(seconds)};"
        f" {rest:,} to train on, {length(whole - seconds)}"
    )
    return split._replace(valid=fraction, line=line)
