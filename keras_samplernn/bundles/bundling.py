"""A run directory into a bundle."""

import dataclasses
import functools
import hashlib
import io
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from keras_samplernn import __version__
from keras_samplernn.bundles.about import about_of
from keras_samplernn.bundles.archive import MOST_BYTES, size_of, write_archive
from keras_samplernn.bundles.card import card_of
from keras_samplernn.bundles.facts import bundled_manifest, data_of, parent_of, requirements_of, versions_of
from keras_samplernn.bundles.figures import figures_of
from keras_samplernn.bundles.manifest import (
    CARD,
    MOST_MANIFEST_BYTES,
    SPEC,
    STATE,
    WEIGHTS,
    About,
    Fingerprint,
    Manifest,
)
from keras_samplernn.bundles.nameless import nameless, names_in, refuse_places
from keras_samplernn.bundles.sounds import read_sounds
from keras_samplernn.checkpoints.arrays import write_arrays
from keras_samplernn.checkpoints.checkpoint import VALIDATED, Checkpoint
from keras_samplernn.checkpoints.shelf import choose_checkpoint, load_chosen
from keras_samplernn.errors import UserError
from keras_samplernn.files import make_folder, named, staged_file
from keras_samplernn.model.assembly import assemble
from keras_samplernn.model.memory import check_generation_memory, outline, weights_in
from keras_samplernn.origin import FILE as ORIGIN
from keras_samplernn.run_folder import BUNDLE, LONGEST_SPANS, RunFolder, open_run
from keras_samplernn.spec import Spec
from keras_samplernn.training.raw_weights import check_raw_weights, load_raw_weights
from keras_samplernn.training.state import TrainingState

if TYPE_CHECKING:
    from keras_samplernn.model.samplernn import SampleRNN

_ELSEWHERE = "give another file"


def bundle_run(
    folder: Path,
    out: Path,
    say: Callable[[str], None],
    *,
    title: str | None = None,
    licence: str | None = None,
    about: str | None = None,
    which: str = "best",
    raw_weights: bool = False,
    sounds: Path | None = None,
    overwrite: bool = False,
) -> Path:
    """Write the weights of a run, its spec and a card into one zip file.

    The same run and arguments give the same bytes. Nothing in it names a folder, a file or the machine of its maker.

    Args:
        folder: the run directory. It may be used while `fit` writes to it.
        out: the zip file.
        say: called with what goes in and what is left out.
        title: for the card; None: the name of the spec.
        licence: for the card.
        about: what the sounds are, for the card.
        which: checkpoint, "best", "heard" or "newest".
        raw_weights: whether the weights are taken as training left them, not their average.
        sounds: folder of generated wavs that go in.
        overwrite: whether to replace `out` if it exists.

    Returns:
        The path of the zip file.

    Raises:
        UserError: one line for each problem of the run, the texts, the sounds, or the zip file.
    """
    out = named(out)
    if os.path.lexists(out) and not (overwrite and out.is_file()):
        raise UserError(f"{out}: exists; give another file, or --overwrite to replace it")
    run = open_run(folder)
    said = about_of(run, title, licence, about)
    if raw_weights:
        check_raw_weights(run)
    spec = _nameless_spec(run)
    members = {} if sounds is None else read_sounds(sounds, spec.audio.sample_rate)
    model, checkpoint = _load(run, which, raw_weights, say)
    content, state = io.BytesIO(), _state_of(checkpoint)
    write_arrays(content, model.weights)
    manifest = _manifest_of(run, said, checkpoint, _kind_of_weights(run, raw_weights), weights_in(model), say)
    card = card_of(manifest, spec, figures_of(state, spec), sorted(members))
    state_text = json.dumps(dataclasses.asdict(state), indent=1)
    texts = {CARD: card.encode(), SPEC: spec.to_json().encode(), STATE: state_text.encode()}
    members |= texts | {WEIGHTS: content.getvalue()}
    manifest = manifest.model_copy(update={"members": {name: _fingerprint(members[name]) for name in sorted(members)}})
    members[BUNDLE] = manifest.to_json()
    refuse_places(run, texts | {BUNDLE: members[BUNDLE]})
    _refuse_sizes(run, members)
    make_folder(out.parent)
    with staged_file(out, instead=_ELSEWHERE) as stream:
        write_archive(stream, members)
    _say_what_is_in_it(run, manifest, which, say)
    return out


def _nameless_spec(run: RunFolder) -> Spec:
    """Return the spec of a run as it goes in; UserError if an argument of a tier or head is a path."""
    spec = nameless(run.spec)
    problem = "is a path of this machine, and a bundle has none; train without it"
    if places := names_in(json.loads(spec.to_json())):
        raise UserError(*(f"{run.folder / SPEC}: {place} {problem}" for place in places))
    return spec


def _load(run: RunFolder, which: str, raw_weights: bool, say: Callable[[str], None]) -> "tuple[SampleRNN, Checkpoint]":
    """Return the model of a run with the weights of one of its checkpoints, and the checkpoint."""
    outlined = outline(run.spec)
    check_generation_memory(run.spec, outlined)
    chosen = choose_checkpoint(run.checkpoints_folder, which, outlined, say)
    load = functools.partial(load_raw_weights, run.spec) if raw_weights else Checkpoint.load_weights
    model = assemble(run.spec)
    return model, load_chosen(chosen, which, model, say, load)


def _state_of(checkpoint: Checkpoint) -> TrainingState:
    """Return the state of a checkpoint; what an older version, or a run that was not trained here, lacks is empty."""
    noted = checkpoint.read_state()
    try:
        return TrainingState.of(
            dataclasses.asdict(TrainingState()) | {"step": checkpoint.step} | noted, checkpoint.step
        )
    except ValueError:
        raise checkpoint.foreign(STATE) from None


def _manifest_of(
    run: RunFolder, said: About, checkpoint: Checkpoint, weights: str, parameters: int, say: Callable[[str], None]
) -> Manifest:
    """Return the manifest of a bundle before its members are known."""
    try:
        return Manifest(
            format=1,
            made_by=__version__,
            about=said,
            checkpoint=checkpoint.folder.name,
            weights=weights,
            parameters=parameters,
            requires=requirements_of(run.spec),
            versions=versions_of(run),
            data=data_of(run, say),
            longest_spans=run.longest_spans(),
            parent=parent_of(run),
            members={},
        )
    except ValidationError:
        raise UserError(
            f"{run.folder}: its {LONGEST_SPANS} or {ORIGIN} was changed by hand; restore it, or remove it"
        ) from None


def _kind_of_weights(run: RunFolder, raw_weights: bool) -> str:
    before = bundled_manifest(run.folder)
    if before is not None:
        return before.weights
    return "trained" if not run.spec.training.ema_decay else "raw" if raw_weights else "average"


def _fingerprint(content: bytes) -> Fingerprint:
    return Fingerprint(size=len(content), sha256=hashlib.sha256(content).hexdigest())


def _refuse_sizes(run: RunFolder, members: Mapping[str, bytes]) -> None:
    if len(members[BUNDLE]) > MOST_MANIFEST_BYTES:
        raise UserError(f"{run.folder}: has too many classes for a bundle, whose {BUNDLE} has 2 MB at most; use fewer")
    if size_of(members) > MOST_BYTES:
        raise UserError(
            f"{run.folder}: a bundle has {MOST_BYTES:,} bytes at most, and this one has more; leave out sounds"
        )


def _say_what_is_in_it(run: RunFolder, manifest: Manifest, which: str, say: Callable[[str], None]) -> None:
    kinds = {"average": "the average of the weights", "raw": "the raw weights", "trained": "the weights"}
    chosen = f" ({which})" if manifest.checkpoint.endswith(VALIDATED) else ""
    say(f"{run.folder}: {kinds[manifest.weights]} of {manifest.checkpoint}{chosen} went in")
    say(
        "left out: the optimizer's state, other checkpoints, logs, samples, and data_manifest.json, which names the"
        " sounds"
    )
    if fields := _emptied(run.spec):
        say(f"left out of {SPEC}: what {', '.join(fields)} named")
    for each in manifest.requires:
        say(f"who unpacks it needs {each.package} {each.version} for the {each.kind} {each.type}, too")
    if manifest.about.licence is None:
        say("the card names no licence, so nobody knows what they may do with it; give --licence")


def _emptied(spec: Spec) -> list[str]:
    fields = json.loads(spec.to_json())
    return [place for place in names_in(fields) if place.startswith(("data.", "monitoring."))]
