"""The folder of a search: what is searched for, a spec, a run directory and a record for each combination."""

import contextlib
import json
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, FiniteFloat, NonNegativeFloat, NonNegativeInt, ValidationError

from keras_samplernn.errors import UserError
from keras_samplernn.files import make_folder, named, staged_file, writing
from keras_samplernn.model.registry import load_types
from keras_samplernn.run_folder import RunFolder, aside_of, refuse_inside_corpora
from keras_samplernn.search.grid import Combination
from keras_samplernn.spec import differences, load_spec
from keras_samplernn.spec.wording import show

_REMEDY = "restore it, give --out another folder, or start again with --restart (the old search is kept)"


class Result(BaseModel):
    """What a run has reached in one rung.

    Attributes:
        steps: training steps that it has behind it; fewer than the rung's if its epochs or its patience ended it.
        validation_bits: bits per sample of its best validation so far; None: it has none.
        training_bits: bits per sample of training, at its last validation.
        failure: why it cannot be trained to the end of the rung; empty if it was.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    steps: NonNegativeInt
    validation_bits: FiniteFloat | None
    training_bits: FiniteFloat | None
    failure: str = ""

    @property
    def score(self) -> float | None:
        """Bits to compare runs by; None: it has failed."""
        return None if self.failure else self.validation_bits


class Record(BaseModel):
    """What is noted of the run of a combination.

    Attributes:
        seconds: what its training took in all, interrupted parts too.
        results: of the rungs that it is done with, in order.
    """

    model_config = ConfigDict(extra="forbid")
    seconds: NonNegativeFloat = 0.0
    results: list[Result] = []


class SearchFolder:
    """Holds `search.json`, `results.csv`, `specs`, `records`, and the run directories. Shards write to it together.

    Args:
        folder: its path.
        combinations: of the search.
    """

    def __init__(self, folder: Path, combinations: Sequence[Combination]):
        self.folder, self.combinations = named(folder), combinations
        self._types = load_types()

    def run_of(self, combination: Combination) -> RunFolder:
        """Return the run directory of a combination; it need not exist."""
        return RunFolder(self.folder / combination.spec.name, combination.spec)

    def spec_file(self, combination: Combination) -> Path:
        """Return where the spec of a combination is."""
        return self.folder / "specs" / f"{combination.spec.name}.json"

    def begin(self, settings: Mapping[str, Any]) -> None:
        """Write what is searched for, or check that the folder's search is the same.

        Args:
            settings: the options that decide what is trained, as JSON values; `vary` is an object of lists.

        Raises:
            UserError: the folder holds another search, or something else, or is inside a folder of sounds.
        """
        for combination in self.combinations:
            refuse_inside_corpora(self.folder, combination.spec, "--out")
        self._check_settings(settings)
        changed = [line for each in self.combinations for line in self._spec_changes(each)]
        if changed:
            raise self._other(dict.fromkeys(changed))
        make_folder(self.folder)
        # First, since it is what other shards know the folder by.
        _write(self._settings_file, json.dumps(settings, indent=2, ensure_ascii=False) + "\n")
        for name in ("specs", "records"):
            make_folder(self.folder / name)
        for combination in self.combinations:
            _write(self.spec_file(combination), combination.spec.to_json())

    def set_aside(self) -> Path | None:
        """Rename the folder so that a new search can have its name; return its new name, None if there was none.

        Raises:
            UserError: the folder is not one of a search, or one of its runs is being trained.
        """
        if not self.folder.exists():
            return None
        self._refuse_foreign()
        aside = aside_of(self.folder)
        with contextlib.ExitStack() as locks:
            for run in sorted(self.folder.glob("*/spec.json")):
                locks.enter_context(RunFolder(run.parent, self.combinations[0].spec).locked())
            with writing(aside):
                self.folder.rename(aside)
        return aside

    def record_of(self, combination: Combination) -> Record:
        """Return what is noted of a combination; UserError if its file is damaged."""
        file = self._record_file(combination)
        try:
            return Record.model_validate_json(file.read_bytes())
        except FileNotFoundError:
            return Record()
        except ValidationError:
            raise UserError(f"{file}: is damaged; remove it, and what it said is looked up in the run again") from None

    def note(self, combination: Combination, record: Record) -> None:
        """Write the record of a combination."""
        _write(self._record_file(combination), record.model_dump_json(indent=2) + "\n")

    def write_results(self, text: str) -> None:
        """Write `results.csv`."""
        _write(self.folder / "results.csv", text)

    @property
    def _settings_file(self) -> Path:
        return self.folder / "search.json"

    def _record_file(self, combination: Combination) -> Path:
        return self.folder / "records" / f"{combination.spec.name}.json"

    def _refuse_foreign(self) -> None:
        """Raise UserError if the folder exists, holds something, and is not one of a search."""
        if not self.folder.exists() or self._settings_file.is_file():
            return
        # Hidden files do not matter: they come from a file manager, or from a shard that writes the file now.
        if not self.folder.is_dir() or any(not path.name.startswith(".") for path in self.folder.iterdir()):
            raise UserError(f"{self.folder}: exists and is not a folder of a search; give --out another folder")

    def _check_settings(self, settings: Mapping[str, Any]) -> None:
        self._refuse_foreign()
        if not self._settings_file.is_file():
            return
        try:
            old = json.loads(self._settings_file.read_bytes())
            before, after = ({**each, **each["vary"]} for each in (old, settings))
        except (ValueError, TypeError, KeyError):
            raise UserError(f"{self._settings_file}: is damaged; {_REMEDY}") from None
        orders = list(before.pop("vary")), list(after.pop("vary"))
        changed = [
            f"{'--vary ' if key in {**old['vary'], **settings['vary']} else '--'}{key}: "
            f"{_told(before, key)} -> {_told(after, key)}"
            for key in {**before, **after}
            if before.get(key) != after.get(key)
        ]
        if not changed and orders[0] != orders[1]:  # the runs are numbered by it
            changed = ["order of --vary: " + " -> ".join(", ".join(order) for order in orders)]
        if changed:
            raise self._other(changed)

    def _spec_changes(self, combination: Combination) -> list[str]:
        file = self.spec_file(combination)
        return differences(load_spec(file, self._types), combination.spec) if file.is_file() else []

    def _other(self, changes: Sequence[str] | Mapping[str, None]) -> UserError:
        return UserError(*(f"{self.folder}: was started otherwise: {change}; {_REMEDY}" for change in changes))


def _told(settings: Mapping[str, Any], key: str) -> str:
    if key not in settings:
        return "absent"
    value = settings[key]
    return ",".join(map(show, value)) if isinstance(value, list) else show(value)


def _write(path: Path, text: str) -> None:
    """Write a file unless it says the same already; several shards may write it at a time."""
    content = text.encode(errors="backslashreplace")
    with contextlib.suppress(OSError):
        if path.read_bytes() == content:
            return
    with staged_file(path, hidden=path.with_name(f".{path.name}.{uuid.uuid4().hex}.partial")) as stream:
        stream.write(content)
