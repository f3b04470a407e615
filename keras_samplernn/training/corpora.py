"""From a spec to its corpora; everything is checked before training starts."""

import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from keras_samplernn.conditions.streams import stream_from_folder, streams_of
from keras_samplernn.data.corpus import Corpus, prepare_corpus
from keras_samplernn.data.duplicates import near_duplicates
from keras_samplernn.data.notes import Notes, first_few
from keras_samplernn.data.pairs import Found, find_pairs, split_pairs
from keras_samplernn.data.preparation import CorpusSettings
from keras_samplernn.data.quantization import Quantizer
from keras_samplernn.data.speeds import Versions, speeds_within
from keras_samplernn.errors import UserError, collect
from keras_samplernn.spec import Spec

NAMES = ("train", "valid", "test")


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
        fields = {name: getattr(self, name) for name in NAMES}
        return {name: corpus for name, corpus in fields.items() if corpus is not None}

    def manifest(self) -> dict[str, Any]:
        """Return the manifest of each corpus, for the run directory."""
        return {name: corpus.manifest for name, corpus in self.present().items()}


def prepare_folder(spec: Spec, folder: Path, say: Callable[[str], None]) -> Corpus:
    """Prepare the sounds of one folder by the audio settings of a spec; UserError with one line for each problem."""
    return _prepare(spec, _find(spec, folder), str(folder), say)


def prepare_named(spec: Spec, name: str, say: Callable[[str], None]) -> Corpus:
    """Prepare the sounds of `data.train`, `data.valid` or `data.test`; UserError with one line for each problem."""
    return _prepare(spec, _find_named(spec, name), name, say)


def prepare_corpora(spec: Spec, say: Callable[[str], None], strict: bool = False) -> Corpora:
    """Find, check and prepare all sounds of a spec.

    Args:
        spec: validated.
        say: called with each message.
        strict: refuse sounds of which a part is missing or left out.

    Raises:
        UserError: all problems of all corpora, one line each.
    """
    problems: list[str] = []
    named = [name for name in NAMES if getattr(spec.data, name) is not None]
    found = {name: each for name in named if (each := collect(problems, _find_named, spec, name))}
    if isinstance(spec.data.valid, float) and "valid" in found:
        # What is left out of a folder that is split is told once.
        found["valid"] = dataclasses.replace(found["valid"], notes=Notes())
    problems += _shared(spec, found)
    prepared = {name: collect(problems, _prepare, spec, each, name, say, strict) for name, each in found.items()}
    if problems:
        raise UserError(*dict.fromkeys(problems))  # a folder that is split is read twice
    faster = [
        prepare_corpus(found["train"].pairs, _settings(spec, speed), lambda line: None)
        for speed in speeds_within(spec.training.augmentation.speed)
    ]
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


def _find(spec: Spec, folder: Path) -> Found:
    """Find the sounds of a folder, and the condition files that the spec needs."""
    conditional = not all(map(stream_from_folder, streams_of(spec)))
    return find_pairs(folder, conditional, conditional and spec.conditioning.unlabelled)


def _find_named(spec: Spec, name: str) -> Found:
    """Find the sounds of `data.train`, `data.valid` or `data.test`."""
    fraction = spec.data.valid
    if name == "test" or not isinstance(fraction, float):
        return _find(spec, getattr(spec.data, name))
    found = _find(spec, spec.data.train)
    if found.problems and len(found.pairs) < 2:
        raise UserError(*found.problems)
    train, valid = split_pairs(found.pairs, fraction)
    return dataclasses.replace(found, pairs=train if name == "train" else valid)


def _shared(spec: Spec, found: Mapping[str, Found]) -> Iterator[str]:
    """Yield a problem for each corpus that reads a folder of the training corpus, over links."""

    def folders(name: str) -> set[str]:
        return {os.path.realpath(folder) for folder in {pair.audio.parent for pair in found[name].pairs}}

    for name in ("valid", "test"):
        path = getattr(spec.data, name)
        if isinstance(path, Path) and {name, "train"} <= found.keys() and (both := folders(name) & folders("train")):
            yield (
                f'data.{name} = "{path}" shares files with data.train = "{spec.data.train}", since'
                f" links to folders are followed: both read {min(both)}; give folders that share none"
            )


def _settings(spec: Spec, speed: float = 1.0) -> CorpusSettings:
    return CorpusSettings(spec.audio.sample_rate, Quantizer.of(spec.audio), streams_of(spec), speed)


def _prepare(spec: Spec, found: Found, label: str, say: Callable[[str], None], strict: bool = False) -> Corpus:
    """Prepare what was found and say what was done; where it is strict, what is lost is refused, and not said too."""
    problems: list[str] = []
    notes = found.notes.lines()
    corpus = collect(problems, prepare_corpus, found.pairs, _settings(spec), notes.append, found.problems)
    lost = [*found.notes.lost(), *(corpus.lost if corpus else ())] if strict else []
    for line in notes:
        if line not in lost:
            say(f"{label}: {line}")
    if problems or lost:
        raise UserError(*problems, *(f"{label}: {line}" for line in lost))
    return corpus
