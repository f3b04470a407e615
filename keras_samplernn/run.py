"""A loaded run, with which programs and notebooks generate and score."""

import functools
import math
import numbers
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from keras_samplernn.checkpoints.checkpoint import Checkpoint
from keras_samplernn.checkpoints.shelf import choose_checkpoint, load_chosen
from keras_samplernn.conditions.streams import ClassesStream, classes_stream_named, classes_streams, streams_of
from keras_samplernn.data.quantization import Quantizer
from keras_samplernn.distribution.replicas import Replicas
from keras_samplernn.distribution.workers import check_same, starting_together, telling_lost_workers
from keras_samplernn.errors import UserError
from keras_samplernn.export.writing import write_export
from keras_samplernn.generation.asked import checked_count, checked_temperature, codes_of, samples_in, sound_asked_for
from keras_samplernn.generation.controls import ControlledPart, as_controls, is_whole_sound
from keras_samplernn.generation.player import Player
from keras_samplernn.generation.sound import Sound
from keras_samplernn.generation.stream import BLOCK_SAMPLES
from keras_samplernn.generation.values import shown
from keras_samplernn.listening.excerpts import excerpts_of_corpus
from keras_samplernn.listening.judging import Performer, asked_of, describe, learn_listener
from keras_samplernn.model.assembly import assemble
from keras_samplernn.model.memory import check_generation_memory, outline
from keras_samplernn.model.scoring import Scorer
from keras_samplernn.progress import Progress, say
from keras_samplernn.run_folder import RunFolder, environment, open_run
from keras_samplernn.spec import Spec
from keras_samplernn.training.corpora import prepare_named
from keras_samplernn.training.judge import learn_judge
from keras_samplernn.training.raw_weights import check_raw_weights, load_raw_weights
from keras_samplernn.training.scoring import held_out_corpus, score_folder

if TYPE_CHECKING:
    import pandas as pd

STEM = "sound_000"


class Run:
    """A run with the weights of one of its checkpoints; `keras_samplernn.load_run` returns it.

    Waves are `(n,)` float32 in [-1, 1] at `spec.audio.sample_rate`. Conditions are classes, one for each sample, by
    number or by name: an array or list, or the path of a condition file. A sound depends on its name, its conditions,
    the seed and the temperature, and is the same as that of the command `generate`.

    The first call of each kind compiles; later ones, with other conditions, lengths, seeds and temperatures, do not.

    Attributes:
        folder: the run directory.
        spec: the validated spec; every field of its file is an attribute.
        model: the Keras model with the weights of the checkpoint. If you change them, later calls use the new ones.
        checkpoint: the name of the checkpoint.
        precision: precision of the weights, "float32" or "int8".
        replicas: share out the sounds of `evaluate`.
    """

    def __init__(self, folder: RunFolder, model: keras.Model, checkpoint: str, precision: str, replicas: Replicas):
        self.folder: Path = folder.folder
        self.spec: Spec = folder.spec
        self.model = model
        self.checkpoint = checkpoint
        self.precision = precision
        self.replicas = replicas
        self._metrics_file = folder.metrics_file
        self._quantizer = Quantizer.of(self.spec.audio)
        self._streams = streams_of(self.spec)
        self._scorer = Scorer(model, self._quantizer.silence, self.spec.training.held_samples)
        self._player = Player(
            folder, model, precision, self._scorer, lambda name: learn_judge(self.spec, name, say), say
        )

    def __repr__(self) -> str:
        return f"<Run {self.folder}: {self.checkpoint}>"

    @property
    def metrics(self) -> "pd.DataFrame":
        """The figures of the run, one row for each validation; docs/data.md lists the columns."""
        import pandas as pd

        try:
            return pd.read_csv(self._metrics_file)
        except FileNotFoundError:
            raise UserError(
                f"{self._metrics_file}: does not exist yet; `fit` writes it after the first epoch"
            ) from None

    def generate(
        self,
        conditions: Any = None,
        *,
        seconds: float | None = None,
        name: str | None = None,
        seed: int = 0,
        temperature: float = 1.0,
        prime: Any = None,
        prime_conditions: Any = None,
        batch_size: int = 1,
        guidance: float = 1.0,
        guidance_stream: str | None = None,
        candidates: int = 1,
        by: str | None = None,
        by_stream: str | None = None,
    ) -> np.ndarray:
        """Generate one sound, with the samples of the wav that the command `generate` writes.

        Args:
            conditions: for a conditional run: a class for each sample, or a single class with `seconds`.
            seconds: length of the sound, if `conditions` do not have one.
            name: stem of the condition file; keys the random numbers, together with the seed. None: the stem of the
                path given as `conditions`, or "sound_000", as for the first sound of an unconditional run.
            seed: another seed gives another sound.
            temperature: divides the logits: below 1 is more cautious; 0 takes the likeliest sample.
            prime: a sound to continue, which is not part of the result: a wave, or the path of an audio file.
            prime_conditions: for a conditional run: the class of each sample of the primer; None: from the csv beside
                the audio file.
            batch_size: number of rows of the compiled loop. With the number in `generation.json` the sound equals that
                of the command to the bit; matrix products of another height may be rounded differently.
            guidance: above 1, what is asked for is contrasted with what the model would do anyway; 1 is off.
            guidance_stream: the stream of classes whose mean is what the model would do anyway; None: no conditions at
                all, if the run was trained with `condition_dropout`, else its first stream of classes.
            candidates: number of takes that are made of each passage, of which the best is kept.
            by: what the best is judged by: "posterior", "likelihood" or "heard"; None: a listener, "heard", if the run
                has classes, else the likelihood.
            by_stream: the stream of classes that takes are judged by; None: the first one.

        Returns:
            The wave, `(n,)` float32.

        Raises:
            UserError: one line for each problem of the arguments.
        """
        stem, samples, columns = sound_asked_for(self.spec, self._streams, conditions, seconds, say)
        temperature = checked_temperature(temperature)
        batch_size = checked_count(batch_size, "batch_size")
        if batch_size > 1 and self.precision == "int8":
            raise UserError(f"batch_size = {batch_size}: precision int8 makes one sound at a time; leave it out")
        choosing = self._player.choosing(candidates, by, by_stream, temperature, batch_size)
        fades = columns is not None and columns.fades
        engine = self._player.engine(batch_size, fades, self._player.guidance(guidance, guidance_stream), choosing)
        stem = name or stem or STEM
        sound = Sound(stem, stem, samples, temperature, columns)
        blocks = self._player.play(engine, sound, seed, guidance, prime, prime_conditions, choosing)
        wave, done = np.empty(samples, np.float32), 0
        with Progress("generate", samples) as progress:
            for block in blocks:
                wave[done : done + len(block)] = block
                done += len(block)
                progress.update(done, f"{progress.speed(done) / self.spec.audio.sample_rate:.2f} x real time")
        return wave

    def stream(
        self,
        controls: Any = None,
        *,
        seconds: float | None = None,
        block_samples: int = 256,
        name: str | None = None,
        seed: int = 0,
        temperature: float = 1.0,
        prime: Any = None,
        prime_conditions: Any = None,
        guidance: float = 1.0,
        guidance_stream: str | None = None,
    ) -> Iterator[np.ndarray]:
        """Generate one sound block by block, each when it is asked for; the length need not be known beforehand.

        A control is taken from `controls` just before its first sample is generated. With the same conditions, name,
        seed, temperature and primer the samples are those of `generate`. Later changes of the model's weights do not
        change a stream that has started.

        Args:
            controls: an iterable of controls: a class, by number or name, for one block; an array or list of classes,
                one for each sample; or a `Control`, which also sets the temperature. Instead of an iterable, a single
                class, or None in an unconditional run, continues without end; an array or the path of a condition file
                is a whole sound.
            seconds: the stream ends after this time, unless the controls end before.
            block_samples: length of a block in samples, rounded up to whole top frames; the last one may be shorter.
                Short blocks follow their controls sooner, but need more time for each sample.
            name: as in `generate`.
            seed: as in `generate`.
            temperature: as in `generate`.
            prime: as in `generate`.
            prime_conditions: as in `generate`.
            guidance: as in `generate`.
            guidance_stream: as in `generate`.

        Returns:
            An iterator of waves, each `(block,)` float32.

        Raises:
            UserError: one line for each problem of the arguments; a wrong control raises it when it is taken.
        """
        streams, rate = self._streams, self.spec.audio.sample_rate
        if streams and controls is None:
            raise UserError(f"{self.folder}: is a conditional run; give controls: a class, or an iterable of them")
        block_samples = checked_count(block_samples, "block_samples")
        most = None if seconds is None else samples_in(seconds, self.spec.audio.sample_rate)
        temperature = checked_temperature(temperature)
        columns = None
        if is_whole_sound(controls, streams):
            if not streams:
                raise UserError(f"controls: {shown(controls)} is a condition, and the run is unconditional; give None")
            stem, samples, columns = sound_asked_for(self.spec, streams, controls, None, say)
        fades = columns is not None and columns.fades
        contrast = self._player.guidance(guidance, guidance_stream)
        engine = self._player.engine(1, fades, contrast, block_samples=block_samples)
        if columns is not None:
            stem = name or stem or STEM
            part = Sound(stem, stem, samples if most is None else min(samples, most), temperature, columns)
        else:
            frame = self.model.top_frame_size
            asked = as_controls(controls, streams)
            part = ControlledPart(name or STEM, asked, streams, rate, temperature, engine.block_samples, frame, most)
        return self._player.play(engine, part, seed, guidance, prime, prime_conditions)

    def export(
        self, out: str | Path, *, block_samples: int = BLOCK_SAMPLES, rows: int = 1, overwrite: bool = False
    ) -> Path:
        """Write the model as a SavedModel, as the command `export` does: for programs without this package or Keras.

        Its function `advance` makes a block of sound from a state, controls, uniforms and a temperature;
        docs/export.md shows how it is used. With the same number of rows it makes the samples of `generate`.

        Args:
            out: the folder to write, which does not exist yet.
            block_samples: length of a block in samples, rounded up to whole top frames.
            rows: number of sounds side by side; 1 with int8.
            overwrite: whether to replace a model that was exported to the folder before.

        Returns:
            The folder.

        Raises:
            UserError: one line: the folder exists or cannot be written; or Keras does not run on TensorFlow.
        """
        rows, block_samples = checked_count(rows, "rows"), checked_count(block_samples, "block_samples")
        if rows > 1 and self.precision == "int8":
            raise UserError(f"rows = {rows}: precision int8 makes one sound at a time; leave it out")
        engine = self._player.engine(rows, bool(classes_streams(self._streams)), None, block_samples=block_samples)
        about = {
            "made_by": {name: environment().get(name) for name in ("keras-samplernn", "tensorflow")},
            "name": self.spec.name,
            "checkpoint": self.checkpoint,
            "precision": self.precision,
            "sample_rate": self.spec.audio.sample_rate,
            "rows": rows,
            "block_samples": engine.block_samples,
            "top_frame_samples": self.model.top_frame_size,
        }
        with self._player.telling_exhaustion():
            write_export(engine, self._quantizer, self._streams, about, Path(out), overwrite)
        return Path(out)

    def score(self, wave: Any, conditions: Any = None) -> np.ndarray:
        """Return the bits of each sample of a sound under the model: its negative log2-likelihood.

        The mean over all samples of all files of a folder is what the command `evaluate` prints for it. With
        `audio.preemphasis`, both are bits of the filtered sound.

        Args:
            wave: `(n,)` floats in [-1, 1], or the path of an audio file.
            conditions: for a conditional run: the class of each sample; None: from the csv beside the audio file.

        Returns:
            `(n,)` float64.

        Raises:
            UserError: one line: the sound or its conditions cannot be read, or their lengths differ.
        """
        codes, found = codes_of(self.spec, self._streams, wave, conditions, "wave", say)
        weights = None if self.precision == "float32" else self.model.generation_weights(self.precision)
        with self._player.telling_exhaustion(), Progress("score", len(codes)) as progress:
            return self._scorer.sound(codes, found, weights, progress.update)

    def evaluate(
        self,
        folder: str | Path | None = None,
        *,
        per_file: bool = False,
        dump: str | Path | None = None,
        overwrite: bool = False,
    ) -> dict[str, Any]:
        """Score all sounds of a folder, as the command `evaluate` does.

        Args:
            folder: folder of the sounds, with their condition files, or the path of a single one; None: the test files
                of the spec, or else its validation files.
            per_file: whether the figures of each file are returned too.
            dump: an npz file that gets the bits of each sample, an array for each file under its name; None: none is
                written.
            overwrite: whether to replace that file if it exists.

        Returns:
            `bits_per_sample`, `unigram_entropy_bits`, `samples` and, for each stream of classes,
            `bits_per_sample_of_NAME`; the only stream of `conditioning.classes` has the name `class`. If the head draws
            a code in several parts, also `bits_per_sample_by_part`. With `per_file`, also `files`: for each its name as
            `file`, `samples` and `bits_per_sample`.

        Raises:
            UserError: one line for each problem of the sounds; or `dump` exists.
        """
        data, dump = (None if path is None else Path(path) for path in (folder, dump))
        arguments = self.folder, self.spec, self.model, data, self.precision, say, self.replicas
        with telling_lost_workers(self.replicas):
            return score_folder(*arguments, per_file=per_file, dump=dump, overwrite=overwrite)

    def listen(
        self,
        folder: str | Path | None = None,
        *,
        stream: str | None = None,
        seconds: float = 120.0,
        seed: int = 0,
        temperature: float = 1.0,
        guidance: float = 1.0,
        guidance_stream: str | None = None,
    ) -> dict[str, Any]:
        """Return how often a listener hears the class that was asked for, as the command `evaluate --listen` does.

        The listener is a support vector machine that learns the classes from the training sounds of the run, in
        excerpts of at most a second. It hears real sounds that it did not learn, and sounds that are generated under
        their conditions. Needs scikit-learn (extra `listen`).

        Args:
            folder: folder of the real sounds, with their condition files, or the path of a single one; None: the test
                files of the spec, or else its validation files.
            stream: the stream of classes that is listened to; None: the first one.
            seconds: how much is generated in all, at most ten seconds for each real sound.
            seed: as in `generate`.
            temperature: as in `generate`.
            guidance: as in `generate`.
            guidance_stream: as in `generate`.

        Returns:
            `stream`; and under `real` and `generated` the number of `excerpts`, how many were `heard_as_asked`, their
            `share`, the `share_of_class`, and `confusion`, a row for each class asked for and a column for each heard.

        Raises:
            UserError: one line for each problem of the arguments and the sounds; or scikit-learn is missing.
        """
        chosen = self._listened(stream)
        rate, quantizer = self.spec.audio.sample_rate, self._quantizer
        if not (isinstance(seconds, numbers.Real | np.number) and 0 < seconds < math.inf):
            raise UserError(f"seconds = {shown(seconds)}: is not a finite number above 0")
        contrast = self._player.guidance(guidance, guidance_stream)
        temperature = checked_temperature(temperature)
        held_out = held_out_corpus(self.folder, self.spec, None if folder is None else Path(folder), say)
        asked = asked_of(held_out, chosen, seconds, rate, "listen")
        listener = learn_listener(prepare_named(self.spec, "train", say), quantizer, chosen, rate)
        performer = Performer(self.model, asked, quantizer, chosen.name, rate, contrast)
        with self._player.telling_exhaustion(), Progress("listen", performer.samples) as progress:
            generated = listener.confusion(performer.excerpts(seed, temperature, guidance, progress.update))
        real = listener.confusion(excerpts_of_corpus(held_out, quantizer, chosen.name, rate))
        return {
            "stream": chosen.name,
            "real": describe(real, chosen),
            "generated": describe(generated, chosen),
        }

    def _listened(self, name: str | None) -> ClassesStream:
        """Return the stream of classes that is listened to."""
        found = classes_streams(self._streams)
        if not found:
            raise UserError(f"{self.folder}: has no stream of classes, and a listener hears classes only")
        if self.precision == "int8":
            raise UserError("listen: precision int8 makes one sound at a time; leave one of the two out")
        return found[0] if name is None else classes_stream_named(self._streams, name, "stream")


def load(folder: Path, which: str, precision: str, raw_weights: bool, replicas: Replicas) -> Run:
    """Load a run.

    Args:
        folder: the run directory.
        which: checkpoint, "best", "heard" or "newest".
        precision: precision of the weights, "float32" or "int8".
        raw_weights: whether the weights are taken as training left them, not their average.
        replicas: share out the sounds of `Run.evaluate`.

    Raises:
        UserError: the folder is not a run, all its checkpoints are damaged, or this machine has too little memory.
    """
    with telling_lost_workers(replicas), starting_together(replicas):
        opened = open_run(folder)
        weights_of = Checkpoint.load_weights
        if raw_weights:
            check_raw_weights(opened)
            weights_of = functools.partial(load_raw_weights, opened.spec)
        outlined = outline(opened.spec)
        check_generation_memory(opened.spec, outlined)
        chosen = choose_checkpoint(opened.checkpoints_folder, which, outlined, say)
        with replicas.scope():
            model = assemble(opened.spec)
        chosen = load_chosen(chosen, which, model, say, weights_of)
    with telling_lost_workers(replicas):
        check_same(replicas, lambda: {"the checkpoint": f"{opened.spec.name} {chosen.folder.name}"})
    return Run(opened, model, chosen.folder.name, precision, replicas)
