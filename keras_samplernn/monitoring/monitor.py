"""The log of a run for TensorBoard."""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from keras_samplernn.conditions.streams import streams_of
from keras_samplernn.conditions.track import Track
from keras_samplernn.errors import UserError
from keras_samplernn.files import cannot_write, replace_file
from keras_samplernn.monitoring.dashboards import about_text, hparams_summary, layout_summary
from keras_samplernn.monitoring.picture import draw_sound
from keras_samplernn.spec import Spec


class Clip(NamedTuple):
    """A sound as it is logged.

    Attributes:
        name: the tags of its cards end with it.
        wave: `(n,)` in [-1, 1].
        track: what is asked for in it, of at least as many samples; None: nothing.
        description: a sentence that TensorBoard shows with it, in Markdown.
    """

    name: str
    wave: np.ndarray
    track: Track | None = None
    description: str = ""


class Monitor:
    """Writes the TensorBoard log of a run.

    What is logged once stands in event files of its own, named by a hash of their content: a run that is continued logs
    it again only if it has become something else.

    Args:
        folder: for the event files; None: nothing is written.
        spec: its sample rate and streams are those of logged sounds.
    """

    def __init__(self, folder: Path | None, spec: Spec):
        self.folder = folder
        self.spec = spec
        with self._writing():
            self._writer = (
                tf.summary.create_file_writer(os.fsencode(folder)) if folder else tf.summary.create_noop_writer()
            )

    def __enter__(self) -> "Monitor":
        return self

    def __exit__(self, failure: type[BaseException] | None, *_) -> None:
        # After a failure, closing fails too; report the first failure.
        with contextlib.nullcontext() if failure is None else contextlib.suppress(UserError), self._writing():
            self._writer.close()

    def log_about(self, step: int, facts: Mapping[str, str]) -> None:
        """Log, once, what a run is: its spec, these facts, its hyperparameters, and which charts show its curves.

        Args:
            step: training steps done.
            facts: further things worth knowing of it, such as its devices, by what they are.
        """
        spec_text = self.spec.to_json()

        def write() -> None:
            tf.summary.text("about", about_text(facts))
            tf.summary.text("spec", f"```json\n{spec_text}```")
            for summary in (hparams_summary(self.spec, self.folder.parent.name), layout_summary(self.spec)):
                tf.summary.experimental.write_raw_pb(summary.SerializeToString())

        self._once("about", [spec_text, *map(str, facts.items())], step, write)

    def log_figures(self, step: int, figures: Mapping[str, float]) -> None:
        """Add a point to each named curve; it is visible at once."""
        with self._at(step):
            for name, value in figures.items():
                tf.summary.scalar(name, value)
            self._writer.flush()

    def log_sound(self, step: int, clip: Clip) -> None:
        """Log a sound as audio and as a picture of its spectrogram and conditions."""
        with self._at(step):
            self._write_sound(clip)
            self._writer.flush()

    def log_real(self, step: int, clips: Sequence[Clip]) -> None:
        """Log, once, the real clips that generated sounds are compared with."""
        content = [part for clip in clips for part in (clip.name, clip.wave.tobytes())]
        self._once("real", content, step, lambda: [self._write_sound(clip) for clip in clips])

    def _write_sound(self, clip: Clip) -> None:
        rate = self.spec.audio.sample_rate
        # In TensorBoard, a tag can have one kind of card only.
        wave, about = clip.wave[None, :, None].astype(np.float32), {"description": clip.description}
        tf.summary.audio(f"audio/{clip.name}", wave, rate, **about)
        picture = draw_sound(clip.wave, rate, clip.track, streams_of(self.spec))
        tf.summary.image(f"spectrogram/{clip.name}", picture[None], **about)

    def _once(self, kind: str, content: Sequence[str | bytes], step: int, write: Callable[[], object]) -> None:
        """Write to an event file of its own, which appears whole, unless there is one of this kind and content.

        TensorBoard may read the files of a run in the order of their names, and only the last one while it grows: this
        one comes before those that are named after the time.
        """
        if self.folder is None:
            return
        digest = hashlib.sha256()
        for part in content:
            digest.update(hashlib.sha256(part.encode() if isinstance(part, str) else part).digest())
        suffix = f"{kind}-{digest.hexdigest()[:16]}"
        if any(self.folder.glob(f"*.{suffix}")):
            return
        with tempfile.TemporaryDirectory() as name:
            with self._writing():
                writer = tf.summary.create_file_writer(name)
                with writer.as_default(step):
                    write()
                writer.close()
            (file,) = Path(name).iterdir()
            replace_file(self.folder / f"events.out.tfevents.0.{step:010d}.{suffix}", file.read_bytes())

    @contextlib.contextmanager
    def _at(self, step: int) -> Iterator[None]:
        with self._writing(), self._writer.as_default(step):
            yield

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Turn an error of TensorFlow's writer into the UserError that the log cannot be written."""
        try:
            yield
        except tf.errors.OpError as error:
            # The first line is "{{node}} PATH; REASON [Op:..."; more lines follow.
            reason = error.message.splitlines()[0].partition(" [Op:")[0].rpartition("}} ")[-1].rpartition("; ")[-1]
            raise cannot_write(self.folder, reason) from error
