"""The card of a bundle, README.md: for people, and in its front matter for model hubs."""

import re
from collections.abc import Iterator, Sequence

from keras_samplernn.bundles.figures import Figures
from keras_samplernn.bundles.manifest import Corpus, Manifest
from keras_samplernn.conditions.streams import ONE_STREAM, ClassesStream, Stream, classes_streams, streams_of
from keras_samplernn.spec import Spec

# Of the names that Hugging Face knows; any other licence is "other" there, with a name of small letters beside it.
KNOWN_LICENCES = frozenset(
    {
        *(
            "apache-2.0",
            "mit",
            "unlicense",
            "bsd-2-clause",
            "bsd-3-clause",
            "gpl-3.0",
            "lgpl-3.0",
            "agpl-3.0",
            "mpl-2.0",
        ),
        *("cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "cc-by-nd-4.0", "cc-by-nc-sa-4.0", "cc-by-nc-nd-4.0"),
        *("openrail", "openrail++"),
    }
)
_CORPORA = {"train": "training", "valid": "validation", "test": "test"}
_WEIGHTS = {
    "average": "the moving average of the weights that training kept",
    "raw": "as training left them; the bits are those of their moving average",
    "trained": "as training left them",
}
_MOST_CLASSES_ASKED, _MOST_SECONDS_ASKED = 3, 1.0


def card_of(manifest: Manifest, spec: Spec, figures: Figures, sounds: Sequence[str]) -> str:
    """Return the card of a bundle.

    Args:
        manifest: of the bundle; its members need not be known yet.
        spec: of the run.
        figures: of the checkpoint.
        sounds: names of the members that are sounds.
    """
    streams = streams_of(spec)
    sections = [
        _front_matter(manifest),
        _beginning(manifest, spec, streams),
        _data(manifest),
        *([_conditions(manifest, streams, figures)] if streams else []),
        _model(manifest, spec, figures),
        *([_sounds(sounds)] if sounds else []),
        _play(manifest, spec, streams),
        _versions(manifest),
    ]
    return "\n".join(sections)


def _front_matter(manifest: Manifest) -> str:
    lines = ["library_name: keras-samplernn", "pipeline_tag: text-to-audio"]
    licence = manifest.about.licence
    if licence is not None and licence.lower() in KNOWN_LICENCES:
        lines.insert(0, f"license: {licence.lower()}")
    elif licence is not None:
        name = re.sub("[^a-z0-9.]+", "-", licence.lower()).strip("-.")
        # In quotes, since "1.0" would be a number.
        lines[:0] = ["license: other", f'license_name: "{name or "own"}"']
    tags = [f"  - {tag}" for tag in ("audio", "audio-generation", "samplernn", "keras")]
    return "\n".join(["---", *lines, "tags:", *tags, "---", ""])


def _beginning(manifest: Manifest, spec: Spec, streams: Sequence[Stream]) -> str:
    title = manifest.about.title or spec.name
    asked = f"under conditions ({', '.join(stream.name for stream in streams)})" if streams else "without conditions"
    text = (
        f"# {title}\n\nA [SampleRNN](https://arxiv.org/abs/1612.07837) of keras_samplernn. It generates sound sample by"
        f" sample, {asked}: mono, {spec.audio.sample_rate:,} Hz.\n"
    )
    licence = manifest.about.licence
    said = "not given: ask the maker before you use it" if licence is None else licence
    return f"{text}\nLicence: {said}\n"


def _data(manifest: Manifest) -> str:
    lines = ["## Data", ""]
    lines += [(manifest.about.about or "The maker does not say what the sounds are.").strip(), ""]
    if manifest.data:
        rows = [(_CORPORA[name], f"{each.sounds:,}", _length(each.seconds)) for name, each in manifest.data.items()]
        lines += [*_table(("", "sounds", "length"), rows), ""]
    return "\n".join(lines)


def _conditions(manifest: Manifest, streams: Sequence[Stream], figures: Figures) -> str:
    lines = ["## What it can be asked for", ""]
    train = manifest.data.get("train")
    for stream in streams:
        if isinstance(stream, ClassesStream):
            lines += [f"`{stream.name}`, one of these at a time, or none:", ""]
            lines += [*_table((stream.name, "seconds in training", "bits"), _rows(stream, train, figures)), ""]
        else:
            unit = f" {stream.unit}" if stream.unit else ""
            lines += [f"`{stream.name}`, a number from {stream.low:g} to {stream.high:g}{unit}, or none.", ""]
    return "\n".join(lines)


def _rows(stream: ClassesStream, train: Corpus | None, figures: Figures) -> Iterator[tuple[str, str, str]]:
    """Yield for each class its name, its seconds and its bits, as far as they are known."""
    seconds = {} if train is None else train.seconds_of.get(stream.name, {})
    bits = figures.bits_of.get(stream.name, {})
    for name in stream.classes:
        yield name, _number(seconds.get(name), 1), _number(bits.get(name), 4)


def _model(manifest: Manifest, spec: Spec, figures: Figures) -> str:
    audio = spec.audio
    tiers = ", ".join(f"{tier.type} ({tier.frame_size})" for tier in spec.tiers)
    rows = [
        ("parameters", f"{manifest.parameters:,}"),
        ("tiers (samples a step)", tiers),
        ("head", spec.head.type),
        ("codes", f"{audio.q_levels:,} levels, {audio.q_type}"),
        ("validation bits per sample", _number(figures.validation_bits, 4)),
        ("training bits per sample", _number(figures.training_bits, 4)),
        ("checkpoint", f"{manifest.checkpoint}: {figures.step:,} steps, {figures.epoch:,} epochs"),
        ("weights", _WEIGHTS[manifest.weights]),
    ]
    if figures.training_bits is not None:
        rows.append(("seed of the training", str(spec.training.seed)))
    if manifest.parent is not None:
        rows.append(("began with the weights of sha256", manifest.parent.weights_sha256))
    notes = "Bits compare only between models of the same sounds and the same codes; fewer are better."
    return "\n".join(["## Model", "", *_table(("", ""), rows), "", notes, ""])


def _sounds(names: Sequence[str]) -> str:
    return "\n".join(["## Sounds", "", "Made by this model:", "", *(f"- [{name}]({name})" for name in names), ""])


def _play(manifest: Manifest, spec: Spec, streams: Sequence[Stream]) -> str:
    lines = ["## How to play it", "", f"With keras_samplernn {manifest.made_by} or newer on Python 3.11 or newer:", ""]
    run, asked = f"runs/{spec.name}", "--conditions score.txt" if streams else "--seconds 4"
    lines += [f"    keras-samplernn unbundle model.zip --run {run}"]
    lines += [f"    keras-samplernn generate {run} {asked} --out sounds"]
    lines += [f"    keras-samplernn live {run} --out live.wav --seconds 10", ""]
    if score := _score(manifest, streams):
        lines += [
            "`score.txt` says what sounds when, in seconds, with tabs between begin, end and label:",
            "",
            *score,
            "",
        ]
    call = 'run.generate("score.txt", seed=1)' if streams else "run.generate(seconds=4, seed=1)"
    lines += ["In Python:", "", "```python", "import keras_samplernn", ""]
    lines += [
        f'run = keras_samplernn.load_run(keras_samplernn.unbundle("model.zip", "{run}"))',
        f"wave = {call}",
        "```",
        "",
    ]
    lines += ["Its sounds are not in it. To train it further, begin a run of your own sounds with its weights:", ""]
    fields = "--set data.train=/FOLDER/OF/SOUNDS --set data.valid=0.1"
    lines += [f"    keras-samplernn fit {run}/spec.json --name mine {fields} --init-from {run}"]
    for each in manifest.requires:
        needs = f"It needs the {each.kind} `{each.type}` of the package {each.package} {each.version}"
        lines += ["", f"{needs}: code of its author, which you install yourself if you trust it."]
    return "\n".join([*lines, ""])


def _score(manifest: Manifest, streams: Sequence[Stream]) -> list[str]:
    """Return the lines of a label track that asks for a few classes of the first stream of classes."""
    stream = next(iter(classes_streams(streams)), None)
    if stream is None:
        return []
    prefix = "" if stream.name == ONE_STREAM else f"{stream.name}="
    longest, lines, begin = manifest.longest_spans.get(stream.name, {}), [], 0.0
    for name in stream.classes[:_MOST_CLASSES_ASKED]:
        end = begin + min(_MOST_SECONDS_ASKED, longest.get(name, _MOST_SECONDS_ASKED))
        lines.append(f"    {begin:.3f}\t{end:.3f}\t{prefix}{name}")
        begin = end
    return lines


def _versions(manifest: Manifest) -> str:
    rows = list(manifest.versions.items()) or [("", "not known")]
    heading = ["## Versions", "", "It was trained with these. Other versions play it too, not to the same bytes.", ""]
    return "\n".join([*heading, *_table(("", ""), rows), ""])


def _table(header: Sequence[str], rows: Sequence[Sequence[str]] | Iterator[Sequence[str]]) -> list[str]:
    cells = [[cell.replace("\\", "\\\\").replace("|", "\\|") for cell in row] for row in (header, *rows)]
    lines = [f"| {' | '.join(row)} |" for row in cells]
    return [lines[0], f"|{' --- |' * len(header)}", *lines[1:]]


def _number(value: float | None, places: int) -> str:
    return "-" if value is None else f"{value:,.{places}f}"


def _length(seconds: float) -> str:
    return f"{seconds:,.1f} s ({seconds / 3600:,.2f} hours)"
