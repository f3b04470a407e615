"""The `features` command."""

from pathlib import Path

import click

from keras_samplernn.commands.options import FOLDER, all_option
from keras_samplernn.progress import Progress, say
from keras_samplernn.quiet import start_tensorflow


@click.command()
@click.argument("folder", type=FOLDER)
@click.option(
    "--streams",
    default="loudness,f0",
    show_default=True,
    help="Features to compute, with commas between them: loudness, f0, centroid, onset.",
)
@click.option("--overwrite", is_flag=True, help="Replace npy files that exist.")
@all_option
def features(folder: Path, streams: str, overwrite: bool) -> None:
    """Compute features of the sounds in FOLDER.

    They are conditions to train on. Writes x.npy beside x.wav, with a row for each hundredth of a second. Sounds that
    have a condition file are left out. Prints the range of each feature, and the streams for the spec.
    """
    import json

    import numpy as np

    from keras_samplernn.conditions.features import FEATURES, check_features, number_stream
    from keras_samplernn.data.feature_files import describe_sounds, sounds_to_describe, write_tables

    names = list(dict.fromkeys(name.strip() for name in streams.split(",")))
    check_features(names)
    sounds = sounds_to_describe(folder, overwrite, say)
    if not sounds:
        say(f"{folder}: no sounds are left to compute features of")
        return
    start_tensorflow()  # tensorflow-io, where it is installed, decodes some files
    with Progress("features", len(sounds)) as progress:
        tables = describe_sounds(sounds, names, progress.say, progress.update)
    write_tables(sounds, tables)
    say(f"{folder}: wrote {len(sounds):,} npy files")
    ranges = {}
    for name in names:
        numbers = np.concatenate([table[name] for table in tables])
        known = numbers[~np.isnan(numbers)]
        unit = FEATURES[name].unit or "-"
        if len(known):
            low, high = np.percentile(known, (1, 99))
            ranges[name] = number_stream(name, known)
            print(f"{name}\t{unit}\t{low:.2f} to {high:.2f} (1st to 99th percentile)")
        else:
            print(f"{name}\t{unit}\tnot known at any time")
    if ranges:
        print(f'"conditioning": {json.dumps({"streams": ranges}, indent=2)}')
