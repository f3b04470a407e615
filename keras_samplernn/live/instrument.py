"""The thread that generates: what was asked for, at the start of each block; then the block, into the ring."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from keras_samplernn.conditions.streams import NONE, ClassesStream, Stream, Streams
from keras_samplernn.conditions.track import Item
from keras_samplernn.data.quantization import Quantizer
from keras_samplernn.data.wav_writer import as_read_back
from keras_samplernn.errors import UserError
from keras_samplernn.generation.deeds import Deed, Prime
from keras_samplernn.generation.engine import Carry
from keras_samplernn.generation.performance import Performance
from keras_samplernn.generation.played import Played
from keras_samplernn.generation.take import Done
from keras_samplernn.live.desk import Desk
from keras_samplernn.live.resampling import Resampler
from keras_samplernn.live.ring import Ring
from keras_samplernn.live.words import Message, Priming, Quit, Setting

MOST_SNAPSHOTS = 64
"""Names under which states of a voice may be kept."""
_REPLACED = "temperature", "seed", "mute"


class Primed(NamedTuple):
    """A recording that was read, and the state after it."""

    deed: Prime
    carry: Carry


class Recording:
    """What was played on a voice.

    Attributes:
        items: what was asked for, as `Played` tells it.
        deeds: what was done besides.
    """

    def __init__(self) -> None:
        self.items: list[tuple[Stream, Item]] = []
        self.deeds: list[Done] = []

    def add(self, sample: int, deed: Deed) -> None:
        """Note a deed; of several that replace each other at one sample, the last."""
        if (
            deed.do in _REPLACED
            and self.deeds
            and self.deeds[-1].sample == sample
            and self.deeds[-1].deed.do == deed.do
        ):
            self.deeds.pop()
        self.deeds.append(Done(sample=sample, deed=deed))


class Instrument:
    """Plays voices until it is told to quit.

    Args:
        performance: fresh; has a row for each voice.
        streams: of the model.
        sample_rate: of the model, in Hz.
        quantizer: of the model's codes.
        desk: what performers ask for.
        ring: gets the sound, `(n, channels)` at the rate of the output.
        resampler: to that rate.
        prime: called in a thread of its own with the path of a recording; returns what is done and the state after it.
        fade_samples: of the cross-fade from class to class.
        mixed: whether the voices are one channel, their mean; else each is a channel.
        recordings: one for each voice; None: nothing is recorded.
        most_samples: it ends after these; None: it goes on.

    Attributes:
        samples: number of samples of each voice that were put into the ring.
        failure: what ended the thread, if it did not end well.
    """

    def __init__(
        self,
        performance: Performance,
        streams: Streams,
        sample_rate: int,
        quantizer: Quantizer,
        desk: Desk,
        ring: Ring,
        resampler: Resampler,
        prime: Callable[[Path], Primed],
        fade_samples: int = 0,
        mixed: bool = True,
        recordings: Sequence[Recording] | None = None,
        most_samples: int | None = None,
    ):
        self._performance, self._streams, self._sample_rate = performance, streams, sample_rate
        self._desk, self._ring, self._resampler, self._prime = desk, ring, resampler, prime
        self._mixed, self._recordings, self._most = mixed, recordings, most_samples
        voices = performance.engine.rows
        self._decoders = [quantizer.decoder() for _ in range(voices)]
        self._played = [self._line(voice, fade_samples) for voice in range(voices)] if streams else []
        self._primers = ThreadPoolExecutor(1, "prime")
        self._primed: deque[Message] = deque()
        self._thread = threading.Thread(target=self._run, name="generate", daemon=True)
        self._ends = self._reading = False
        self.samples = 0
        self.failure: BaseException | None = None

    def _line(self, voice: int, fade_samples: int) -> Played:
        def keep(stream: Stream, item: Item) -> None:
            if self._recordings is not None:
                self._recordings[voice].items.append((stream, item))

        return Played(self._streams, self._sample_rate, fade_samples, keep)

    def start(self) -> None:
        """Begin to fill the ring."""
        self._thread.start()

    def quit(self) -> None:
        """End after the present block; what is in the ring may still be played."""
        self._ends = True

    def stop(self) -> None:
        """End at once, and wait for it; a block that does not fit into the ring any more is not played."""
        self.quit()
        self._ring.close()
        self._thread.join()
        self._primers.shutdown(wait=False, cancel_futures=True)

    def values(self) -> list[dict[str, str]]:
        """Return the value of each stream of each voice that was asked for last, as text."""
        streams = {stream.name: stream for stream in self._streams}
        return [
            {name: _shown(streams[name], value) for name, value in played.values.items()} for played in self._played
        ]

    def _run(self) -> None:
        try:
            while not self._ends:
                for message in self._desk.taken():
                    self._hear(message)
                while self._primed:
                    self._hear(self._primed.popleft())
                if self._ends or not self._block():
                    break
            for played in self._played:
                played.end()
            if self._resampler.holds:
                channels = 1 if self._mixed else len(self._decoders)
                self._ring.put(self._resampler(np.zeros((0, channels), np.float32), last=True))
        except BaseException as failure:  # told by the main thread
            self.failure = failure
        finally:
            self._ring.close()

    def _block(self) -> bool:
        """Generate a block and put it into the ring; return whether another one follows."""
        size = self._performance.engine.block_samples
        conditions: list[Any] = [played.take(size) for played in self._played] or [None] * len(self._decoders)
        codes = self._performance.advance(conditions)
        left = size if self._most is None else min(size, self._most - self.samples)
        waves = [as_read_back(decode(row[:left])) for decode, row in zip(self._decoders, codes, strict=True)]
        sound = np.mean(waves, axis=0)[:, None] if self._mixed else np.stack(waves, axis=1)
        if not self._ring.put(self._resampler(sound)):
            return False
        self.samples += left
        return self.samples != self._most

    def _hear(self, message: Message) -> None:
        asked = message.asked
        voices = range(len(self._decoders)) if message.voice is None else (message.voice,)
        match asked:
            case Quit():
                self.quit()
            case Priming():
                if self._reading:
                    self._desk.refuse(f"prime {asked.path}: the recording before is still being read; ask again")
                else:
                    self._reading = True
                    self._primers.submit(self._read_primer, message.voice, asked.path)
            case Setting():
                for voice in voices:
                    self._played[voice].set(asked.stream, asked.value)
            case _:
                for voice in voices:
                    self._do(voice, asked)

    def _do(self, voice: int, asked: Any) -> None:
        deed, carry = asked if isinstance(asked, Primed) else (asked, None)
        kept = self._performance.kept(voice)
        if deed.do == "restore" and deed.value not in kept:
            self._desk.refuse(f'restore "{deed.value}": voice {voice + 1} has no snapshot of this name')
        elif deed.do == "snapshot" and deed.value not in kept and len(kept) >= MOST_SNAPSHOTS:
            self._desk.refuse(
                f'snapshot "{deed.value}": voice {voice + 1} has {len(kept)}; give the name of one of these'
            )
        else:
            self._performance.do(voice, deed, carry)
            if self._recordings is not None:
                self._recordings[voice].add(self.samples, deed)

    def _read_primer(self, voice: int | None, path: Path) -> None:
        try:
            self._primed.append(Message(voice, self._prime(path)))
            self._desk.tell(f"prime: goes on from {path}")
        except UserError as error:
            self._desk.refuse(f"prime: {error}")
        finally:
            self._reading = False


def _shown(stream: Stream, value: float) -> str:
    if isinstance(stream, ClassesStream):
        return "none" if value == NONE else stream.classes[value]
    return "none" if np.isnan(value) else f"{value:g}"
