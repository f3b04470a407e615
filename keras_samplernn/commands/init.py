"""The `init` command."""

import os
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
    show_default=", ".join(f"{name} {minutes:g}" for name, minutes in DEFAULT_MINUTES.items()),
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
    print("next:")
    program = ctx.find_root().info_name
    for arguments in _next_commands(folder, proposal.fields["name"], bool(proposal.score)):
        print(f"{program} {shlex.join(map(str, arguments))}")


def _next_commands(folder: Path, name: str, has_score: bool) -> list[list[str | Path]]:
    """Return the commands that follow, which keep what they make out of the folder of the sounds."""
    spec, here, run_option = folder / "spec.json", Path(), []
    if Path.cwd().is_relative_to(folder.resolve()):
        here = Path(os.path.relpath(folder.resolve().parent))
        run_option = ["--run", here / "runs" / name]
    # A model that has trained for minutes says what is asked for much more clearly with guidance (docs/sound.md).
    asked = ["--conditions", folder / "score.txt", "--guidance", "3"] if has_score else ["--seconds", "10"]
    return [
        ["check", spec],
        ["fit", spec, *run_option],
        ["generate", here / "runs" / name, *asked, "--out", here / f"{name}-sounds"],
    ]
