"""The sounds of an audition, made as `generate` makes them, and what can be said of each."""

import contextlib
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from keras_samplernn.checkpoints.checkpoint import Checkpoint, DamagedCheckpoint
from keras_samplernn.conditions.streams import streams_of
from keras_samplernn.data.quantization import Quantizer
from keras_samplernn.data.wav_writer import as_read_back
from keras_samplernn.errors import UserError
from keras_samplernn.generation.engine import GenerationEngine
from keras_samplernn.generation.files import write_sounds
from keras_samplernn.generation.sound import Sound, any_fades, longest_first
from keras_samplernn.generation.stream import BLOCK_SAMPLES, stream_parts
from keras_samplernn.model.assembly import assemble
from keras_samplernn.model.scoring import Scorer
from keras_samplernn.spec import Spec


class Rendered(NamedTuple):
    """A sound.

    Attributes:
        sound: what was asked for.
        wav: the file, as `generate` writes it.
        wave: `(n,)` float32, what is heard.
        faults: as `FaultFinder.faults` returns them.
        bits: mean of the bits of its samples under the model that made it, at temperature 1.
    """

    sound: Sound
    wav: bytes
    wave: np.ndarray
    faults: dict[str, Any]
    bits: float


class Renderer:
    """Renders sounds from one checkpoint after the other; a loop is compiled once for all of them.

    Args:
        spec: of the run.
        rows: number of sounds side by side.
    """

    def __init__(self, spec: Spec, rows: int):
        self._spec, self._rows = spec, rows
        self._quantizer = Quantizer.of(spec.audio)
        self._model = assemble(spec)
        self._scorer = Scorer(self._model, self._quantizer.silence, spec.training.held_samples)
        self._engines: dict[bool, GenerationEngine] = {}

    def load(self, checkpoint: Checkpoint) -> None:
        """Take the weights of a checkpoint; UserError if `fit` has deleted it meanwhile."""
        try:
            checkpoint.load_weights(self._model)
        except DamagedCheckpoint as error:
            if checkpoint.folder.exists():
                raise
            raise UserError(f"{error}, since `fit` has deleted it meanwhile; give the command again") from None

    def render(self, sounds: Iterable[Sound], seed: int, on_samples: Callable[[int], None]) -> Iterator[Rendered]:
        """Yield sounds, each as soon as it is whole.

        Args:
            sounds: in any order.
            seed: seed of the uniforms.
            on_samples: called with the number of new samples of each piece.
        """
        # As `generate --starred` does, which knows nothing of the sounds beside a starred one.
        for fades in (False, True):
            some = [sound for sound in sounds if any_fades([sound]) == fades]
            if some:
                yield from self._render(some, fades, seed, on_samples)

    def _render(
        self, sounds: Sequence[Sound], fades: bool, seed: int, on_samples: Callable[[int], None]
    ) -> Iterator[Rendered]:
        if fades not in self._engines:
            self._engines[fades] = GenerationEngine(
                self._model, self._quantizer.silence, self._rows, BLOCK_SAMPLES, fades=fades
            )
        engine = self._engines[fades]
        weights = engine.weights()
        codes: dict[str, list[np.ndarray]] = {sound.name: [] for sound in sounds}
        ended: dict[str, tuple[Sound, dict[str, Any]]] = {}

        def keeping() -> Iterator[tuple[Sound, np.ndarray, bool]]:
            streamed = stream_parts(engine, weights, engine.silent_start(weights), longest_first(sounds), seed)
            for sound, piece, last in streamed:
                codes[sound.name].append(piece)
                yield sound, piece, last

        def note(sound: Sound, digest: str, faults: dict[str, Any]) -> None:
            ended[f"{sound.name}.wav"] = sound, faults

        with contextlib.ExitStack() as held:
            folder = Path(held.enter_context(tempfile.TemporaryDirectory()))
            streamed = held.enter_context(contextlib.closing(keeping()))
            audio, streams = self._spec.audio, streams_of(self._spec)
            written = write_sounds(streamed, audio, folder, on_samples, note=note, streams=streams)
            for path in held.enter_context(contextlib.closing(written)):
                sound, faults = ended.pop(path.name)
                made = np.concatenate(codes.pop(sound.name))
                wave = as_read_back(self._quantizer.decoder()(made))
                columns = None if sound.columns is None else sound.columns.piece(0, sound.samples)
                bits = float(self._scorer.sound(made, columns).mean())
                wav = path.read_bytes()
                path.unlink()
                yield Rendered(sound, wav, wave, faults, bits)
