"""An hour of one sound streams to disk: resident memory grows less than 50 MB after the first minute.

A fresh process generates one sound of 3,600 seconds at 8 kHz, 28.8 million samples, with the code that `generate` runs:
block after block from the compiled loop into the WAV file. Resident memory (VmRSS) is read when the first minute of
sound is done, everything compiled and loaded by then, and after every further minute; the growth is from the first of
these to the largest. The model is small (frames of 16 and 4, width 32, 256 levels), so that an hour takes minutes: its
size is in memory from the start on, and what could grow with the sound does not depend on it.

It runs once, whatever the number of repeats.
"""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import keras
import soundfile
from measuring import Figure, main
from synthetic import in_fresh_process

from keras_samplernn import SampleRNN
from keras_samplernn.data.quantization import Quantizer
from keras_samplernn.generation.engine import GenerationEngine
from keras_samplernn.generation.files import write_sounds
from keras_samplernn.generation.sound import Sound
from keras_samplernn.generation.stream import BLOCK_SAMPLES, stream_parts
from keras_samplernn.plugins.frame_rnn import FrameRNN
from keras_samplernn.plugins.sample_mlp import SampleMLP
from keras_samplernn.plugins.softmax import Softmax
from keras_samplernn.spec import Audio

SAMPLE_RATE, SOUND_MINUTES = 8000, 60
FRAMES, DIM, Q_LEVELS = (16, 4), 32, 256
MINUTE_SAMPLES = 60 * SAMPLE_RATE
MOST_GROWTH_MB = 50


def measure(repeats: int) -> Iterator[Figure]:
    """Yield the figures of one run."""
    del repeats
    resident_mb, speed = in_fresh_process(generate, SOUND_MINUTES)
    case = f"one sound of {SOUND_MINUTES} minutes"
    growth = max(resident_mb) - resident_mb[0]
    yield Figure(case, "growth of resident memory after the first minute", "MB", [growth], at_most=MOST_GROWTH_MB)
    yield Figure(case, "resident memory after the first minute", "MB", resident_mb[:1])
    yield Figure(case, "samples per second", "1/s", [speed])


def generate(minutes: int) -> tuple[list[float], float]:
    """Generate one sound to disk; return the resident memory in MB after each minute, and the samples per second.

    The speed counts what follows the first minute.

    Raises:
        RuntimeError: the file is not as long as was asked for.
    """
    keras.utils.set_random_seed(0)
    tiers = [FrameRNN(frame, dim=DIM) for frame in FRAMES]
    model = SampleRNN([*tiers, SampleMLP(DIM, emb_size=32, window=None)], Q_LEVELS, head=Softmax())
    audio = Audio(sample_rate=SAMPLE_RATE, q_type="mu-law", q_levels=Q_LEVELS)
    engine = GenerationEngine(model, Quantizer.of(audio).silence, 1, BLOCK_SAMPLES)
    sound = Sound("sound", "sound", minutes * MINUTE_SAMPLES, 1.0)
    resident_mb: list[float] = []
    done, times = 0, []

    def on_samples(samples: int) -> None:
        nonlocal done
        done += samples
        if done >= (len(times) + 1) * MINUTE_SAMPLES:
            times.append(time.perf_counter())
            resident_mb.append(_resident_mb())

    with tempfile.TemporaryDirectory() as name:
        weights = engine.weights()
        start = engine.silent_start(weights)
        streamed = stream_parts(engine, weights, start, [sound], 0)
        (path,) = write_sounds(streamed, audio, Path(name), on_samples)
        frames = soundfile.info(path).frames
    if frames != sound.samples:
        raise RuntimeError(f"the file holds {frames} samples, not {sound.samples}")
    return resident_mb, (len(times) - 1) * MINUTE_SAMPLES / (times[-1] - times[0])


def _resident_mb() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    (kilobytes,) = (line.split()[1] for line in lines if line.startswith("VmRSS:"))
    return int(kilobytes) * 1024 / 1e6


if __name__ == "__main__":
    main(measure, __doc__, repeats=1)
