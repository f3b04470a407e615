"""Fields of a spec that contradict each other."""

import re
from collections.abc import Iterator

from keras_samplernn.spec.fields import DATA_PATHS, Spec, Training
from keras_samplernn.spec.wording import any_of, show

# Paths of the fields, the one to change first, and a message.
Contradiction = tuple[tuple[str, ...], str]

# What the augmentations change, and the streams that say it: features of sounds, and those of MIDI files.
_AUGMENTED = (
    ("gain_db", {"loudness", "velocity"}, "loudness"),
    ("speed", {"pitch", "note", "f0", "centroid"}, "pitch"),
)


def contradictions(spec: Spec, top: int | None) -> Iterator[Contradiction]:
    """Yield what contradicts itself in a spec whose fields are right one by one.

    Args:
        spec: the spec.
        top: samples per step of the slowest tier; None: the tiers are wrong themselves.
    """
    if top:
        yield from _of_windows(spec.training, top)
    if spec.audio.mu is not None and spec.audio.q_type != "mu-law":
        yield (
            ("audio.mu", "audio.q_type"),
            f"audio.mu = {spec.audio.mu} has no effect with audio.q_type = {show(spec.audio.q_type)}; remove it",
        )
    yield from _of_training(spec)
    yield from _of_conditions(spec)
    yield from _of_split(spec)
    yield from _of_folders(spec)


def _of_windows(training: Training, top: int) -> Iterator[Contradiction]:
    seq_len, samples = training.seq_len, training.remat_samples
    if seq_len % top:
        below = seq_len // top * top
        yield (
            ("training.seq_len",),
            f"training.seq_len = {seq_len} is not a multiple of tiers.0.frame_size = {top}; "
            f"try {f'{below} or ' if below else ''}{below + top}",
        )
    elif samples is not None:
        whole = [chunk for chunk in range(top, seq_len, top) if seq_len % chunk == 0]
        if samples in whole:
            return
        near = [*[chunk for chunk in whole if chunk < samples][-1:], *[chunk for chunk in whole if chunk > samples][:1]]
        remedy = f"try {any_of(map(str, near))}" if near else "remove it"
        yield (
            ("training.remat_samples", "training.seq_len"),
            f"training.remat_samples = {samples} must be a multiple of tiers.0.frame_size = {top} that divides "
            f"training.seq_len = {seq_len} into at least two chunks; {remedy}",
        )


def _of_training(spec: Spec) -> Iterator[Contradiction]:
    training = spec.training
    if training.schedule != "constant" and training.decay_steps is None:
        yield (
            ("training.decay_steps", "training.schedule"),
            f'training.decay_steps is missing; training.schedule = "{training.schedule}" needs it, the optimizer '
            "steps in which the learning rate falls",
        )
    if training.schedule == "constant" and training.decay_steps is not None:
        yield (
            ("training.decay_steps", "training.schedule"),
            f"training.decay_steps = {training.decay_steps} has no effect with training.schedule = "
            '"constant"; choose "cosine" or "exponential", or remove it',
        )
    if training.own_continuations > training.seq_len:
        yield (
            ("training.own_continuations", "training.seq_len"),
            f"training.own_continuations = {training.own_continuations} is longer than a window, training.seq_len = "
            f"{training.seq_len}; give at most that",
        )
    elif training.own_continuations and training.remat_samples is not None:
        yield (
            ("training.own_continuations", "training.remat_samples"),
            f"training.own_continuations = {training.own_continuations} runs over whole windows, and "
            f"training.remat_samples = {training.remat_samples} over chunks; remove one of them",
        )
    if training.own_share != Training().own_share and not training.own_continuations:
        yield (
            ("training.own_share", "training.own_continuations"),
            f"training.own_share = {training.own_share:g} has no effect with training.own_continuations = 0; give that,"
            " from 1 to 16 samples, or remove it",
        )
    if training.patience is not None and spec.data.valid is None:
        yield (
            ("training.patience", "data.valid"),
            f"training.patience = {training.patience} needs data.valid, whose loss it watches; give a folder or a "
            "fraction such as 0.1",
        )


def _of_conditions(spec: Spec) -> Iterator[Contradiction]:
    data, monitoring, has_classes = spec.data, spec.monitoring, spec.conditioning and spec.conditioning.has_classes
    if data.balance and not has_classes:
        yield (
            ("data.balance", "conditioning"),
            f"data.balance = {data.balance:g} needs a stream of classes in conditioning, whose shares it evens out;"
            " remove it",
        )
    for field, names, wrong in _AUGMENTED:
        value = getattr(spec.training.augmentation, field)
        streams = (spec.conditioning.streams if spec.conditioning else None) or {}
        for name in [name for name in streams if value and name in names]:
            yield (
                (f"training.augmentation.{field}", "conditioning"),
                f"training.augmentation.{field} = {value:g} changes the {wrong} of sounds, and conditioning.streams."
                f"{name} would still say the old one; remove one of the two",
            )
    drops = spec.conditioning is not None and spec.conditioning.dropout
    if monitoring.guidance != 1 and not has_classes and not drops:
        yield (
            ("monitoring.guidance", "conditioning"),
            f"monitoring.guidance = {monitoring.guidance:g} needs a stream of classes in conditioning, or"
            " conditioning.condition_dropout, to contrast what is asked for with; remove it",
        )
    if monitoring.index is not None and spec.conditioning is None:
        yield (
            ("monitoring.index", "conditioning"),
            f"monitoring.index = {show(str(monitoring.index))} lists condition files, and the model has no"
            " conditions; remove it",
        )
    listen = f"monitoring.listen_epochs = {monitoring.listen_epochs}"
    if monitoring.listen_epochs and not has_classes:
        yield (
            ("monitoring.listen_epochs", "conditioning"),
            f"{listen} needs a stream of classes in conditioning, which a listener tells apart; remove it",
        )
    elif monitoring.listen_epochs and data.valid is None:
        yield (
            ("monitoring.listen_epochs", "data.valid"),
            f"{listen} needs data.valid, under whose conditions sounds are generated; give a folder or a fraction such"
            " as 0.1",
        )


def _of_split(spec: Spec) -> Iterator[Contradiction]:
    data = spec.data
    for field in ("hold_out", "keep"):
        if getattr(data, field) and not isinstance(data.valid, float):
            yield (
                (f"data.{field}", "data.valid"),
                f"data.{field} has no effect unless data.valid is a fraction of the training files, such as 0.1; give"
                " one, or remove it",
            )
    if both := sorted({*data.hold_out} & {*data.keep}):
        yield (
            ("data.keep", "data.hold_out"),
            f"data.keep has {show(both[0])}, as data.hold_out has; remove it from one of the two",
        )


def _of_folders(spec: Spec) -> Iterator[Contradiction]:
    data = spec.data
    named = [(data.place_of_folder(key, n), path) for key in DATA_PATHS for n, path in enumerate(data.folders(key))]
    index = [] if spec.monitoring.index is None else [("monitoring.index", spec.monitoring.index)]
    for place, path in [*named, *index]:
        if re.search("[\ud800-\udfff]", str(path)):
            yield (
                (place,),
                f"{place} = {show(str(path))} lies in a folder whose name is not UTF-8 text; rename that folder",
            )
    # Each with the training folders before it in the list: of two that share files, one is a training folder.
    trained = len(data.folders("train"))
    for number, (place, path) in enumerate(named):
        for other, train in named[: min(number, trained)]:
            if path == train or {path, train} & {*path.parents, *train.parents}:
                yield (
                    (place, "data.train"),
                    f"{place} = {show(str(path))} shares files with {other} = {show(str(train))}, since folders are"
                    " read with their subfolders; give folders beside each other",
                )
                break
