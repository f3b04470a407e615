"""What makes a job's sounds on one device: the model with its weights, an engine, and how sounds begin."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from keras_samplernn.data.quantization import Quantizer
from keras_samplernn.generation.candidates import TAKE_BLOCK_SAMPLES, Choice
from keras_samplernn.generation.devices import gathered, on_device
from keras_samplernn.generation.engine import GenerationEngine
from keras_samplernn.generation.judges import Judge
from keras_samplernn.generation.performance import Performance
from keras_samplernn.generation.request import Job, Request
from keras_samplernn.generation.sound import Sound, longest_first
from keras_samplernn.generation.stream import BLOCK_SAMPLES, stream_parts
from keras_samplernn.model.assembly import assemble
from keras_samplernn.model.samplernn import SampleRNN
from keras_samplernn.model.scoring import Scorer
from keras_samplernn.shard import Shard
from keras_samplernn.spec import Spec

Streamed = Iterator[tuple[Sound, np.ndarray, bool]]


class Maker:
    """Makes sounds of a job on one device.

    Makers of several devices share nothing, so that each can run in a thread of its own.

    Args:
        device: name of the device; None: the one that TensorFlow chooses.
        spec: of the run.
        job: what is to be made. Its number of rows and its fades are those of every device: a loop of another shape may
            round differently.
        request: the options of the command.
        fill: called with the model; gives it its weights.

    Attributes:
        model: with its weights.
        last_before: the last sample of what each sound continues; 0 without a primer.
    """

    def __init__(self, device: str | None, spec: Spec, job: Job, request: Request, fill: Callable[[SampleRNN], object]):
        self._device, self._spec, self._job, self._request = device, spec, job, request
        self._quantizer = Quantizer.of(spec.audio)
        with on_device(device):
            self.model = assemble(spec)
            fill(self.model)
            self._engine = GenerationEngine(
                self.model,
                self._quantizer.silence,
                job.rows * request.candidates,
                BLOCK_SAMPLES if job.choosing is None else TAKE_BLOCK_SAMPLES,
                request.precision,
                job.fades,
                job.guidance,
            )
            self._weights = self._engine.weights()
        self._played_on: dict[tuple, GenerationEngine] = {}
        self.last_before = 0.0

    def begin(self) -> None:
        """Compute the state with which sounds begin, after the primer if there is one."""
        with on_device(self._device):
            if self._job.primer is None:
                self._start = self._engine.silent_start(self._weights)
                return
            wave, conditions = self._job.primer
            codes = np.concatenate([*self._quantizer.encode_blocks(wave)])
            self._start = self._engine.primed_start(self._weights, codes, conditions)
            self.last_before = self._quantizer.last_sample(codes)

    def stream(
        self, sounds: Sequence[Sound], judge: Judge | None, on_choice: Callable[[Sound, Choice], None]
    ) -> Streamed:
        """Yield sounds piece by piece, as `stream_parts` does.

        Args:
            sounds: in any order.
            judge: a listener, for takes that are chosen by what is heard.
            on_choice: called after each passage of which a take was chosen.
        """
        request, choosing = self._request, self._job.choosing
        takes = [sound for sound in sounds if sound.played is not None]
        sounds = [sound for sound in sounds if sound.played is None]
        beginning = self._engine, self._weights, self._start
        # With a device this runs in a thread of its own: its pieces are taken elsewhere, so the context holds for it.
        with on_device(self._device):
            for sound in takes:
                yield from self._play_again(sound)
            if choosing is None:
                yield from stream_parts(*beginning, longest_first(sounds), request.seed, request.guidance)
            else:
                yield from choosing.stream_chosen(
                    *beginning,
                    sounds,
                    request.seed,
                    request.guidance,
                    self._spec.audio.sample_rate,
                    Scorer(self.model, self._quantizer.silence, self._engine.block_samples),
                    judge,
                    on_choice,
                )

    def _play_again(self, sound: Sound) -> Streamed:
        """Yield the pieces of a sound that was played."""
        take = sound.played
        # As it was played: a loop of another shape may round differently.
        shape = take.voices, take.block_samples, take.precision, take.fades
        if shape not in self._played_on:
            self._played_on[shape] = GenerationEngine(self.model, self._quantizer.silence, *shape)
        engine = self._played_on[shape]
        rate, stems = self._spec.audio.sample_rate, [take.stem] * take.voices
        performance = Performance(engine, engine.weights(), self._quantizer, rate, stems, take.seed, take.temperature)
        carries = {
            digest: performance.primed(np.concatenate([*self._quantizer.encode_blocks(wave)]), conditions)
            for digest, (wave, conditions) in sound.primers.items()
        }
        yield sound, np.empty(0, np.int32), not take.samples
        done = 0
        for codes in take.codes(performance, sound.columns, carries):
            done += len(codes)
            yield sound, codes, done == take.samples


def stream_on(
    makers: Sequence[Maker],
    sounds: Sequence[Sound],
    judge: Judge | None,
    on_choice: Callable[[Sound, Choice], None],
) -> Streamed:
    """Yield sounds piece by piece; several makers share them, balanced by length, and run side by side.

    A sound does not depend on the device that makes it, as far as devices round alike.

    Args:
        makers: of one job.
        sounds: in any order.
        judge: see `Maker.stream`; called from several threads if there are several makers.
        on_choice: see `Maker.stream`; called from several threads too, for each sound from one of them.
    """
    if len(makers) == 1:
        return makers[0].stream(sounds, judge, on_choice)
    sizes = [sound.samples for sound in sounds]
    parts = [Shard(number, len(makers)).of(sounds, sizes) for number in range(1, len(makers) + 1)]
    return gathered(
        [
            lambda maker=maker, part=part: maker.stream(part, judge, on_choice)
            for maker, part in zip(makers, parts, strict=True)
        ]
    )
