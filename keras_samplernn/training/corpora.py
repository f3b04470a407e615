"""From a spec to its corpora; everything is checked before training starts."""

import contextlib
import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from keras_samplernn.conditions.streams import classes_streams, stream_from_folder, streams_of
from keras_samplernn.conditions.stretches import longest_seconds
from keras_samplernn.data.alone import problems_alone
from keras_samplernn.data.corpus import Corpus, prepare_corpus, prepare_shard
from keras_samplernn.data.duplicates import near_duplicates
from keras_samplernn.data.folders import find_in_folders
from keras_samplernn.data.notes import Notes, first_few
from keras_samplernn.data.pairs import Found, Pair, find_sound, split_pairs
from keras_samplernn.data.preparation import CorpusSettings
from keras_samplernn.data.quantization import Quantizer
from keras_samplernn.data.speeds import Versions, speeds_within
from keras_samplernn.data.suspicions import class_suspicions
from keras_samplernn.errors import UserError, collect
from keras_samplernn.names import existing
from keras_samplernn.progress import Progress
from keras_samplernn.run_folder import LongestSpans
from keras_samplernn.shard import Shard
from keras_samplernn.spec import DATA_PATHS, Spec


@dataclasses.dataclass(frozen=True)
class Corpora:
    """The corpora of a spec, prepared.

    Attributes:
        train: the training sounds as they are.
        valid: None if the spec does not name it, as `test`.
        test: the test sounds.
        varied: what is trained on: `train`, or with augmentation by speed all its versions.
    """

    train: Corpus
    valid: Corpus | None
    test: Corpus | None
    varied: Corpus | Versions

    def present(self) -> dict[str, Corpus]:
        """Return the corpora that are not None, by the name of their field."""
        fields = {name: getattr(self, name) for name in DATA_PATHS}
        return {name: corpus for name, corpus in fields.items() if corpus is not None}

    def labelled(self) -> list[tuple[str, Corpus]]:
        """Return all corpora with what they are called for people, those at other speeds too."""
        faster = self.varied.corpora[1:] if isinstance(self.varied, Versions) else ()
        speeds = [(_label("train", corpus.manifest["settings"]["speed"]), corpus) for corpus in faster]
        return [*self.present().items(), *speeds]

    def manifest(self) -> dict[str, Any]:
        """Return the manifest of each corpus, for the run directory."""
        return {name: corpus.manifest for name, corpus in self.present().items()}

    def longest_spans(self) -> LongestSpans:
        """Return the length in seconds of the longest stretch of each class in training, for the run directory."""
        tracks = [sound.columns.track for sound in self.train.sounds if sound.columns is not None]
        rate = self.train.manifest["settings"]["sample_rate"]
        return {stream.name: longest_seconds(stream, tracks, rate) for stream in classes_streams(self.train.streams)}


def prepare_folder(spec: Spec, folder: Path, say: Callable[[str], None]) -> Corpus:
    """Prepare the sounds of a folder, or a single one, by a spec's settings; UserError with a line for each problem."""
    alone = _is_one_sound(existing(folder))
    return _prepare(spec, _find(spec, [folder]), str(folder), say, alone=alone)


def prepare_named(spec: Spec, name: str, say: Callable[[str], None]) -> Corpus:
    """Prepare the sounds of `data.train`, `data.valid` or `data.test`; UserError with one line for each problem."""
    return _prepare(spec, _find_named(spec, name), name, say)


def prepare_corpora(spec: Spec, say: Callable[[str], None], strict: bool = False, processes: int = 1) -> Corpora:
    """Find, check and prepare all sounds of a spec.

    Args:
        spec: validated.
        say: called with each message.
        strict: refuse sounds of which a part is missing or left out.
        processes: how many decode at a time.

    Raises:
        UserError: all problems of all corpora, one line each.
    """
    problems: list[str] = []
    found = _find_all(spec, problems)
    prepared = {
        name: collect(problems, _prepare, spec, each, name, say, strict, processes) for name, each in found.items()
    }
    if problems:
        raise UserError(*dict.fromkeys(problems))  # a folder that is split is read twice
    faster = []
    for speed in speeds_within(spec.training.augmentation.speed):
        with _shown(_label("train", speed)) as show:
            settings = _settings(spec, speed)
            faster.append(
                prepare_corpus(found["train"].pairs, settings, lambda line: None, processes=processes, show=show)
            )
    if "valid" not in prepared:
        say("data.valid is null: there is no validation, and the newest checkpoint counts as the best")
    train = prepared["train"]
    varied = Versions([train, *faster]) if faster else train
    corpora = Corpora(train, prepared.get("valid"), prepared.get("test"), varied)
    for name, corpus in corpora.present().items():
        same = [f"{one} ({other})" for one, other in near_duplicates(corpus, corpora.train)] if name != "train" else ()
        if same:
            say(f"{name}: nearly the same as a sound in train, so that its figures say less: {first_few(same)}")
    return corpora


def find_pairs_of(spec: Spec) -> list[Pair]:
    """Return the sounds of a spec that have a condition file, each once; what is wrong with folders is passed over."""
    found = _find_all(spec, [])
    return [pair for each in found.values() for pair in each.pairs if pair.conditions is not None]


def prepare_corpora_shard(spec: Spec, say: Callable[[str], None], shard: Shard, processes: int = 1) -> tuple[int, int]:
    """Prepare every N-th part of each corpus of a spec; `prepare_corpora` finds them in the cache then.

    Args:
        spec: validated.
        say: called with each message.
        shard: of the parts.
        processes: how many decode at a time.

    Returns:
        How many parts these are, and how many there are in all.

    Raises:
        UserError: all problems of these parts, and of the folders, one line each.
    """
    problems: list[str] = []
    counts = []
    for name, found in _find_all(spec, problems).items():
        speeds = speeds_within(spec.training.augmentation.speed) if name == "train" else ()
        for speed in (1.0, *speeds):
            with _shown(_label(name, speed)) as show:
                arguments = found.pairs, _settings(spec, speed), shard, _known(spec, found), processes, show
                counts.append(collect(problems, prepare_shard, *arguments))
    if problems:
        raise UserError(*dict.fromkeys(problems))
    return sum(own for own, _ in counts), sum(every for _, every in counts)


def _label(name: str, speed: float) -> str:
    return name if speed == 1 else f"{name} at {speed:g} times the speed"


@contextlib.contextmanager
def _shown(label: str) -> Iterator[Callable[[int, int], None]]:
    """Give a function that shows a progress, once it is called."""
    with contextlib.ExitStack() as at_last:
        progress: Progress | None = None

        def show(done: int, total: int) -> None:
            nonlocal progress
            progress = progress or at_last.enter_context(Progress(f"preparing {label}", total))
            progress.total = total
            progress.update(done)

        yield show


def _find_all(spec: Spec, problems: list[str]) -> dict[str, Found]:
    """Find the sounds of each corpus that a spec names; add what is wrong with their folders to the problems."""
    named = [name for name in DATA_PATHS if getattr(spec.data, name) is not None]
    found = {name: each for name in named if (each := collect(problems, _find_named, spec, name))}
    if isinstance(spec.data.valid, float) and "valid" in found:
        # What is left out of a folder that is split is told once.
        found["valid"] = dataclasses.replace(found["valid"], notes=Notes())
    problems += _shared(spec, found)
    return found


def _find(spec: Spec, folders: Sequence[Path]) -> Found:
    """Find the sounds of folders, or a single one, and the condition files that the spec needs."""
    conditional = not all(map(stream_from_folder, streams_of(spec)))
    unlabelled = conditional and spec.conditioning.unlabelled
    if len(folders) == 1 and _is_one_sound(existing(folders[0])):
        return find_sound(folders[0], conditional, unlabelled)
    return find_in_folders(folders, conditional, unlabelled)


def _is_one_sound(path: Path) -> bool:
    """Return whether a path is meant as a sound; a file whose name has no suffix is meant as a folder."""
    return path.is_file() and path.suffix != ""


def _find_named(spec: Spec, name: str) -> Found:
    """Find the sounds of `data.train`, `data.valid` or `data.test`."""
    fraction = spec.data.valid
    if name == "test" or not isinstance(fraction, float):
        return _find(spec, spec.data.folders(name))
    found = _find(spec, spec.data.folders("train"))
    if found.problems and len(found.pairs) < 2:
        raise UserError(*_known(spec, found))
    train, valid = split_pairs(found.pairs, fraction, spec.data.hold_out, spec.data.keep)
    return dataclasses.replace(found, pairs=train if name == "train" else valid)


def _shared(spec: Spec, found: Mapping[str, Found]) -> Iterator[str]:
    """Yield a problem for each folder that reads a folder of another one of the training corpus, over links."""
    read: list[tuple[str, Path, set[str]]] = []
    for name in found:
        pairs = found[name].pairs if spec.data.folders(name) else ()
        around = {pair.audio.parent for pair in pairs}
        for number, path in enumerate(spec.data.folders(name)):
            there = existing(path)
            inside = {os.path.realpath(folder) for folder in around if folder.is_relative_to(there)}
            read.append((spec.data.place_of_folder(name, number), path, inside))
    trained = len(spec.data.folders("train")) if "train" in found else 0
    for number, (place, path, inside) in enumerate(read):
        for other, train, those in read[: min(number, trained)]:
            if both := inside & those:
                yield (
                    f'{place} = "{path}" shares files with {other} = "{train}", since links to folders are followed:'
                    f" both read {min(both)}; give folders that share none"
                )
                break


def _settings(spec: Spec, speed: float = 1.0) -> CorpusSettings:
    return CorpusSettings(spec.audio.sample_rate, Quantizer.of(spec.audio), streams_of(spec), speed)


def _known(spec: Spec, found: Found) -> list[str]:
    """Return the problems of folders, and of the files in them that make no pair."""
    return [*found.problems, *problems_alone(found.alone, streams_of(spec), spec.audio.sample_rate)]


def _prepare(
    spec: Spec,
    found: Found,
    label: str,
    say: Callable[[str], None],
    strict: bool = False,
    processes: int = 1,
    alone: bool = False,
) -> Corpus:
    """Prepare what was found and say what was done.

    Args:
        spec: has the settings.
        found: the sounds.
        label: what they are called in messages.
        say: called with each message.
        strict: what is lost is refused, and not said too.
        processes: how many decode at a time.
        alone: it is a single sound, of which it is not said which classes it has little of.
    """
    problems: list[str] = []
    notes, known = found.notes.lines(), _known(spec, found)
    with _shown(label) as show:
        arguments = found.pairs, _settings(spec), notes.append, known, processes, show
        corpus = collect(problems, prepare_corpus, *arguments)
    lost = [*found.notes.lost(), *(corpus.lost if corpus else ())] if strict else []
    unsaid = [*lost, *(_class_suspicions(corpus) if alone and corpus else ())]
    for line in notes:
        if line not in unsaid:
            say(f"{label}: {line}")
    if problems or lost:
        raise UserError(*problems, *(f"{label}: {line}" for line in lost))
    return corpus


def _class_suspicions(corpus: Corpus) -> Iterator[str]:
    """Yield the notes on a corpus that tell of classes that training would learn little of."""
    for stream in classes_streams(corpus.streams):
        sample_rate = corpus.manifest["settings"]["sample_rate"]
        yield from class_suspicions(stream, corpus.class_counts[stream.name], sample_rate)
