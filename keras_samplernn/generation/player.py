"""Single sounds of a loaded model: what a program asks for is checked here, and engines are kept for the next sound."""

import math
import numbers
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from keras_samplernn.conditions.streams import dropout_shares
from keras_samplernn.data.quantization import Quantizer
from keras_samplernn.data.wav_writer import as_read_back
from keras_samplernn.errors import UserError
from keras_samplernn.generation.asked import checked_count, codes_of
from keras_samplernn.generation.candidates import TAKE_BLOCK_SAMPLES
from keras_samplernn.generation.choosing import BY, Choosing, Places, choosing_of
from keras_samplernn.generation.contrast import Contrast
from keras_samplernn.generation.engine import Carry, GenerationEngine, Weights
from keras_samplernn.generation.guidance import guidance_of
from keras_samplernn.generation.judges import Judge
from keras_samplernn.generation.stream import BLOCK_SAMPLES, Part, stream_parts
from keras_samplernn.generation.values import shown
from keras_samplernn.model.memory import telling_exhaustion
from keras_samplernn.model.samplernn import SampleRNN
from keras_samplernn.model.scoring import Scorer
from keras_samplernn.run_folder import RunFolder


class Player:
    """Generates one sound at a time.

    The first sound of each kind compiles an engine; later ones of that kind do not.

    Args:
        folder: the run of the model.
        model: its present weights generate.
        precision: of the weights, "float32" or "int8".
        scorer: of the model; judges takes.
        learn_judge: returns a listener that has learned the stream of classes of that name.
        say: called with a line for each thing in an audio file that was assumed or left out.
    """

    def __init__(
        self,
        folder: RunFolder,
        model: SampleRNN,
        precision: str,
        scorer: Scorer,
        learn_judge: Callable[[str], Judge],
        say: Callable[[str], None],
    ):
        self._folder, self._spec, self._model = folder, folder.spec, model
        self._precision, self._scorer, self._learn_judge, self._say = precision, scorer, learn_judge, say
        self._quantizer = Quantizer.of(self._spec.audio)
        self._engines: dict[tuple[int, int, bool, Contrast | None], GenerationEngine] = {}
        self._judges: dict[str, Judge] = {}
        # The most rows of takes that were found to fit into memory; finding it out takes a second.
        self._scored_rows = 0

    def guidance(self, strength: float, stream: str | None) -> Contrast | None:
        """Return what is asked for by `guidance` and `guidance_stream`; None: nothing is contrasted.

        Args:
            strength: at least 0; 1 is off.
            stream: name of a stream of classes, or None.

        Raises:
            UserError: one line.
        """
        if not (isinstance(strength, numbers.Real | np.number) and 0 <= strength < math.inf):
            raise UserError(f"guidance = {shown(strength)}: is not a finite number of at least 0")
        if strength == 1 and stream is None:
            return None
        if self._precision == "int8":
            raise UserError("guidance: precision int8 makes one row at a time; leave one of the two out")
        streams = self._model.streams
        drops = dropout_shares(self._spec)[0] > 0
        guidance = guidance_of(streams, stream, drops, "guidance", "guidance_stream")
        return None if strength == 1 else guidance

    def choosing(
        self, takes: int, by: str | None, stream: str | None, temperature: float, batch_size: int
    ) -> Choosing | None:
        """Return what is asked for by `candidates`, `by` and `by_stream`; None: there is one take.

        Args:
            takes: number of takes, at least 1.
            by: what judges them, or None.
            stream: name of a stream of classes, or None.
            temperature: of the sound.
            batch_size: number of sounds side by side.

        Raises:
            UserError: a line for each problem, or there is too little memory.
        """
        takes = checked_count(takes, "candidates")
        if by not in (None, *BY):
            raise UserError(f"by = {shown(by)}: is unknown; give one of {', '.join(BY)}")
        places = Places("candidates", "by", "by_stream")
        metrics = self._folder.metrics_file
        choosing = choosing_of(self._model.streams, takes, by, stream, [temperature], metrics, places)
        if choosing is None:
            return None
        if self._precision == "int8":
            raise UserError("candidates: precision int8 makes one row at a time; leave one of the two out")
        rows = choosing.scored_rows(batch_size)
        if rows > self._scored_rows:
            choosing.check_memory(self._spec, self._model, batch_size, "lower batch_size or candidates")
            self._scored_rows = rows
        if choosing.by == "heard" and choosing.stream.name not in self._judges:
            self._judges[choosing.stream.name] = choosing.learn_judge(self._learn_judge, places.by)
        return choosing

    def engine(
        self,
        batch_size: int,
        fades: bool,
        contrast: Contrast | None,
        choosing: Choosing | None = None,
        block_samples: int = BLOCK_SAMPLES,
    ) -> GenerationEngine:
        """Return the engine of a shape; with takes, its rows and its blocks are those of takes."""
        if choosing is not None:
            batch_size, block_samples = batch_size * choosing.takes, TAKE_BLOCK_SAMPLES
        key = batch_size, block_samples, fades, contrast
        if key not in self._engines:
            self._engines[key] = GenerationEngine(
                self._model, self._quantizer.silence, batch_size, block_samples, self._precision, fades, contrast
            )
        return self._engines[key]

    def play(
        self,
        engine: GenerationEngine,
        part: Part,
        seed: int,
        strength: float,
        prime: Any,
        prime_conditions: Any,
        choosing: Choosing | None = None,
    ) -> Iterator[np.ndarray]:
        """Begin a sound, and return its blocks, each `(block,)` float32, as the wav file would have them.

        Args:
            engine: what `engine` returned.
            part: the sound.
            seed: seed of the uniforms.
            strength: of the guidance, if the engine has one.
            prime: a wave or a path of what the sound continues, or None.
            prime_conditions: of the primer.
            choosing: what `choosing` returned.

        Raises:
            UserError: one line: the primer cannot be read, or memory is too small.
        """
        weights, start, before = self._begin(engine, prime, prime_conditions)
        return self._blocks(engine, weights, start, before, part, seed, strength, choosing)

    def _begin(self, engine: GenerationEngine, prime: Any, prime_conditions: Any) -> tuple[Weights, Carry, float]:
        """Return the present weights, the carry with which a sound starts, and the sample before its first."""
        with self.telling_exhaustion():
            weights = engine.weights()
            if prime is None:
                return weights, engine.silent_start(weights), 0.0
            codes, conditions = codes_of(self._spec, self._model.streams, prime, prime_conditions, "prime", self._say)
            if not len(codes):
                raise UserError("prime: has 0 samples; a primer needs at least one")
            return weights, engine.primed_start(weights, codes, conditions), self._quantizer.last_sample(codes)

    def _blocks(
        self,
        engine: GenerationEngine,
        weights: Weights,
        start: Carry,
        before: float,
        part: Part,
        seed: int,
        strength: float,
        choosing: Choosing | None,
    ) -> Iterator[np.ndarray]:
        if choosing is None:
            streamed = stream_parts(engine, weights, start, [part], seed, strength)
        else:
            judge = self._judges[choosing.stream.name] if choosing.by == "heard" else None
            rate, scorer = self._spec.audio.sample_rate, self._scorer
            streamed = choosing.stream_chosen(engine, weights, start, [part], seed, strength, rate, scorer, judge)
        decoder = self._quantizer.decoder(before)
        with self.telling_exhaustion():
            for _, codes, _ in streamed:
                if len(codes):
                    yield as_read_back(decoder(codes))

    def telling_exhaustion(self) -> AbstractContextManager:
        """Return a context in which running out of memory is a UserError."""
        return telling_exhaustion(self._folder.folder, "its weights and a block of sound", "use a larger one")
