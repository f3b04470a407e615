"""The `evaluate` command."""

from pathlib import Path

import click

from keras_samplernn.commands.options import FOLDER, all_option, checkpoint_option, precision_option

OF_STREAM = "bits_per_sample_of_"


@click.command()
@click.argument("run", type=FOLDER, required=False)
@click.option(
    "--data",
    type=FOLDER,
    show_default="the spec's test files, or else its validation files",
    help="Folder of sounds to score.",
)
@checkpoint_option
@precision_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for other programs.")
@all_option
def evaluate(run: Path | None, data: Path | None, checkpoint: str, precision: str, as_json: bool) -> None:
    """Score RUN in bits per sample.

    RUN is a run directory; if it is left out, the run under runs/ that was trained last. Prints the bits per sample in
    all and of each class; fewer are better.
    """
    import json

    from keras_samplernn.api import load_run
    from keras_samplernn.run_folder import newest_run

    figures = load_run(run or newest_run(), checkpoint, precision).evaluate(data)
    if as_json:
        print(json.dumps(figures))
        return
    print(f"{figures['bits_per_sample']:.4f} bits per sample over {figures['samples']:,} samples")
    print(f"{figures['unigram_entropy_bits']:.4f} bits is the unigram entropy of their codes")
    for key, bits_of in figures.items():
        if key.startswith(OF_STREAM):
            for name, bits in bits_of.items():
                print(f"{bits:.4f} bits per sample of {key.removeprefix(OF_STREAM)} {name}")
