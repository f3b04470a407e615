"""From a spec to the corpora it names, everything checked before anything is trained."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

from keras_samplernn.data.corpus import Corpus, CorpusSettings, Pair, find_pairs, prepare_corpus, split_pairs
from keras_samplernn.data.quantization import Quantizer
from keras_samplernn.errors import UserError
from keras_samplernn.spec import Spec


@dataclasses.dataclass(frozen=True)
class Corpora:
    """The corpora of a spec, prepared; `valid` and `test` are None where the spec names none."""

    train: Corpus
    valid: Corpus | None
    test: Corpus | None

    def present(self) -> dict[str, Corpus]:
        """Return those that there are, by the name of their field."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {name: corpus for name, corpus in fields.items() if corpus is not None}

    def manifest(self) -> dict[str, Any]:
        """Return what each is made of, for the run directory."""
        return {name: corpus.manifest for name, corpus in self.present().items()}


def quantizer_of(spec: Spec) -> Quantizer:
    """Return the quantizer that a spec describes."""
    return Quantizer(spec.audio.q_type, spec.audio.q_levels)


def prepare_folder(spec: Spec, folder: Path, say: Callable[[str], None]) -> Corpus:
    """Prepare the corpus in one folder as the spec wants it; UserError for all its problems."""
    return _prepare(spec, find_pairs(folder, bool(spec.classes)), str(folder), say)


def prepare_corpora(spec: Spec, say: Callable[[str], None]) -> Corpora:
    """Find, check and prepare all the files that a spec names.

    Raises:
        UserError: every problem of every corpus, one line each.
    """
    problems: list[str] = []
    pairs: dict[str, list[Pair]] = {}
    for name in ("train", "valid", "test"):
        place = getattr(spec.data, name)
        if isinstance(place, Path):
            pairs[name] = _collect(problems, find_pairs, place, bool(spec.classes)) or []
    if isinstance(spec.data.valid, float) and pairs["train"]:
        halves = _collect(problems, split_pairs, pairs["train"], spec.data.valid)
        if halves:
            pairs["train"], pairs["valid"] = halves
    found = {name: _collect(problems, _prepare, spec, part, name, say) for name, part in pairs.items() if part}
    if problems:
        raise UserError(*problems)
    if "valid" not in found:
        say("data.valid is null: there is no validation, and the newest checkpoint counts as the best")
    return Corpora(found["train"], found.get("valid"), found.get("test"))


def _prepare(spec: Spec, pairs: list[Pair], label: str, say: Callable[[str], None]) -> Corpus:
    settings = CorpusSettings(spec.audio.sample_rate, quantizer_of(spec), spec.classes)
    return prepare_corpus(pairs, settings, lambda note: say(f"{label}: {note}"))


def _collect(problems: list[str], function: Callable, *arguments: Any) -> Any:
    """Call a function; note what it complains of and return None."""
    try:
        return function(*arguments)
    except UserError as error:
        problems.extend(error.lines)
        return None
