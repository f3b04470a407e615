"""Training the runs of a search, rung after rung."""

import csv
import time
from collections.abc import Callable, Sequence

from keras_samplernn.checkpoints.shelf import list_checkpoints
from keras_samplernn.errors import UserError, collect
from keras_samplernn.model.memory import check_training_memory
from keras_samplernn.progress import format_duration
from keras_samplernn.run_folder import RunFolder
from keras_samplernn.search.folder import Record, Result, SearchFolder
from keras_samplernn.search.grid import Combination
from keras_samplernn.search.halving import Rung, best_of, steps_in_all
from keras_samplernn.search.process import train_apart
from keras_samplernn.search.results import Results, Row, rank
from keras_samplernn.shard import Shard
from keras_samplernn.spec import Spec
from keras_samplernn.training.corpora import prepare_corpora


class Search:
    """Goes on with a search where it stopped.

    Runs are trained one after the other, each as `fit --max-steps` trains it.

    Args:
        folder: begun.
        rungs: as planned for the folder's combinations.
        budget: the steps that they were planned for.
        say: called with each message.
    """

    def __init__(self, folder: SearchFolder, rungs: Sequence[Rung], budget: int, say: Callable[[str], None]):
        self.folder, self.rungs, self.budget = folder, tuple(rungs), budget
        self.combinations = {each.number: each for each in folder.combinations}
        self._told: set[str] = set()
        self._say = say
        self._seconds = self._steps = 0.0

    def train(self, shard: Shard | None) -> Results:
        """Train until the search ends, or train what a shard has to do in the present rung.

        Raises:
            Interrupted: a signal came; the step was finished and a checkpoint written.
            UserError: one line for each problem of the sounds, the memory or the folder.
        """
        rung, members = self._present()
        if rung < len(self.rungs):
            self._tell_plan()
            self._check(members)
        if shard is not None:
            self._train_rung(rung, shard.of(members, [1] * len(members)), alone=True)
            self._tell_what_is_left(rung, shard)
        while shard is None and rung < len(self.rungs):
            self._train_rung(rung, members, alone=False)
            rung, members = self._present()
        return self._finish()

    def _present(self) -> tuple[int, list[int]]:
        """Return the first rung that is not complete, from 0, and the numbers of its runs; or the number of rungs."""
        members, scores = list(self.combinations), {}
        for number, rung in enumerate(self.rungs):
            if number:
                members = best_of(scores, rung.runs)
            records = {each: self._record(each) for each in members}
            if any(len(record.results) <= number for record in records.values()):
                return number, members
            scores = {each: record.results[number].score for each, record in records.items()}
        return len(self.rungs), []

    def _record(self, number: int) -> Record:
        return self.folder.record_of(self.combinations[number])

    def _tell_plan(self) -> None:
        rungs = self.rungs
        self._say(
            f"{self.folder.folder}: {len(self.combinations)} combinations in {len(rungs)} rungs,"
            f" {steps_in_all(rungs):,} of {self.budget:,} steps"
        )
        for number, rung in enumerate(rungs, 1):
            which = "all" if number == 1 else f"the best {rung.runs}"
            self._say(f"rung {number}: {which}, up to step {rung.steps:,}")

    def _check(self, members: Sequence[int]) -> None:
        """Check memory and sounds of all combinations that are left, before one is trained; UserError."""
        problems: list[str] = []
        seen = set()
        for spec in (self.combinations[number].spec for number in members):
            collect(problems, check_training_memory, spec)
            sounds = _what_sounds_depend_on(spec)
            if sounds not in seen:
                seen.add(sounds)
                collect(problems, prepare_corpora, spec, self._say_once)
        if problems:
            raise UserError(*dict.fromkeys(problems))

    def _train_rung(self, rung: int, members: Sequence[int], alone: bool) -> None:
        """Train those of some runs that are not done with the rung.

        Args:
            rung: from 0.
            members: numbers of the runs.
            alone: whether nothing is trained after it by this process, so that the time left ends with the rung.
        """
        left = [number for number in members if len(self._record(number).results) <= rung]
        for place, number in enumerate(left, 1):
            combination = self.combinations[number]
            self._say(f"rung {rung + 1}, run {place} of {len(left)}: {combination.spec.name}")
            result = self._train_run(combination, rung)
            if result.failure:
                self._say(f"{combination.spec.name}: {result.failure}; it takes no further part")
            later = () if alone else self.rungs[rung + 1 :]
            self._tell_time(self._steps_left(rung, len(left) - place, later))

    def _train_run(self, combination: Combination, rung: int) -> Result:
        """Train a run to the end of a rung, and note what it has reached."""
        run, steps = self.folder.run_of(combination), self.rungs[rung].steps
        record, began, before = self.folder.record_of(combination), time.monotonic(), _steps_of(run)
        try:
            failure = train_apart(self.folder.spec_file(combination), run.folder, steps, self._told)
        finally:
            seconds = time.monotonic() - began
            record.seconds += seconds
            self.folder.note(combination, record)
        result = _result_of(run, steps, failure)
        record.results.append(result)
        self.folder.note(combination, record)
        self._seconds, self._steps = self._seconds + seconds, self._steps + max(_steps_of(run) - before, 0)
        return result

    def _steps_left(self, rung: int, runs: int, later: Sequence[Rung]) -> int:
        before = [0, *(each.steps for each in self.rungs)][rung : rung + 1 + len(later)]
        rest = (Rung(runs, self.rungs[rung].steps), *later)
        return sum(each.runs * (each.steps - steps) for each, steps in zip(rest, before, strict=True))

    def _tell_time(self, steps: int) -> None:
        """Say how long the steps that are left take if they are as fast as those before, validations included."""
        if steps and self._steps:
            seconds = steps * self._seconds / self._steps
            self._say(f"{steps:,} steps are left, about {format_duration(seconds)} at the speed so far")

    def _tell_what_is_left(self, rung: int, shard: Shard) -> None:
        present, members = self._present()
        if present == len(self.rungs):
            return
        if present > rung:
            self._say(
                f"rung {rung + 1} of {len(self.rungs)} is complete; for rung {present + 1} give the same command"
                f" to each of the {shard.count} shards again"
            )
            return
        left = sum(len(self._record(number).results) <= rung for number in members)
        self._say(
            f"rung {rung + 1} of {len(self.rungs)} is not complete: {left} of its {len(members)} runs are left to other"
            " shards; give the same command again once they are done"
        )

    def _finish(self) -> Results:
        rows = [
            Row.of(each, self.folder.record_of(each), self.rungs, self.folder.run_of(each).folder)
            for each in self.folder.combinations
        ]
        results = Results(sorted(rows, key=rank), self._present()[0] == len(self.rungs))
        self.folder.write_results(results.to_csv())
        return results

    def _say_once(self, line: str) -> None:
        """Say what each training says of the same sounds only once."""
        if line not in self._told:
            self._told.add(line)
            self._say(line)


def _what_sounds_depend_on(spec: Spec) -> str:
    sections = {"data": ..., "audio": ..., "conditioning": ..., "training": {"augmentation"}}
    return spec.model_dump_json(include=sections)


def _steps_of(run: RunFolder) -> int:
    """Return how many steps the newest checkpoint of a run has behind it; 0 without one."""
    checkpoints = list_checkpoints(run.checkpoints_folder)
    return checkpoints[-1].step if checkpoints else 0


def _result_of(run: RunFolder, steps: int, failure: str) -> Result:
    """Read from metrics.csv what a run has reached; what it was trained to beyond `steps` does not count.

    Nor does a validation in passing, whose row has no training bits.
    """
    rows = []
    if run.metrics_file.is_file():
        with run.metrics_file.open(newline="") as stream:
            rows = [row for row in csv.DictReader(stream) if int(row["step"]) <= steps and row["training_bits"]]
    bits = [float(row["validation_bits"]) for row in rows if row.get("validation_bits")]
    return Result(
        steps=int(rows[-1]["step"]) if rows else 0,
        validation_bits=min(bits, default=None),
        training_bits=float(rows[-1]["training_bits"]) if rows else None,
        failure=failure,
    )
