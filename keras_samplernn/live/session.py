"""The `live` command: check everything, load the model, then play until it is told to quit."""

import contextlib
import functools
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_samplernn import __version__
from keras_samplernn.checkpoints.checkpoint import Checkpoint
from keras_samplernn.checkpoints.shelf import choose_checkpoint, load_chosen
from keras_samplernn.conditions.streams import streams_of
from keras_samplernn.data.pairs import sound_stem
from keras_samplernn.data.quantization import Quantizer
from keras_samplernn.errors import UserError, collect
from keras_samplernn.files import make_folder
from keras_samplernn.generation.deeds import Prime
from keras_samplernn.generation.engine import GenerationEngine
from keras_samplernn.generation.entry import model_digest, primer_digest
from keras_samplernn.generation.files import Tools
from keras_samplernn.generation.performance import Performance
from keras_samplernn.generation.primer import read_primer
from keras_samplernn.generation.take import Take, write_take
from keras_samplernn.live.desk import Desk
from keras_samplernn.live.display import Display
from keras_samplernn.live.instrument import Instrument, Primed, Recording
from keras_samplernn.live.lines import start_lines
from keras_samplernn.live.midi import MidiKeys, open_midi
from keras_samplernn.live.osc import OscServer, place_of
from keras_samplernn.live.outputs import Device, Output, PcmStream, WavFile, is_stdout, is_wav
from keras_samplernn.live.request import LiveRequest
from keras_samplernn.live.resampling import Resampler
from keras_samplernn.live.ring import Ring
from keras_samplernn.live.words import help_lines
from keras_samplernn.model.assembly import assemble
from keras_samplernn.model.memory import check_generation_memory, outline, telling_exhaustion
from keras_samplernn.model.samplernn import SampleRNN
from keras_samplernn.run_folder import RunFolder

STEM = "live"


class Session:
    """A performance with a run's model, from its check to its takes.

    Args:
        run: with a checkpoint.
        request: the options of the command.
        say: called with each message.
        tools: what some options need.

    Raises:
        UserError: one line for each problem; nothing is written then.
    """

    def __init__(self, run: RunFolder, request: LiveRequest, say: Callable[[str], None], tools: Tools):
        self._run, self._request, self._say, self._tools = run, request, say, tools
        self._streams, self._rate = streams_of(run.spec), run.spec.audio.sample_rate
        self._quantizer = Quantizer.of(run.spec.audio)
        self._places = request.takes()
        problems: list[str] = []
        collect(problems, request.check)
        if request.osc is not None:
            self._osc_place = collect(problems, place_of, request.osc)
        if request.raw_weights:
            collect(problems, tools.check_raw_weights, run)
        outlined = outline(run.spec)
        collect(problems, check_generation_memory, run.spec, outlined)
        self._chosen = collect(problems, choose_checkpoint, run.checkpoints_folder, request.checkpoint, outlined, say)
        if problems:
            raise UserError(*problems)

    def play(self) -> None:
        """Load the model and play, until it is told to quit or the time is over; then write the takes."""
        request = self._request
        began = time.monotonic()
        too_many = f"{request.voices} voices", "lower --voices"
        with telling_exhaustion(self._run.folder, *too_many):
            performance, digest = self._performance()
        channels = request.voices if request.channels else 1
        rate = request.rate or self._rate
        ring, desk = Ring(request.ahead, channels), Desk(self._streams, request.voices, self._say)
        recordings = [Recording() for _ in range(request.voices)] if self._places else None
        instrument = Instrument(
            performance,
            self._streams,
            self._rate,
            self._quantizer,
            desk,
            ring,
            Resampler(self._rate, rate, channels),
            functools.partial(self._prime, performance),
            round(request.fade * self._rate / 1000),
            not request.channels,
            recordings,
            None if request.seconds is None else round(request.seconds * self._rate),
        )
        block = round(performance.engine.block_samples * rate / self._rate)
        display = Display(rate)
        with contextlib.ExitStack() as held:
            output = held.enter_context(self._output(rate, channels, block))
            held.callback(display.end)
            status = functools.partial(self._status, display, instrument, desk, output)
            self._listen(desk, status, held)
            instrument.start()
            self._say(
                f"{self._run.folder}: {self._chosen.folder.name}, {self._rate} Hz, blocks of"
                f" {1000 * performance.engine.block_samples / self._rate:.1f} ms, playing after"
                f" {time.monotonic() - began:.1f} s; say:"
            )
            for line in help_lines(self._streams):
                self._say(f"  {line}")

            def show() -> None:
                display.show(self._line(instrument, output))

            held.enter_context(_quitting_by_signal(instrument))
            try:
                output.play(ring, display.on_block, show)
            finally:
                instrument.stop()
                self._write_takes(performance, digest, instrument, recordings)
        if instrument.failure is not None:
            raise instrument.failure
        self._say(
            f"played {display.seconds:.1f} s: {desk.heard:,} messages heard, {desk.refused:,} refused,"
            f" {desk.dropped:,} dropped, {output.late:,} underruns"
        )

    def _performance(self) -> tuple[Performance, str]:
        """Return a fresh performance, whose engine is compiled, and the digest of the model."""
        request, spec = self._request, self._run.spec
        model = assemble(spec)

        def load(checkpoint: Checkpoint, model: SampleRNN) -> None:
            if request.raw_weights:
                self._tools.load_raw_weights(spec, checkpoint, model)
            else:
                checkpoint.load_weights(model)

        self._chosen = load_chosen(self._chosen, request.checkpoint, model, self._say, load)
        engine = GenerationEngine(
            model,
            self._quantizer.silence,
            request.voices,
            request.block,
            request.precision,
            fades=request.fade > 0,
        )
        weights = engine.weights()

        def fresh() -> Performance:
            return Performance(
                engine, weights, self._quantizer, self._rate, self._stems(), request.seed, request.temperature
            )

        fresh().advance([None] * request.voices)  # compiles
        return fresh(), model_digest(spec, self._chosen.digest())

    def _stems(self) -> list[str]:
        if self._places:
            return [sound_stem(path) for path in self._places]
        voices = self._request.voices
        return [STEM] if voices == 1 else [f"{STEM}_{number}" for number in range(1, voices + 1)]

    def _output(self, rate: int, channels: int, block: int) -> Output:
        out = self._request.out
        if is_stdout(out):
            return PcmStream(sys.stdout.buffer, rate, block)
        if is_wav(out):
            make_folder(Path(out).parent)
            return WavFile(Path(out), rate, channels)
        return Device(out, rate, channels, block)

    def _listen(self, desk: Desk, status: Callable[[], list[Any]], held: contextlib.ExitStack) -> None:
        request = self._request
        if request.osc is not None:
            server = OscServer(self._osc_place, self._streams, request.voices, desk, status, self._say)
            held.callback(server.close)
            self._say(f"OSC at port {server.port}")
        if request.midi is not None:
            keys = MidiKeys(f"--midi {request.midi}", self._streams, request.voices, desk)
            held.enter_context(contextlib.closing(open_midi(request.midi, keys)))
            for line in keys.describe():
                self._say(line)
        if sys.stdin is not None:
            start_lines(sys.stdin, desk)

    def _prime(self, performance: Performance, path: Path) -> Primed:
        primer = read_primer(self._run.spec, path, self._say)
        wave, conditions = primer
        codes = np.concatenate([*self._quantizer.encode_blocks(wave)])
        deed = Prime(value=str(path.absolute()), sha256=primer_digest(primer))
        return Primed(deed, performance.primed(codes, conditions))

    def _line(self, instrument: Instrument, output: Output) -> str:
        values = [" ".join(f"{name} {value}" for name, value in voice.items()) for voice in instrument.values()]
        return "  ".join([*values, f"{output.late} underruns"])

    def _status(self, display: Display, instrument: Instrument, desk: Desk, output: Output) -> list[Any]:
        figures: list[Any] = ["seconds", float(display.seconds), "underruns", output.late]
        figures += ["heard", desk.heard, "refused", desk.refused, "dropped", desk.dropped]
        for number, values in enumerate(instrument.values(), 1):
            for name, value in values.items():
                figures += [f"{number}/{name}", value]
        return figures

    def _write_takes(
        self,
        performance: Performance,
        digest: str,
        instrument: Instrument,
        recordings: Sequence[Recording] | None,
    ) -> None:
        for number, (path, recording) in enumerate(zip(self._places, recordings or (), strict=True)):
            take = Take(
                version=__version__,
                checkpoint=self._chosen.folder.name,
                model_sha256=digest,
                stem=sound_stem(path),
                samples=instrument.samples,
                sample_rate=self._rate,
                seed=self._request.seed,
                temperature=self._request.temperature,
                voices=self._request.voices,
                voice=number,
                block_samples=performance.engine.block_samples,
                precision=self._request.precision,
                fades=performance.engine.fades,
                deeds=recording.deeds,
            )
            make_folder(path.parent)
            write_take(path, take, self._streams, recording.items)
            self._say(f"{path}: what was played{'' if self._request.voices == 1 else f' on voice {number + 1}'}")


@contextlib.contextmanager
def _quitting_by_signal(instrument: Instrument) -> Iterator[None]:
    """Within the block, let a first Ctrl-C or SIGTERM end the performance as `quit` does; another breaks it off."""
    before: dict[signal.Signals, Any] = {}

    def end(number: int, _frame: object) -> None:
        instrument.quit()
        signal.signal(number, before[signal.Signals(number)])

    for number in (signal.SIGINT, signal.SIGTERM):
        before[number] = signal.getsignal(number)
        if before[number] != signal.SIG_IGN:
            signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
