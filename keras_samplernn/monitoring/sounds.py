"""The sounds of a run: generated from the weights as they are, under the conditions of its clips."""

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from keras_samplernn.conditions.streams import Stream, dropout_shares
from keras_samplernn.data.quantization import Quantizer
from keras_samplernn.data.wav_writer import WavWriter
from keras_samplernn.files import make_folder, replace_file
from keras_samplernn.generation.contrast import Contrast
from keras_samplernn.generation.engine import GenerationEngine
from keras_samplernn.generation.guidance import guidance_of
from keras_samplernn.generation.sound import Sound, any_fades, longest_first
from keras_samplernn.generation.stream import BLOCK_SAMPLES, stream_parts
from keras_samplernn.model.samplernn import SampleRNN
from keras_samplernn.monitoring.clips import Clip
from keras_samplernn.monitoring.monitor import Clip as Logged
from keras_samplernn.monitoring.monitor import Monitor
from keras_samplernn.spec import Spec


def guidance_in_training(spec: Spec, streams: Sequence[Stream]) -> Contrast | None:
    """Return what sounds are guided away from that a model makes while it is trained; None: they are not guided."""
    if spec.monitoring.guidance == 1:
        return None
    return guidance_of(streams, None, dropout_shares(spec)[0] > 0, "monitoring.guidance")


class SoundsInTraining:
    """Generates the clips of a run, and logs them beside the real ones.

    Args:
        model: in float32, not the one that is trained; it gets the trained weights each time.
        spec: its `monitoring` has the temperature and guidance of the sounds.
        clips: at least one.
        folder: for the wavs: the real ones in `real`, the others in one folder for each step.
    """

    def __init__(self, model: SampleRNN, spec: Spec, clips: Sequence[Clip], folder: Path):
        self.model, self.spec, self.clips, self.folder = model, spec, clips, folder
        self.quantizer = Quantizer.of(spec.audio)
        self._engine = GenerationEngine(
            model,
            self.quantizer.silence,
            len(clips),
            BLOCK_SAMPLES,
            fades=any_fades(self._sounds()),
            guidance=guidance_in_training(spec, model.streams),
        )

    def show_real(self, monitor: Monitor, step: int) -> None:
        """Write `clips.csv`, which says where each clip is from, and the real clips; log these.

        Args:
            monitor: logs the clips.
            step: training steps done.
        """
        make_folder(self.folder)
        table, rate = io.StringIO(), self.spec.audio.sample_rate
        lines = csv.writer(table, lineterminator="\n")
        lines.writerow(["name", "file", "start_seconds", "seconds", "classes"])
        for clip in self.clips:
            times = clip.first / rate, clip.samples / rate
            lines.writerow([clip.name, clip.source, *(f"{each:.3f}" for each in times), " ".join(clip.classes)])
        replace_file(self.folder / "clips.csv", table.getvalue().encode())
        real = [clip for clip in self.clips if clip.real is not None]
        for clip in real:
            self._write("real", clip, clip.real)
        if real:
            monitor.log_real(step, [self._logged(clip, "real", clip.real) for clip in real])

    def show(
        self, monitor: Monitor, trained: SampleRNN, step: int, check_stop: Callable[[], None] = lambda: None
    ) -> Path:
        """Generate with the trained weights, write the wavs to a folder of this step, and log them.

        Args:
            monitor: logs the sounds.
            trained: its weights are used.
            step: training steps done.
            check_stop: called between pieces of sound; may raise.

        Returns:
            The folder.
        """
        for variable, value in zip(self.model.weights, trained.weights, strict=True):
            variable.assign(value)
        pieces: dict[str, list[np.ndarray]] = {clip.name: [] for clip in self.clips}
        weights = self._engine.weights()
        start, seed = self._engine.silent_start(weights), self.spec.training.seed
        strength = self.spec.monitoring.guidance
        sounds = longest_first(self._sounds())
        for sound, codes, _ in stream_parts(self._engine, weights, start, sounds, seed, strength):
            check_stop()
            pieces[sound.name].append(codes)
        name = f"step-{step:010d}"
        for clip in self.clips:
            wave = self.quantizer.decoder()(np.concatenate(pieces[clip.name]))
            self._write(name, clip, wave)
            monitor.log_sound(step, self._logged(clip, "generated", wave))
        return self.folder / name

    def _sounds(self) -> list[Sound]:
        return [clip.sound(self.spec.monitoring.temperature) for clip in self.clips]

    def _logged(self, clip: Clip, kind: str, wave: np.ndarray) -> Logged:
        begin, end = (each / self.spec.audio.sample_rate for each in (clip.first, clip.first + clip.samples))
        # As code, so that no letter of a name is taken for Markdown.
        file = clip.source.replace("`", "'")
        place = f"`{file}`, from {begin:.2f} to {end:.2f} s"
        about = f"Recorded: {place}" if kind == "real" else f"Generated under the conditions of {place}"
        return Logged(f"{clip.title}/{kind}", wave, clip.track, f"{about} (samples/clips.csv).")

    def _write(self, folder: str, clip: Clip, wave: np.ndarray) -> None:
        make_folder(self.folder / folder)
        with WavWriter(self.folder / folder / f"{clip.name}.wav", self.spec.audio.sample_rate) as writer:
            writer.write(wave)
