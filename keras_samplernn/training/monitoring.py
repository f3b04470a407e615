"""What TensorBoard shows of a run: figures while it trains, and sounds beside the real ones."""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

from keras_samplernn.data.corpus import Corpus
from keras_samplernn.data.quantization import Quantizer
from keras_samplernn.data.wav_writer import WavWriter
from keras_samplernn.errors import UserError
from keras_samplernn.files import cannot_write, make_folder
from keras_samplernn.generation.engine import GenerationEngine
from keras_samplernn.generation.sound import Sound, longest_first
from keras_samplernn.generation.stream import BLOCK_SAMPLES, stream_parts
from keras_samplernn.model.samplernn import SampleRNN
from keras_samplernn.spec import Spec
from keras_samplernn.training.spectrogram import spectrogram_image


class Monitor:
    """Writes a run's TensorBoard log.

    Args:
        folder: of the event files.
        spec: shown as text; its `monitoring` says which sounds are made.
    """

    def __init__(self, folder: Path, spec: Spec):
        self.folder = folder
        self.spec = spec
        with self._writing():
            self._writer = tf.summary.create_file_writer(os.fsencode(folder))

    def __enter__(self) -> "Monitor":
        return self

    def __exit__(self, failure: type[BaseException] | None, *_) -> None:
        # What has failed once fails again; the first failure is the one told.
        with contextlib.nullcontext() if failure is None else contextlib.suppress(UserError), self._writing():
            self._writer.close()

    def log_spec(self, step: int) -> None:
        """Show the spec."""
        with self._at(step):
            tf.summary.text("spec", "```json\n" + self.spec.to_json() + "```")
            self._writer.flush()

    def log_figures(self, step: int, figures: dict[str, float]) -> None:
        """Add a point to each named curve, and make it visible at once."""
        with self._at(step):
            for name, value in figures.items():
                tf.summary.scalar(name, value)
            self._writer.flush()

    def log_sound(self, step: int, name: str, wave: np.ndarray) -> None:
        """Show a sound: to be heard, and as a spectrogram. `wave` is `(n,)` in [-1, 1]."""
        with self._at(step):
            # TensorBoard gives a tag to one kind of card only.
            tf.summary.audio(f"audio/{name}", wave[None, :, None].astype(np.float32), self.spec.audio.sample_rate)
            tf.summary.image(f"spectrogram/{name}", spectrogram_image(wave)[None])
            self._writer.flush()

    @contextlib.contextmanager
    def _at(self, step: int) -> Iterator[None]:
        with self._writing(), self._writer.as_default(step):
            yield

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Tell what keeps TensorFlow from writing the log as the user's error."""
        try:
            yield
        except tf.errors.OpError as error:
            # "{{node}} PATH; REASON [Op:...", and then what TensorFlow was about, in more lines.
            reason = error.message.splitlines()[0].partition(" [Op:")[0].rpartition("}} ")[-1].rpartition("; ")[-1]
            raise cannot_write(self.folder, reason) from error


class HeldOutSounds:
    """Generates, at chosen epochs, under the conditions of held-out files, and shows it beside the real clips.

    Args:
        model: of its own, in float32; it takes the trained weights each time.
        spec: its `monitoring` says how many sounds, how long, at what temperature.
        corpus: the validation files.
        folder: where each epoch's wavs are kept.
    """

    def __init__(self, model: SampleRNN, spec: Spec, corpus: Corpus, folder: Path):
        self.model = model
        self.spec = spec
        self.folder = folder
        self.quantizer = Quantizer.of(spec.audio)
        longest = round(spec.monitoring.seconds * spec.audio.sample_rate)
        self.clips, self._conditions = [], []
        for entry in corpus.sounds[: spec.monitoring.sounds]:
            piece = slice(entry.start, entry.start + min(entry.samples, longest))
            self.clips.append(self.quantizer.decode(np.asarray(corpus.codes[piece])))
            self._conditions.append(None if corpus.conditions is None else np.asarray(corpus.conditions[piece]))
        self._engine = GenerationEngine(model, self.quantizer.silence, len(self.clips), BLOCK_SAMPLES)

    def show(
        self, monitor: Monitor, trained: SampleRNN, step: int, epoch: int, check_stop: Callable[[], None] = lambda: None
    ) -> None:
        """Generate with the trained weights, keep the wavs in `epoch_NNNN`, and log them with the real clips.

        `check_stop` is called again and again meanwhile, and may raise.
        """
        for variable, value in zip(self.model.weights, trained.weights, strict=True):
            variable.assign(value)
        folder = self.folder / f"epoch_{epoch:04d}"
        make_folder(folder)
        sounds = [self._sound(number) for number in range(len(self.clips))]
        pieces: dict[str, list[np.ndarray]] = {sound.name: [] for sound in sounds}
        weights = self._engine.weights()
        start, seed = self._engine.silent_start(weights), self.spec.training.seed
        for sound, codes, _ in stream_parts(self._engine, weights, start, longest_first(sounds), seed):
            check_stop()
            pieces[sound.name].append(self.quantizer.decode(codes))
        for (name, waves), clip in zip(pieces.items(), self.clips, strict=True):
            wave = np.concatenate(waves)
            with WavWriter(folder / f"{name}.wav", self.spec.audio.sample_rate) as writer:
                writer.write(wave)
            monitor.log_sound(step, f"{name}/generated", wave)
            monitor.log_sound(step, f"{name}/real", clip)

    def _sound(self, number: int) -> Sound:
        stem, conditions = f"sound_{number:03d}", self._conditions[number]
        return Sound(stem, stem, len(self.clips[number]), self.spec.monitoring.temperature, conditions)
