"""The `init` command."""

import shlex
from pathlib import Path

import click

from keras_samplernn.commands.options import FOLDER, Number, all_option
from keras_samplernn.planning.sizing import DEFAULT_MINUTES


@click.command()
@click.argument("folder", type=FOLDER)
@click.option(
    "--preset",
    type=click.Choice([*DEFAULT_MINUTES]),
    default="small",
    show_default=True,
    help="What tiers and training begin from; small and medium are measured.",
)
@click.option(
    "--minutes",
    type=Number(min=0, min_open=True, max=100_000),
    show_default="by the preset: 30 for small, 60 for medium",
    help="How long training is to take here.",
)
@click.option("--overwrite", is_flag=True, help="Replace a spec.json that exists.")
@all_option
@click.pass_context
def init(ctx: click.Context, folder: Path, preset: str, minutes: float | None, overwrite: bool) -> None:
    """Write the spec of the sounds in FOLDER.

    Looks at the sounds, at label tracks, csv, TextGrid, MIDI and npy files beside them or at a folder for each class,
    and takes a few trial steps. Writes FOLDER/spec.json, its schema and a first score, and prints a line for each
    choice.
    """
    from keras_samplernn import api

    proposal = api.init(folder, preset=preset, minutes=minutes, overwrite=overwrite)
    print(proposal)
    program, spec, run = ctx.find_root().info_name, folder / "spec.json", Path("runs", proposal.fields["name"])
    asked = ["--conditions", str(folder / "score.txt")] if proposal.score else ["--seconds", "10"]
    print("next:")
    for arguments in (["check", spec], ["fit", spec], ["generate", run, *asked, "--out", f"{run.name}-sounds"]):
        print(f"{program} {shlex.join(map(str, arguments))}")
