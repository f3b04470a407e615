"""The `check` command."""

import json
from pathlib import Path
from typing import Any

import click

from keras_samplernn.commands.changes import set_option
from keras_samplernn.commands.options import FILE, all_option
from keras_samplernn.errors import condensed
from keras_samplernn.progress import say


@click.command()
@click.argument("spec", type=FILE)
@set_option
@click.option("--strict", is_flag=True, help="Refuse sounds of which a part is missing or left out.")
@click.option("--json", "as_json", is_flag=True, help="Print all figures and the verdict as one JSON object.")
@click.option(
    "--fix",
    is_flag=True,
    help="Write repaired copies of faulty csv files beside them, as NAME.csv.fixed. No original is changed, and no copy"
    " is replaced.",
)
@all_option
def check(spec: Path, changes: dict[str, Any], strict: bool, as_json: bool, fix: bool) -> None:
    """Check SPEC and its sounds; estimate memory and time.

    Reads the spec and every file that it names, prints all problems at once, and times a few steps of training. Lines
    that begin with `verdict:` say how long training takes, and what is wrong with that. Writes nothing but the decoded
    sounds, to the cache, and with --fix the copies.
    """
    from keras_samplernn import api

    if fix:
        lines = list(api.fix(spec, changes))
        for line in lines if click.get_current_context().find_root().obj["all"] else condensed(lines):
            say(line)
    report = api.check(spec, strict=strict, changes=changes)
    print(json.dumps(report.to_json(), ensure_ascii=False, allow_nan=False) if as_json else report)
