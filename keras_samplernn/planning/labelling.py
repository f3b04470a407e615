"""What the condition files or the folders of a corpus say, as the `conditioning` of a spec."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keras_samplernn.conditions.readers.midi import VELOCITY, note_number
from keras_samplernn.conditions.readers.said import Said
from keras_samplernn.conditions.readers.survey import UNNAMED, survey_file
from keras_samplernn.conditions.streams import ONE_STREAM
from keras_samplernn.data.notes import first_few
from keras_samplernn.errors import UserError
from keras_samplernn.names import nfc
from keras_samplernn.planning.survey import Sound, Survey
from keras_samplernn.spec.conditioning import COLUMNS_OF_TIMES, MOST_CLASSES, MOST_STREAMS
from keras_samplernn.text import quote

# Whole numbers from 0 are classes if they are as few; the plainest files have classes alone.
_MOST_NUMBERED = 32
_VELOCITIES = {"number": {"low": 0, "high": 127}}
_STREAM_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_ONLY_STREAM = "value"  # the name of a single stream of numbers that has none


@dataclass(frozen=True)
class Labelling:
    """What a spec says of conditions.

    Attributes:
        conditioning: for the spec; None: the model is unconditional.
        line: why.
    """

    conditioning: dict[str, Any] | None
    line: str


def label(found: Survey) -> Labelling:
    """Find out what the conditions of a corpus are.

    Raises:
        UserError: one line for each condition file that cannot be read, or that names what cannot be a class or a
            stream.
    """
    by_folder = _from_folders([sound.pair.name for sound in found.all_sounds])
    if not found.labelled:
        return by_folder
    by_file = _from_files(found.all_sounds)
    if by_folder.conditioning is None:
        return by_file
    return Labelling(by_file.conditioning, f"{by_file.line}; folders are not taken for classes too")


def _from_files(sounds: Sequence[Sound]) -> Labelling:
    described = [sound for sound in sounds if sound.pair.conditions is not None]
    streams, passed_over = _streams(described)
    suffixes = ", ".join(sorted({sound.pair.conditions.suffix.lower()[1:] for sound in described}))
    missing = len(sounds) - len(described)
    count = f"all {len(sounds):,} sounds" if not missing else f"{len(described):,} of {len(sounds):,} sounds"
    line = f"conditions: {suffixes} files beside {count}"
    if missing:
        line += (
            f"; {_plural(missing, 'sound has', 'sounds have')} none and {'is' if missing == 1 else 'are'} read without"
        )
    if passed_over:
        line += f"; not read: {first_few(passed_over)}"
    if [*streams] == [ONE_STREAM] and "classes" in streams[ONE_STREAM]:
        conditioning = streams[ONE_STREAM]
    else:
        conditioning = {"streams": streams}
        line += f"; streams: {', '.join(map(_describe, streams.items()))}"
    return Labelling(conditioning | ({"unlabelled": True} if missing else {}), line)


def _streams(sounds: Sequence[Sound]) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Return the streams that condition files speak of, and the names that are passed over, with the reason."""
    problems: list[str] = []
    said: dict[str, Said] = {}
    tiers: dict[str, Said] = {}
    most_tiers = 0
    for sound in sounds:
        path = sound.pair.conditions
        try:
            of_file = survey_file(path, sound.info.header.samples)
        except UserError as error:
            problems += error.lines
            continue
        in_textgrid = path.suffix.lower() == ".textgrid"
        most_tiers = max(most_tiers, len(of_file)) if in_textgrid else most_tiers
        for name, each in of_file.items():
            (tiers if in_textgrid else said).setdefault(name, Said()).join(each)
            if not in_textgrid and name != UNNAMED and not _is_stream_name(name):
                problems.append(f"{path}: {quote(name)} {_RULE}; rename it")
    if problems:
        raise UserError(*problems)
    passed_over = []
    for name, each in tiers.items():
        if most_tiers == 1:  # then its name does not matter
            said.setdefault(UNNAMED, Said()).join(each)
        elif _is_stream_name(name):
            said.setdefault(name, Said()).join(each)
        else:
            passed_over.append(f"tier {quote(name)}, which {_RULE}")
    said = {name: each for name, each in said.items() if each}
    place = sounds[0].pair.conditions.parent
    if not said:
        raise UserError(f"{place}: the condition files name no class and no number; fill them in, or move them away")
    if len(said) > MOST_STREAMS:
        raise UserError(f"{place}: the condition files have {len(said)} streams, more than {MOST_STREAMS}; remove some")
    return _decided(_assigned(said, place), place), passed_over


def _assigned(said: dict[str, Said], place: Path) -> dict[str, Said]:
    """Return what is said with the values that have no name of a stream in the stream that the readers put them in."""
    unnamed = said.pop(UNNAMED, None)
    if unnamed is None:
        return said
    if not said:
        only_numbers = not unnamed.names and not _are_classes(unnamed, MOST_CLASSES)
        return {_ONLY_STREAM if only_numbers else ONE_STREAM: unnamed}
    classes = [name for name, each in said.items() if each.names]
    name = classes[0] if len(classes) == 1 else next(iter(said)) if len(said) == 1 else None
    if name is None:
        example = next(iter(unnamed.names), None) or f"{unnamed.low:g}"
        raise UserError(
            f"{place}: some condition files name streams, {', '.join(said)}, and others have values without one, such"
            f" as {quote(example)}; name the stream in all"
        )
    said[name].join(unnamed)
    return said


def _decided(said: dict[str, Said], place: Path) -> dict[str, dict[str, Any]]:
    """Return each stream as the spec has it: classes by name or number, or a range of numbers."""
    problems: list[str] = []
    streams: dict[str, dict[str, Any]] = {}
    for name, each in said.items():
        if each.names and each.numbers:
            problems.append(
                f"{place}: {name} has names, such as {quote(min(each.names))}, and numbers, such as {each.low:g}; a"
                " number cannot be the name of a class: rename it"
            )
        elif each.names:
            problems += [
                f"{place}: {quote(value)} {why}" for value in sorted(each.names) if (why := _why_no_class(value))
            ]
            if len(each.names) > MOST_CLASSES:
                problems.append(
                    f"{place}: {name} has more than {MOST_CLASSES:,} different values; classes are fewer, so that each"
                    " is heard often"
                )
            streams[name] = {"classes": sorted(each.names, key=_order)}
        elif name == VELOCITY and each.whole and each.low >= 0 and each.high <= 127:
            if len(each.numbers) > 1:
                streams[name] = _VELOCITIES
        elif _are_classes(each, MOST_CLASSES if name == ONE_STREAM else _MOST_NUMBERED):
            streams[name] = {"classes": int(each.high) + 1}
        else:
            streams[name] = {"number": {"low": each.low, "high": each.high if each.high > each.low else each.low + 1}}
    if problems:
        raise UserError(*problems)
    return streams


def _from_folders(names: Sequence[str]) -> Labelling:
    """Return the classes that the folders of sounds are, from the names of the sounds within the corpus folder."""
    folders = [name.split("/")[:-1] for name in names]
    shared = 0
    while all(len(each) > shared for each in folders) and len({each[shared] for each in folders}) == 1:
        shared += 1
    inside = [each[shared] if len(each) > shared else None for each in folders]
    classes = sorted({each for each in inside if each is not None}, key=_order)
    nothing = (
        "conditions: none, since there are no label tracks or other condition files beside the sounds (docs/scores.md)"
    )
    if not classes:
        return Labelling(None, f"{nothing}, nor a folder for each class")
    if loose := inside.count(None):
        return Labelling(
            None,
            f"{nothing}; folders are classes only if each sound is in one: {_plural(loose, 'sound is', 'sounds are')}"
            f" outside of {first_few(classes)}",
        )
    said = Said()
    said.add(classes)
    numbers = [str(number) for number in range(len(classes))]
    if sorted(classes) == sorted(numbers):
        return Labelling(
            {"classes": len(classes), "from": "folder"}, "conditions: each folder is a class, by its number"
        )
    wrong = [each for each in classes if _why_no_class(each) or each.lower() == "none"]
    if said.numbers or wrong or len(classes) > MOST_CLASSES:
        wrong = wrong or [each for each in classes if each not in said.names]
        return Labelling(
            None,
            f"{nothing}; folders are not classes, since of {len(classes):,} names some cannot be those"
            f" of classes (numbers, commas, quotes): {first_few(wrong)}",
        )
    return Labelling(
        {"classes": [nfc(each) for each in classes], "from": "folder"}, "conditions: each folder is a class"
    )


_RULE = "cannot be a stream, whose name is 1 to 40 small letters, digits or underscores, the first a letter"


def _is_stream_name(name: str) -> bool:
    return bool(_STREAM_NAME.fullmatch(name)) and name not in COLUMNS_OF_TIMES


def _are_classes(said: Said, most: int) -> bool:
    return said.whole and said.low >= 0 and said.high < most


def _why_no_class(name: str) -> str:
    """Return why a name cannot be that of a class, and the remedy; empty if it can."""
    if not name.isprintable() or "," in name or '"' in name or name.lstrip("+-").replace(".", "").isdigit():
        return "cannot be a class; a name is printable text without commas and quotes, and not a number: rename it"
    return ""


def _order(name: str) -> tuple[int, str]:
    """Sort notes by their pitch, and all else by name."""
    note = note_number(name)
    return (-1 if note is None else note), name


def _describe(stream: tuple[str, dict[str, Any]]) -> str:
    name, fields = stream
    if "number" in fields:
        return f"{name} (numbers from {fields['number']['low']:g} to {fields['number']['high']:g})"
    classes = fields["classes"]
    return f"{name} ({classes if isinstance(classes, int) else len(classes)} classes)"


def _plural(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"
