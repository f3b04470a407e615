"""One thing that was looked at: what, what was found, whether it will do, and what to do if not."""

import dataclasses
from typing import Literal

OK, NOTE, FAIL = "ok", "note", "fail"


@dataclasses.dataclass(frozen=True)
class Finding:
    """One finding.

    Attributes:
        what: the thing.
        found: what was found of it, without the thing's name.
        state: "ok"; "note" where something is slower, less or missing that one may do without; "fail" where it stands
            in the way of training or generating.
        remedy: what the user can do; empty: nothing has to be done.
    """

    what: str
    found: str
    state: Literal["ok", "note", "fail"] = OK
    remedy: str = ""

    def __str__(self) -> str:
        line = f"{self.state:<5} {self.what}: {self.found}" + (f"; {self.remedy}" if self.remedy else "")
        # Names of folders and messages of libraries may have several lines.
        return "".join(character if character.isprintable() else " " for character in line)


def size_text(size_bytes: float) -> str:
    """Write a size in GB, or in MB if it is small."""
    return f"{size_bytes / 1e9:,.1f} GB" if size_bytes >= 1e8 else f"{size_bytes / 1e6:,.1f} MB"
