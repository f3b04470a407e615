"""Reads mutated sounds, batch after batch, and tells on stdout what came of each: a line of JSON a batch.

python audio_fuzzer.py FOLDER COUNT SEED
"""

import json
import os
import random
import resource
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import soundfile

from keras_samplernn.data.decoding import decode_files
from keras_samplernn.data.inspection import inspect_audio
from keras_samplernn.errors import UserError

BATCH = 500
SECONDS = 2.0
FORMATS = {
    "pcm16.wav": ("WAV", "PCM_16", 1),
    "pcm24.wav": ("WAV", "PCM_24", 2),
    "float.wav": ("WAV", "FLOAT", 1),
    "pcm8.wav": ("WAV", "PCM_U8", 1),
    "extensible.wav": ("WAVEX", "PCM_16", 2),
    "pcm16.flac": ("FLAC", "PCM_16", 1),
    "pcm24.flac": ("FLAC", "PCM_24", 2),
    "vorbis.ogg": ("OGG", "VORBIS", 1),
    "layer3.mp3": ("MP3", "MPEG_LAYER_III", 1),
    "pcm16.aiff": ("AIFF", "PCM_16", 2),
    "float.aifc": ("AIFF", "FLOAT", 1),
    "pcm24.caf": ("CAF", "PCM_24", 1),
    "pcm16.w64": ("W64", "PCM_16", 2),
    "ulaw.au": ("AU", "ULAW", 1),
    "opus.opus": ("OGG", "OPUS", 1),
}
EXTREMES = [b"\0" * 4, b"\xff" * 4, b"\xff\xff\xff\x7f", b"\0\0\0\x80", b"\1\0\0\0", b"\0\x94\x35\x77"]


def write_seeds(folder: Path) -> dict[str, bytes]:
    """Return a short sound in every format."""
    seeds = {}
    for name, (format_, subtype, channels) in FORMATS.items():
        wave = 0.5 * np.sin(0.1 * np.arange(3000))[:, None] * np.ones(channels)
        soundfile.write(folder / name, wave, 16000, subtype, format=format_)
        seeds[name] = (folder / name).read_bytes()
        (folder / name).unlink()
    return seeds


def mutate(data: bytes, others: list[bytes], source: random.Random) -> bytes:
    """Change a file in one to four ways, its head more often than the rest."""
    data = bytearray(data)
    for _ in range(source.randint(1, 4)):
        if not data:
            break
        place = source.randrange(min(len(data), source.choice([64, 256, len(data)])))
        match source.randrange(8):
            case 0 | 1:
                data[place] ^= 1 << source.randrange(8)
            case 2:
                data[place] = source.randrange(256)
            case 3:
                data[place : place + 4] = source.choice(EXTREMES)
            case 4:
                del data[place:]
            case 5:
                del data[place : place + source.randint(1, 64)]
            case 6:
                data[place:place] = data[: source.randint(1, 64)]
            case 7:
                other = source.choice(others)
                start = source.randrange(len(other))
                data[place : place + 64] = other[start : start + 64]
    return bytes(data)


def read(paths: list[Path]) -> dict[Path, tuple[str, bool]]:
    """Read files as a corpus is read; return what came of each, and whether it kept this or another process busy."""
    outcomes, infos, began = {}, [], time.process_time()

    def note(path: Path, outcome: str, ended: bool = True) -> None:
        nonlocal began
        now = time.process_time()
        outcomes[path], began = (outcome, not ended or now - began > SECONDS), now

    for path in paths:
        try:
            infos.append(inspect_audio(path))
        except UserError as error:
            check_words(error)
            note(path, "refused by its header")
    for info, recording in zip(infos, decode_files(infos), strict=True):
        if isinstance(recording, UserError):
            check_words(recording)
            note(info.path, "refused by its decoder", ended="took too long" not in str(recording))
        else:
            wave, remarks = recording
            assert all(len(remark.kind) + len(remark.detail) < 200 for remark in remarks), remarks
            assert wave.dtype == np.float32, info
            assert wave.ndim == 2, info
            assert np.isfinite(wave).all(), info
            note(info.path, "read with a remark" if remarks else "valid")
    return outcomes


def check_words(error: UserError) -> None:
    (line,) = error.lines
    assert len(line) < 600, line
    assert "\n" not in line, line


def peak_kb() -> int:
    """Return the most memory that this process or one of its workers ever had."""
    return max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def main(folder: Path, count: int, seed: int) -> None:
    source = random.Random(seed)
    seeds = write_seeds(folder)
    names, contents = list(seeds), list(seeds.values())
    whole = [folder / name for name in names]
    for path, content in zip(whole, contents, strict=True):
        path.write_bytes(content)
    read(whole)  # what importing the decoders takes is not counted
    before, done = peak_kb(), 0
    while done < count:
        paths = []
        for number in range(min(BATCH, count - done)):
            name = source.choice(names)
            paths.append(folder / f"{done + number:06d}_{name}")
            paths[-1].write_bytes(mutate(seeds[name], contents, source))
        # In one go with files that nothing was done to, since a worker takes seconds to start.
        outcomes = read([*whole, *paths])
        assert {outcomes.pop(path)[0] for path in whole} == {"valid"}
        slow = [path for path, (_, busy) in outcomes.items() if busy and read([path])[path][1]]
        done += len(paths)
        counts = Counter(outcome for outcome, _ in outcomes.values())
        report = {"done": done, "slow": [path.read_bytes().hex() for path in slow], "grown_kb": peak_kb() - before}
        print(json.dumps(report | counts), flush=True)
        for path in paths:
            path.unlink()


if __name__ == "__main__":
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
