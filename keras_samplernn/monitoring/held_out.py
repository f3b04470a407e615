"""Sounds that are made under the conditions of validation files, beside the real ones."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from keras_samplernn.conditions.streams import Stream, dropout_shares
from keras_samplernn.data.corpus import Corpus
from keras_samplernn.data.quantization import Quantizer
from keras_samplernn.data.wav_writer import WavWriter
from keras_samplernn.files import make_folder
from keras_samplernn.generation.contrast import Contrast
from keras_samplernn.generation.engine import GenerationEngine
from keras_samplernn.generation.guidance import guidance_of
from keras_samplernn.generation.sound import Sound, any_fades, longest_first
from keras_samplernn.generation.stream import BLOCK_SAMPLES, stream_parts
from keras_samplernn.model.samplernn import SampleRNN
from keras_samplernn.monitoring.monitor import Clip, Monitor
from keras_samplernn.spec import Spec


def guidance_in_training(spec: Spec, streams: Sequence[Stream]) -> Contrast | None:
    """Return what sounds are guided away from that a model makes while it is trained; None: they are not guided."""
    if spec.monitoring.guidance == 1:
        return None
    return guidance_of(streams, None, dropout_shares(spec)[0] > 0, "monitoring.guidance")


class HeldOutSounds:
    """Generates sounds under the conditions of validation files, and logs them beside the real clips.

    Args:
        model: in float32, not the one that is trained; it gets the trained weights each time.
        spec: its `monitoring` has the number, length, temperature and guidance of the sounds.
        corpus: the validation files.
        folder: for the wavs, in one folder for each epoch.
    """

    def __init__(self, model: SampleRNN, spec: Spec, corpus: Corpus, folder: Path):
        self.model = model
        self.spec = spec
        self.folder = folder
        self.quantizer = Quantizer.of(spec.audio)
        longest = round(spec.monitoring.seconds * spec.audio.sample_rate)
        self.clips, self._entries = [], corpus.sounds[: spec.monitoring.sounds]
        for entry in self._entries:
            piece = slice(entry.start, entry.start + min(entry.samples, longest))
            self.clips.append(self.quantizer.decoder()(np.asarray(corpus.codes[piece])))
        fades = any_fades(self._sound(number) for number in range(len(self.clips)))
        self._engine = GenerationEngine(
            model,
            self.quantizer.silence,
            len(self.clips),
            BLOCK_SAMPLES,
            fades=fades,
            guidance=guidance_in_training(spec, model.streams),
        )

    def show(
        self, monitor: Monitor, trained: SampleRNN, step: int, epoch: int, check_stop: Callable[[], None] = lambda: None
    ) -> None:
        """Generate with the trained weights, write the wavs to `epoch_NNNN`, and log them.

        Args:
            monitor: logs the sounds.
            trained: its weights are used.
            step: training steps done.
            epoch: number of the epoch, from 1.
            check_stop: called between pieces of sound; may raise.
        """
        for variable, value in zip(self.model.weights, trained.weights, strict=True):
            variable.assign(value)
        folder = self.folder / f"epoch_{epoch:04d}"
        make_folder(folder)
        sounds = [self._sound(number) for number in range(len(self.clips))]
        pieces: dict[str, list[np.ndarray]] = {sound.name: [] for sound in sounds}
        weights = self._engine.weights()
        start, seed = self._engine.silent_start(weights), self.spec.training.seed
        strength = self.spec.monitoring.guidance
        for sound, codes, _ in stream_parts(self._engine, weights, start, longest_first(sounds), seed, strength):
            check_stop()
            pieces[sound.name].append(codes)
        tracks = {sound.name: sound.columns and sound.columns.track for sound in sounds}
        for name, codes in pieces.items():
            wave = self.quantizer.decoder()(np.concatenate(codes))
            with WavWriter(folder / f"{name}.wav", self.spec.audio.sample_rate) as writer:
                writer.write(wave)
            monitor.log_sound(step, f"{name}/generated", wave, tracks[name])

    def show_real(self, monitor: Monitor, step: int) -> None:
        """Log the real clips, once in a run."""
        sounds = [self._sound(number) for number in range(len(self.clips))]
        named = zip(sounds, self.clips, strict=True)
        clips = [Clip(f"{sound.name}/real", clip, sound.columns and sound.columns.track) for sound, clip in named]
        monitor.log_real(step, clips)

    def _sound(self, number: int) -> Sound:
        stem, columns = f"sound_{number:03d}", self._entries[number].columns
        return Sound(stem, stem, len(self.clips[number]), self.spec.monitoring.temperature, columns)
