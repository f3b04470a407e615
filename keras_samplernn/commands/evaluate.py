"""The `evaluate` command."""

from pathlib import Path

import click
from click.core import ParameterSource

from keras_samplernn.commands.options import (
    FILE,
    FILE_OR_FOLDER,
    FOLDER,
    Number,
    all_option,
    checkpoint_option,
    device_option,
    given_or_newest,
    guidance_options,
    precision_option,
    raw_weights_option,
    strategy_option,
)

OF_STREAM = "bits_per_sample_of_"


@click.command()
@click.argument("run", type=FOLDER, required=False)
@click.option(
    "--data",
    type=FILE_OR_FOLDER,
    show_default="the spec's test files, or else its validation files",
    help="Folder of sounds to score, or a single sound; a conditional run needs the condition files beside them.",
)
@click.option("--per-file", is_flag=True, help="Also print the bits of each file.")
@click.option(
    "--dump",
    type=FILE,
    help="Write the bits of each sample to this npz file, which does not exist yet: an array for each file, by its"
    " name.",
)
@click.option("--overwrite", is_flag=True, help="Replace the file of --dump if it exists.")
@checkpoint_option
@raw_weights_option
@precision_option
@device_option
@click.option(
    "--listen",
    is_flag=True,
    help="Also say how often a listener, which learns the classes from the training sounds, hears what was asked for,"
    " in real and in generated sounds. Needs scikit-learn.",
)
@click.option("--listen-stream", help="Stream of classes that is listened to; left out: the first one.")
@click.option(
    "--listen-seconds",
    type=Number(min=0),
    default=120.0,
    show_default="120",
    help="How much is generated for the listener in all.",
)
@guidance_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for other programs.")
@strategy_option
@all_option
def evaluate(
    run: Path | None,
    data: Path | None,
    per_file: bool,
    dump: Path | None,
    overwrite: bool,
    checkpoint: str,
    raw_weights: bool,
    precision: str,
    strategy: str,
    device: str | None,
    as_json: bool,
    **listening,
) -> None:
    """Score RUN in bits per sample.

    RUN is a run directory; if it is left out, the run under runs/ that was trained last. Prints the bits per sample in
    all and of each class; fewer are better.
    """
    context = click.get_current_context()
    given = [name for name in listening if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    if given and not listening["listen"]:
        raise click.UsageError(f"--{given[0].replace('_', '-')} says how to listen, and needs --listen.")
    import json

    from keras_samplernn.api import load_run

    loaded = load_run(given_or_newest(run), checkpoint, precision, raw_weights, strategy, device)
    listens = listening.pop("listen")
    options = {name.removeprefix("listen_"): value for name, value in listening.items()}
    is_chief = loaded.replicas.is_chief
    heard = loaded.listen(data, **options) if listens and is_chief else None
    figures = loaded.evaluate(data, per_file=per_file, dump=dump, overwrite=overwrite)
    if not is_chief:
        return
    if as_json:
        print(json.dumps(figures if heard is None else figures | {"heard": heard}))
        return
    print(f"{figures['bits_per_sample']:.4f} bits per sample over {figures['samples']:,} samples")
    for part, bits in figures.get("bits_per_sample_by_part", {}).items():
        print(f"{bits:.4f} bits per sample are of the {part} codes")
    print(f"{figures['unigram_entropy_bits']:.4f} bits is the unigram entropy of their codes")
    for key, bits_of in figures.items():
        if key.startswith(OF_STREAM):
            for name, bits in bits_of.items():
                print(f"{bits:.4f} bits per sample of {key.removeprefix(OF_STREAM)} {name}")
    for of_file in figures.get("files", ()):
        print(f"{of_file['bits_per_sample']:.4f} bits per sample of {of_file['file']}, {of_file['samples']:,} samples")
    for made in ("real", "generated") if heard else ():
        found = heard[made]
        print(
            f"{found['share']:.1%} of {found['excerpts']:,} {made} excerpts are heard as their {heard['stream']}: "
            + ", ".join(f"{name} {share:.0%}" for name, share in found["share_of_class"].items())
        )
