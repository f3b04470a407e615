"""From a spec to its corpora; everything is checked before training starts."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

from keras_samplernn.conditions.streams import stream_from_folder, streams_of
from keras_samplernn.data.corpus import Corpus, prepare_corpus
from keras_samplernn.data.duplicates import near_duplicates
from keras_samplernn.data.notes import Notes, first_few
from keras_samplernn.data.pairs import Found, find_pairs, split_pairs
from keras_samplernn.data.preparation import CorpusSettings
from keras_samplernn.data.quantization import Quantizer
from keras_samplernn.errors import UserError, collect
from keras_samplernn.spec import Spec


@dataclasses.dataclass(frozen=True)
class Corpora:
    """The corpora of a spec, prepared; `valid` and `test` are None if the spec does not name them."""

    train: Corpus
    valid: Corpus | None
    test: Corpus | None

    def present(self) -> dict[str, Corpus]:
        """Return the corpora that are not None, by the name of their field."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {name: corpus for name, corpus in fields.items() if corpus is not None}

    def manifest(self) -> dict[str, Any]:
        """Return the manifest of each corpus, for the run directory."""
        return {name: corpus.manifest for name, corpus in self.present().items()}


def prepare_folder(spec: Spec, folder: Path, say: Callable[[str], None]) -> Corpus:
    """Prepare the sounds of one folder by the audio settings of a spec; UserError with one line for each problem."""
    return _prepare(spec, _find(spec, folder), str(folder), say)


def prepare_named(spec: Spec, name: str, say: Callable[[str], None], told: bool = False) -> Corpus:
    """Prepare the sounds of `data.train`, `data.valid` or `data.test`.

    Args:
        spec: validated.
        name: "train", "valid" or "test".
        say: called with each message.
        told: whether what is left out of a folder that is split has been told with its other part.

    Raises:
        UserError: one line for each problem.
    """
    fraction = spec.data.valid
    if name == "test" or not isinstance(fraction, float):
        return _prepare(spec, _find(spec, getattr(spec.data, name)), name, say)
    found = _find(spec, spec.data.train)
    if found.problems and len(found.pairs) < 2:
        raise UserError(*found.problems)
    train, valid = split_pairs(found.pairs, fraction)
    notes = Notes() if told else found.notes
    return _prepare(spec, Found(train if name == "train" else valid, found.problems, notes), name, say)


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
    named = [name for name in ("train", "valid", "test") if getattr(spec.data, name) is not None]
    found = {name: collect(problems, prepare_named, spec, name, say, name == "valid") for name in named}
    if problems:
        raise UserError(*dict.fromkeys(problems))  # a folder that is split is read twice
    if "valid" not in found:
        say("data.valid is null: there is no validation, and the newest checkpoint counts as the best")
    corpora = Corpora(found["train"], found.get("valid"), found.get("test"))
    if strict and (lost := [f"{name}: {line}" for name, corpus in corpora.present().items() for line in corpus.lost]):
        raise UserError(*lost)
    for name in ("valid", "test"):
        if name in found:
            same = [f"{one} ({other})" for one, other in near_duplicates(found[name], corpora.train)]
            if same:
                say(f"{name}: nearly the same as a sound in train, so that its figures say less: {first_few(same)}")
    return corpora


def _find(spec: Spec, folder: Path) -> Found:
    streams = streams_of(spec)
    conditional = not all(map(stream_from_folder, streams))
    return find_pairs(folder, conditional, conditional and spec.conditioning.unlabelled)


def _prepare(spec: Spec, found: Found, label: str, say: Callable[[str], None]) -> Corpus:
    settings = CorpusSettings(spec.audio.sample_rate, Quantizer.of(spec.audio), streams_of(spec))
    for line in found.notes.lines():
        say(f"{label}: {line}")
    corpus = prepare_corpus(found.pairs, settings, lambda note: say(f"{label}: {note}"), found.problems)
    return dataclasses.replace(corpus, lost=[*found.notes.lost(), *corpus.lost])
