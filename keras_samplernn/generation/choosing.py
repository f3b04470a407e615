"""How a run's takes are chosen: its judge, the stream that it judges by, and what is faulty for this run."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from keras_samplernn.conditions.streams import ClassesStream, Stream, classes_stream_named, classes_streams, figure_of
from keras_samplernn.errors import UserError
from keras_samplernn.generation.candidates import TAKE_BLOCK_SAMPLES, Choice, stream_best
from keras_samplernn.generation.contrast import Contrast, contrast_with_classes
from keras_samplernn.generation.engine import Carry, GenerationEngine, Weights
from keras_samplernn.generation.judges import JUDGES, Faults, Judge
from keras_samplernn.generation.passages import Passage, passages_of
from keras_samplernn.generation.sound import Sound, longest_first
from keras_samplernn.generation.take_bits import TakeBits
from keras_samplernn.model.memory import check_take_memory
from keras_samplernn.model.samplernn import SampleRNN
from keras_samplernn.model.scoring import Scorer
from keras_samplernn.run_folder import CLASS_COLUMN
from keras_samplernn.spec import Spec

BY = (*JUDGES, "heard")


class Choosing(NamedTuple):
    """How takes are chosen.

    Attributes:
        takes: number of takes of each passage.
        by: "posterior", "likelihood" or "heard".
        stream: the stream of classes whose spans are the passages; None: the sound is cut into equal parts.
        contrast: the classes that the posterior contrasts; None: none are needed.
        faults: says which takes are faulty; None: the run was not validated, and nothing is known of it.
    """

    takes: int
    by: str
    stream: ClassesStream | None
    contrast: Contrast | None
    faults: Faults | None

    def scored_rows(self, sounds: int) -> int:
        """Return on how many rows the takes of so many sounds are scored side by side, under all that is contrasted."""
        return sounds * self.takes * (1 if self.contrast is None else self.contrast.rows)

    def check_memory(self, spec: Spec, model: SampleRNN, sounds: int, remedy: str) -> None:
        """Raise UserError if this machine has too little memory to score the takes of so many sounds side by side.

        Args:
            spec: of the run.
            model: of the run; an outline is enough.
            sounds: number of sounds side by side.
            remedy: what the user can do.
        """
        block_samples = -(-TAKE_BLOCK_SAMPLES // model.top_frame_size) * model.top_frame_size
        check_take_memory(spec, model, self.scored_rows(sounds), block_samples, remedy)

    def learn_judge(self, learn: Callable[[str], Judge], place: str) -> Judge | None:
        """Return the listener that takes are chosen by; None if the model judges them.

        Args:
            learn: called with the name of a stream of classes; returns a judge that has learned it.
            place: of the argument `by`, for messages.

        Raises:
            UserError: what `learn` raised, and one line more: nobody may have asked for a listener.
        """
        if self.by != "heard":
            return None
        try:
            return learn(self.stream.name)
        except UserError as error:
            raise UserError(
                *error.lines,
                f'{place}: is "heard", and a listener has to learn the training sounds; give "likelihood" to do without'
                " one",
            ) from None

    def describe(self) -> dict[str, Any]:
        """Return how takes are chosen, as JSON values."""
        return {"takes": self.takes, "by": self.by, "stream": None if self.stream is None else self.stream.name}

    def describe_choices(self, choices: Sequence[Choice]) -> dict[str, Any]:
        """Return how the takes of a sound were chosen, as JSON values: a list for each passage."""
        return {
            **self.describe(),
            "passages": [
                {
                    "start": choice.passage.start,
                    "kept": choice.kept,
                    "scores": [round(score, 3) if math.isfinite(score) else None for score in choice.scores.tolist()],
                    "faulty": np.flatnonzero(choice.faulty).tolist(),
                    "tries": choice.tries,
                }
                for choice in choices
            ],
        }

    def stream_chosen(
        self,
        engine: GenerationEngine,
        weights: Weights,
        start: Carry,
        sounds: Iterable[Sound],
        seed: int,
        strength: float,
        sample_rate: int,
        scorer: Scorer,
        judge: Judge | None = None,
        on_choice: Callable[[Sound, Choice], None] = lambda sound, choice: None,
    ) -> Iterator[tuple[Sound, np.ndarray, bool]]:
        """Generate sounds of chosen takes; see `stream_best`.

        Args:
            engine: its rows are a multiple of `takes`, its blocks of `candidates.TAKE_BLOCK_SAMPLES`.
            weights: what its `weights` returned.
            start: the carry with which each sound starts.
            sounds: in any order.
            seed: seed of the uniforms.
            strength: of the guidance, if the engine has one.
            sample_rate: in Hz.
            scorer: of the engine's model.
            judge: a listener, for takes that are chosen by what is heard; others are judged by the model.
            on_choice: called after each passage.
        """
        take_bits = TakeBits(scorer, engine.rows, self.contrast, seed)
        name = None if self.stream is None else self.stream.name

        def cut(sound: Sound) -> list[Passage]:
            return passages_of(sound, name, sample_rate, engine.block_samples)

        options = {} if self.faults is None else {"faults": self.faults}
        return stream_best(
            engine,
            weights,
            start,
            longest_first(sounds),
            seed,
            strength,
            self.takes,
            take_bits,
            judge or JUDGES[self.by],
            cut,
            on_choice=on_choice,
            **options,
        )


class Places(NamedTuple):
    """What the arguments are called in messages: as options of a command, or as parameters of a function."""

    takes: str
    by: str
    stream: str


def choosing_of(
    streams: tuple[Stream, ...],
    takes: int,
    by: str | None,
    name: str | None,
    temperatures: Iterable[float],
    metrics: Path,
    places: Places,
) -> Choosing | None:
    """Return how the takes of a run are chosen, or None if there is one take only.

    Args:
        streams: of the run.
        takes: of each passage, at least 1.
        by: "posterior", "likelihood" or "heard"; None: a listener if the run has classes, else the likelihood.
        name: of the stream of classes that they are judged by; None: the first one.
        temperatures: of the sounds.
        metrics: the `metrics.csv` of the run.
        places: of the arguments.

    Raises:
        UserError: one line: the run has no stream of classes to judge by, or none of that name; or the temperature is
            0, at which all takes are the same.
    """
    if takes == 1:
        if given := [place for place, value in ((places.by, by), (places.stream, name)) if value is not None]:
            raise UserError(f"{' and '.join(given)}: says how takes are chosen; give {places.takes} too, 2 or more")
        return None
    if not all(temperatures):
        raise UserError(f"{places.takes}: at temperature 0 all takes are the same; leave one of the two out")
    found = classes_streams(streams)
    stream = found[0] if found else None
    if name is not None:
        stream = classes_stream_named(streams, name, places.stream)
    by = by or ("likelihood" if stream is None else "heard")
    if by != "likelihood" and stream is None:
        raise UserError(f'{places.by}: is "{by}", and the run has no stream of classes; give "likelihood"')
    contrast = contrast_with_classes(streams, stream) if by == "posterior" else None
    return Choosing(takes, by, stream, contrast, _faults_of(metrics, stream))


def _faults_of(metrics: Path, stream: ClassesStream | None) -> Faults | None:
    """Return what is faulty, by the figures of the best validation; None if there was none."""
    try:
        rows = pd.read_csv(metrics).apply(pd.to_numeric, errors="coerce")
        rows = rows[rows["training_bits"].notna()]  # the others are of validations in passing
        best = rows.loc[rows["validation_bits"].idxmin()].to_dict()
    except (OSError, ValueError, KeyError):
        return None
    classes = () if stream is None else enumerate(stream.classes)
    of_class = {number: best.get(f"{CLASS_COLUMN}{figure_of(stream, each)}", 0) for number, each in classes}
    of_class = {number: bits for number, bits in of_class.items() if bits > 0}
    return Faults(of_class, best["validation_bits"]) if best["validation_bits"] > 0 else None
