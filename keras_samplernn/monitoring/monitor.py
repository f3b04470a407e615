"""The log of a run for TensorBoard."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

from keras_samplernn.errors import UserError
from keras_samplernn.files import cannot_write
from keras_samplernn.monitoring.spectrogram import spectrogram_image
from keras_samplernn.spec import Spec


class Monitor:
    """Writes the TensorBoard log of a run.

    Args:
        folder: for the event files; None: nothing is written.
        spec: is logged as text; its sample rate is that of logged sounds.
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

    def log_spec(self, step: int) -> None:
        """Log the spec."""
        with self._at(step):
            tf.summary.text("spec", "```json\n" + self.spec.to_json() + "```")
            self._writer.flush()

    def log_figures(self, step: int, figures: dict[str, float]) -> None:
        """Add a point to each named curve; it is visible at once."""
        with self._at(step):
            for name, value in figures.items():
                tf.summary.scalar(name, value)
            self._writer.flush()

    def log_sound(self, step: int, name: str, wave: np.ndarray) -> None:
        """Log a sound as audio and as a spectrogram. `wave` is `(n,)` in [-1, 1]."""
        with self._at(step):
            # In TensorBoard, a tag can have one kind of card only.
            tf.summary.audio(f"audio/{name}", wave[None, :, None].astype(np.float32), self.spec.audio.sample_rate)
            tf.summary.image(f"spectrogram/{name}", spectrogram_image(wave)[None])
            self._writer.flush()

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
