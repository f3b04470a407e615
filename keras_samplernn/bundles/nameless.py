"""Specs and texts that name no folder and no file of the machine that they were made on."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from keras_samplernn.errors import UserError
from keras_samplernn.run_folder import RunFolder
from keras_samplernn.spec import DATA_PATHS, Spec

_ABSOLUTE = re.compile(r"/|~|\\|[A-Za-z]:[\\/]|file:")
_NAMES = ("hold_out", "keep")


def nameless(spec: Spec) -> Spec:
    """Return a spec in which each folder of sounds has the name of its field, and no file of a machine is named."""
    folders = {field: Path(field) for field in DATA_PATHS if spec.data.folders(field)}
    data = spec.data.model_copy(update=folders | {field: [] for field in _NAMES})
    return spec.model_copy(update={"data": data, "monitoring": spec.monitoring.model_copy(update={"index": None})})


def names_in(fields: dict[str, Any]) -> list[str]:
    """Return the places in a spec's JSON that name a folder or file of a machine."""
    data, monitoring = (fields.get(section) or {} for section in ("data", "monitoring"))
    named = [
        f"data.{field}" for field in DATA_PATHS if isinstance(data.get(field), str | list) and data[field] != field
    ]
    named += [f"data.{field}" for field in _NAMES if data.get(field)]
    named += ["monitoring.index"] if monitoring.get("index") is not None else []
    return [*named, *(place for key in ("tiers", "head") for place in _paths_in(fields.get(key), key))]


def _paths_in(value: Any, place: str) -> Iterator[str]:
    """Yield the places of the texts in a JSON value that are absolute paths, of this system or another one."""
    if isinstance(value, str) and _ABSOLUTE.match(value):
        yield place
    elif isinstance(value, dict):
        for key, child in value.items():
            yield from _paths_in(child, f"{place}.{key}")
    elif isinstance(value, list):
        for number, child in enumerate(value):
            yield from _paths_in(child, f"{place}.{number}")


def refuse_places(run: RunFolder, texts: Mapping[str, bytes]) -> None:
    """Raise UserError if a text of a bundle, by its name, names the user's home, the run or a folder of its sounds."""
    folders = [folder for field in DATA_PATHS for folder in run.spec.data.folders(field)]
    places = {os.path.expanduser("~"), *map(os.path.realpath, (run.folder, *folders)), *map(str, folders)}  # noqa: PTH111
    for name, text in texts.items():
        for place in sorted(places - {"/"}):
            if re.search(rf"(?<![\w./]){re.escape(place)}(?!\w)", text.decode()):
                raise UserError(
                    f"{run.folder}: {name} would name {place}, a folder of this machine; take it out of --title,"
                    " --licence, --about and the names in the spec"
                )
