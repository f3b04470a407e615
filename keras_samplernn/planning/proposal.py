"""From a folder of sounds to the spec of its training, with a line for each choice."""

import copy
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from keras_samplernn.conditions.streams import NONE, classes_streams, figure_of
from keras_samplernn.data.corpus import Corpus
from keras_samplernn.monitoring.clips import clips_needed
from keras_samplernn.planning.covering import File
from keras_samplernn.planning.labelling import Labelling, label
from keras_samplernn.planning.naming import run_name
from keras_samplernn.planning.rate import choose_rate, describe_rate, measure_spectrum
from keras_samplernn.planning.score import score_of
from keras_samplernn.planning.sizing import (
    DEFAULT_MINUTES,
    epochs_for,
    narrower,
    rows_for,
    schedule_for,
    window_for,
)
from keras_samplernn.planning.split import Split, choose_split
from keras_samplernn.planning.survey import survey
from keras_samplernn.planning.wording import (
    describe_classes,
    describe_hearing,
    describe_model,
    describe_rows,
    describe_training,
)
from keras_samplernn.spec import Spec, Types, parse_spec
from keras_samplernn.spec.fields import Monitoring
from keras_samplernn.spec.presets import PRESETS
from keras_samplernn.training.corpora import Corpora, prepare_corpora
from keras_samplernn.training.estimate import estimate

_GUIDANCE = 3.0  # of sounds made in training: what the presets were measured with
_MOST_SOUNDS = 16  # in training: made side by side, they take the longer the more they are
_PUBLISHED = ("paper",)  # sizes that are as published, whatever the machine


@dataclass(frozen=True)
class Proposal:
    """The spec of a folder of sounds; as text, the lines that explain it.

    Attributes:
        folder: the folder.
        fields: the spec as JSON.
        score: an example of a score as a label track; empty for a model without classes.
        lines: a line for each choice.
    """

    folder: Path
    fields: dict[str, Any]
    score: str
    lines: list[str]

    def __str__(self) -> str:
        return "\n".join(self.lines)


def propose(folder: Path, preset: str, minutes: float | None, types: Types, say: Callable[[str], None]) -> Proposal:
    """Look at a folder of sounds, take a few trial steps of training, and choose.

    Args:
        folder: of the sounds.
        preset: name of a preset.
        minutes: of training; None: as many as suit the preset.
        types: the installed tiers and heads.
        say: called with messages while it works.

    Raises:
        UserError: one line for each problem of the folder or its files.
    """
    found = survey(folder)
    labelling = label(found)
    split = choose_split(found, labelling.conditioning is not None and _has_classes(labelling.conditioning))
    seconds_by_rate = found.seconds_by_rate()
    spectrum = measure_spectrum(found.sounds["train"])
    rate = choose_rate(seconds_by_rate, spectrum)
    draft = _Draft(folder, preset, rate, labelling, types)
    split, corpora = _prepare(draft, split, say)
    say("measuring some steps of training")
    fields, told = _size(draft, split, corpora, DEFAULT_MINUTES[preset] if minutes is None else minutes)
    lines = [*found.lines, describe_rate(rate, seconds_by_rate, spectrum), labelling.line]
    lines += describe_classes(corpora.train, rate)
    lines += [split.line, *told]
    return Proposal(folder, fields, score_of(corpora.train, rate), lines)


@dataclass(frozen=True)
class _Draft:
    """What a spec says before it has sizes."""

    folder: Path
    preset: str
    rate: int
    labelling: Labelling
    types: Types

    @property
    def preset_fields(self) -> dict[str, Any]:
        return copy.deepcopy(PRESETS[self.preset])

    def fields(self, split: Split, model: Mapping[str, Any], training: Mapping[str, Any]) -> dict[str, Any]:
        """Return the spec as JSON."""
        fields = {
            "$schema": "spec.schema.json",
            "preset": self.preset,
            "name": run_name(self.folder),
            "audio": {"sample_rate": self.rate},
            "data": split.fields(),
        }
        conditioning = self.labelling.conditioning
        if conditioning is not None:
            fields["conditioning"] = conditioning
        fields |= {**model, "training": {**training}}
        guided = self.preset_fields.get("conditioning", {}).get("condition_dropout")
        if conditioning is not None and guided and _has_classes(conditioning):
            fields["monitoring"] = {"guidance": _GUIDANCE}
        return fields

    def parsed(self, fields: Mapping[str, Any]) -> Spec:
        return parse_spec(json.dumps(fields), str(self.folder / "spec.json"), self.types, self.folder)


def _has_classes(conditioning: Mapping[str, Any]) -> bool:
    streams = conditioning.get("streams", {"": conditioning})
    return any("classes" in stream for stream in streams.values())


def _prepare(draft: _Draft, split: Split, say: Callable[[str], None]) -> tuple[Split, Corpora]:
    """Prepare the corpora; again, if by their classes other files are to be held out."""
    told: list[str] = []
    spec = draft.parsed(draft.fields(split, {}, {}))
    try:
        corpora = prepare_corpora(spec, told.append)
        if isinstance(split.valid, float) and (called := _classes_in(corpora)):
            files = {name: file for corpus in (corpora.train, corpora.valid) for name, file in _files_of(corpus)}
            chosen = split.covering(files, [sound.name for sound in corpora.valid.sounds], called)
            changed, split = chosen.fields() != split.fields(), chosen
            if changed:
                told.clear()
                corpora = prepare_corpora(draft.parsed(draft.fields(split, {}, {})), told.append)
    finally:
        for line in told:
            say(line)
    return split, corpora


def _classes_in(corpora: Corpora) -> dict[tuple[str, int], str]:
    """Return the names of the classes that occur, by stream and number."""
    return {
        (stream.name, number): figure_of(stream, name)
        for stream in classes_streams(corpora.train.streams)
        for number, name in enumerate(stream.classes)
        if corpora.train.class_counts[stream.name][number] or corpora.valid.class_counts[stream.name][number]
    }


def _files_of(corpus: Corpus) -> Iterator[tuple[str, File]]:
    """Yield the name of each sound of a corpus, and its length and classes."""
    rate = corpus.manifest["settings"]["sample_rate"]
    for sound in corpus.sounds:
        spans = {each.name: sound.columns.track.spans[each.name] for each in classes_streams(corpus.streams)}
        classes = {
            (name, number)
            for name, of_stream in spans.items()
            for number in np.unique(np.concatenate(of_stream[1:])).tolist()  # both of a cross-fade
            if number != NONE
        }
        yield sound.name, File(sound.samples / rate, frozenset(classes))


def _size(draft: _Draft, split: Split, corpora: Corpora, minutes: float) -> tuple[dict[str, Any], list[str]]:
    """Return the spec with sizes for this corpus and this machine, and the lines that say so."""
    samples, preset = corpora.train.samples, draft.preset_fields
    training, dim = preset["training"], preset["tier_defaults"]["dim"]
    rows = rows_for(samples, draft.rate, training["batch_size"])
    window = window_for(samples, rows, training["seq_len"], preset["tiers"][0]["frame_size"])
    sizes = {"seq_len": window, "batch_size": rows}
    narrowed: list[str] = []
    while True:
        model = _narrowed(preset, dim)
        measured = estimate(draft.parsed(draft.fields(split, model, sizes)), corpora)
        less = None if draft.preset in _PUBLISHED else narrower(dim, measured.samples_per_second, minutes)
        if less is None:
            break
        narrowed.append(f"{dim} ({measured.samples_per_second:,.0f} samples/s)")
        dim = less
    epochs = epochs_for(minutes, measured.seconds_per_step * measured.steps_per_epoch)
    sizes |= {"epochs": epochs, **schedule_for(training, epochs * measured.steps_per_epoch)}
    lines = [
        describe_model(draft.preset, model, draft.rate, measured, narrowed),
        describe_rows(sizes, draft.rate, samples, training["batch_size"]),
        describe_training(sizes, training, minutes, measured),
        *describe_hearing(measured, epochs),
    ]
    fields = draft.fields(split, model, sizes)
    needed = clips_needed(draft.parsed(fields), corpora.valid or corpora.train)
    if needed is not None and Monitoring().sounds < needed <= _MOST_SOUNDS:
        fields.setdefault("monitoring", {})["sounds"] = needed
        lines.append(f"clips: {needed} sounds are made in training, so that each class is heard (monitoring.sounds)")
    return fields, lines


def _narrowed(preset: Mapping[str, Any], dim: int) -> dict[str, Any]:
    """Return the tiers of a preset, none of whose layers is wider than `dim`."""

    def bounded(fields: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
        return {key: min(value, dim) if key in keys else value for key, value in fields.items()}

    return {
        "tier_defaults": bounded(preset["tier_defaults"], ("dim", "condition_dim")),
        "tiers": [bounded(tier, ("emb_size",)) for tier in preset["tiers"]],
    }
