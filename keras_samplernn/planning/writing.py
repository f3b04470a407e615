"""A proposal into the files of its folder."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from keras_samplernn.errors import UserError
from keras_samplernn.files import replace_file, replace_json
from keras_samplernn.spec import Types, spec_schema

if TYPE_CHECKING:
    from keras_samplernn.planning.proposal import Proposal

SPEC, SCHEMA, SCORE = "spec.json", "spec.schema.json", "score.txt"


def refuse_existing(folder: Path) -> None:
    """Raise UserError if there is a spec in a folder already."""
    path = folder / SPEC
    if path.exists() or path.is_symlink():
        raise UserError(f"{path}: exists; give --overwrite to replace it, or move it away")


def write(proposal: "Proposal", types: Types, overwrite: bool) -> list[Path]:
    """Write the spec, its schema and, unless there is one, an example of a score.

    The spec comes last, so that it is there only if all else is.

    Args:
        proposal: what to write.
        types: the installed tiers and heads, whose fields are in the schema.
        overwrite: whether to replace a spec.

    Returns:
        The files that were written, the spec first.

    Raises:
        UserError: there is a spec, or a file cannot be written.
    """
    spec, schema, score = (proposal.folder / name for name in (SPEC, SCHEMA, SCORE))
    if not overwrite:
        refuse_existing(proposal.folder)
    written = [spec, schema]
    replace_file(schema, f"{json.dumps(spec_schema(types), indent=2)}\n".encode())
    if proposal.score and not score.exists():
        replace_file(score, proposal.score.encode())
        written.append(score)
    replace_json(spec, proposal.fields)
    return written
