"""Preparing a part of a corpus: sounds and conditions to flat arrays."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from keras_samplernn.conditions.streams import Streams
from keras_samplernn.conditions.track import Track
from keras_samplernn.data.audio import to_mono_at_rate
from keras_samplernn.data.cache import writing_cache
from keras_samplernn.data.decoding import Recording, decode_files
from keras_samplernn.data.flat import FlatWriter
from keras_samplernn.data.headers.header import Remark
from keras_samplernn.data.inspection import AudioInfo, inspect_audio
from keras_samplernn.data.manifest import MANIFEST
from keras_samplernn.data.notes import Notes
from keras_samplernn.data.pairs import Pair
from keras_samplernn.data.profiles import profile_of
from keras_samplernn.data.quantization import Quantizer
from keras_samplernn.data.sound_tracks import read_sound_track
from keras_samplernn.data.suspicions import sound_suspicions
from keras_samplernn.data.tracks import TrackWriter
from keras_samplernn.errors import UserError, collect

# Part of every key: raise it when a change of the program changes the arrays.
FORMAT = 5
CODES = "codes"
Hashes = tuple[str, str | None]


@dataclass(frozen=True)
class CorpusSettings:
    """The settings that prepared arrays depend on.

    Attributes:
        sample_rate: in Hz; sounds of other rates are resampled.
        quantizer: turns waves into codes.
        streams: the condition streams; none for an unconditional corpus.
        speed: how many times as fast sounds are, with their conditions.
    """

    sample_rate: int
    quantizer: Quantizer
    streams: Streams
    speed: float = 1.0

    def to_dict(self) -> dict:
        """Return the settings as JSON values."""
        quantizer = self.quantizer
        return {
            "sample_rate": self.sample_rate,
            "q_type": quantizer.q_type,
            "q_levels": quantizer.q_levels,
            # Without these, entries are those of earlier versions.
            **({"preemphasis": quantizer.preemphasis} if quantizer.preemphasis else {}),
            **({"speed": self.speed} if self.speed != 1 else {}),
            **({} if quantizer.mu is None else {"mu": quantizer.mu}),
            "streams": [{"kind": type(stream).__name__, **asdict(stream)} for stream in self.streams],
        }


def write_part(
    pairs: Sequence[Pair],
    hashes: Sequence[Hashes],
    settings: CorpusSettings,
    folder: Path,
    known: Sequence[str] = (),
    done: Callable[[Pair], None] = lambda pair: None,
) -> list[str]:
    """Decode, resample and quantize `pairs` into flat arrays and a manifest in the empty `folder`.

    Args:
        pairs: the sounds and their conditions.
        hashes: for each pair the SHA-256 of the audio file and of the condition file (or None).
        settings: rate, quantizer, streams.
        folder: the folder of the new files, in the cache.
        known: problems that were found before.
        done: called after each pair.

    Returns:
        The problems that were known, and every problem of every file, one line each; where there are any, what is in
        the folder is of no use.

    Raises:
        UserError: the cache cannot be written, or the process that decodes compressed files cannot start.
    """
    problems = [*known]
    notes = Notes()
    sounds: list[dict] = []
    samples, levels = 0, settings.quantizer.q_levels
    code_counts = np.zeros(levels, np.int64)
    with (
        FlatWriter(folder, CODES, array_dtype(levels)) as codes,
        TrackWriter(folder, settings.streams) as tracks,
    ):
        for pair, pair_hashes, info, recording in zip(
            pairs, hashes, *_decode(pairs, settings.sample_rate), strict=True
        ):
            done(pair)
            track = mono = None
            if isinstance(recording, UserError):
                problems += recording.lines
            else:
                mono = to_mono_at_rate(recording.wave, info.header.sample_rate, settings.sample_rate, settings.speed)
                if not len(mono):
                    problems.append(f"{pair.audio}: has 0 samples at {settings.sample_rate} Hz; move it away")
            if settings.streams:
                length = None if mono is None else len(recording.wave)
                said = "" if length is None else "; ".join(remark.kind for remark in recording.remarks)
                rate = settings.sample_rate if length is None else info.header.sample_rate
                files = pair.audio, pair.conditions
                track = collect(problems, read_sound_track, *files, settings.streams, rate, length, said, pair.folders)
            if problems:
                continue  # The other files are still checked, so that all problems are told together.
            notes.add(pair.name, recording.remarks)
            notes.add(pair.name, _changes(info, mono, settings.sample_rate))
            notes.add(pair.name, sound_suspicions(recording.wave, mono))
            with writing_cache():
                spans = tracks.append(track.resampled(len(mono)) if track else Track(len(mono), {}))
                for block in settings.quantizer.encode_blocks(mono):
                    codes.append(block)
                    code_counts += np.bincount(block, minlength=levels)
            sounds.append(
                {
                    "name": pair.name,
                    "start": samples,
                    "samples": len(mono),
                    "sha256": pair_hashes[0],
                    "conditions_sha256": pair_hashes[1],
                    "profile": profile_of(mono).hex(),
                    "spans": spans,
                }
            )
            samples += len(mono)
    if not problems:
        manifest = {
            "format": FORMAT,
            "settings": settings.to_dict(),
            "samples": samples,
            "sounds": sounds,
            "code_counts": code_counts.tolist(),
            "class_counts": {name: counts.tolist() for name, counts in tracks.class_counts.items()},
            "remarks": notes.to_json(),
        }
        with writing_cache():
            (folder / MANIFEST).write_bytes(json.dumps(manifest).encode())
    return problems


def _decode(
    pairs: Sequence[Pair], sample_rate: int
) -> tuple[list[AudioInfo | UserError], Iterator[Recording | UserError]]:
    """Return the header of each sound, and an iterator over the recordings; the error of a header is in both."""
    infos: list[AudioInfo | UserError] = []
    for pair in pairs:
        try:
            infos.append(inspect_audio(pair.audio, sample_rate))
        except UserError as error:
            infos.append(error)
    recordings = decode_files([info for info in infos if isinstance(info, AudioInfo)])
    return infos, (info if isinstance(info, UserError) else next(recordings) for info in infos)


def array_dtype(levels: int) -> np.dtype:
    """Return the type on disk of integers 0..levels-1."""
    return np.dtype(np.uint8 if levels <= 256 else "<u2")


def _changes(info: AudioInfo, mono: np.ndarray, sample_rate: int) -> Iterator[Remark]:
    """Yield a remark on each change of a sound."""
    if info.header.channels > 1:
        yield Remark("mixed down to mono", f"{info.header.channels} channels")
    if info.header.sample_rate != sample_rate:
        yield Remark(f"resampled to {sample_rate} Hz", f"{info.header.sample_rate} Hz")
    clipped = np.count_nonzero(mono > 1) + np.count_nonzero(mono < -1)
    if clipped:
        yield Remark("clipped to [-1, 1]", f"{clipped} of {len(mono)} samples")
