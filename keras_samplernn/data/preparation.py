"""Preparing a corpus: sounds and conditions to flat arrays."""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from keras_samplernn.data.audio import to_mono_at_rate
from keras_samplernn.data.cache import writing_cache
from keras_samplernn.data.conditioning import read_conditions, resample_conditions
from keras_samplernn.data.decoding import decode_files
from keras_samplernn.data.inspection import AudioInfo, inspect_audio
from keras_samplernn.data.manifest import MANIFEST
from keras_samplernn.data.pairs import Pair
from keras_samplernn.data.quantization import Quantizer
from keras_samplernn.errors import UserError, collect

# Part of every key: raise it when a change of the program changes the arrays.
FORMAT = 1
CODES, CONDITIONS = "codes.bin", "conditions.bin"
_NAMED_FILES = 3


@dataclass(frozen=True)
class CorpusSettings:
    """The settings that prepared arrays depend on.

    Attributes:
        sample_rate: in Hz; sounds of other rates are resampled.
        quantizer: turns waves into codes.
        classes: the number of classes, or their names; 0 for an unconditional corpus.
    """

    sample_rate: int
    quantizer: Quantizer
    classes: int | tuple[str, ...]

    @property
    def class_count(self) -> int:
        """The number of classes; 0 for an unconditional corpus."""
        return self.classes if isinstance(self.classes, int) else len(self.classes)

    def to_dict(self) -> dict:
        """Return the settings as JSON values."""
        classes = self.classes if isinstance(self.classes, int) else list(self.classes)
        quantizer = self.quantizer
        return {
            "sample_rate": self.sample_rate,
            "q_type": quantizer.q_type,
            "q_levels": quantizer.q_levels,
            "classes": classes,
        }


def write_corpus(
    pairs: Sequence[Pair], hashes: Sequence[tuple[str, str | None]], settings: CorpusSettings, folder: Path
) -> None:
    """Decode, resample and quantize `pairs` into flat arrays and a manifest in the empty `folder`.

    Args:
        pairs: the sounds and their conditions.
        hashes: for each pair the SHA-256 of the audio file and of the condition file (or None).
        settings: rate, quantizer, classes.
        folder: the folder of the new files, in the cache.

    Raises:
        UserError: every problem of every file, one line each; or the cache cannot be written.
    """
    problems: list[str] = []
    notes = _Notes()
    sounds: list[dict] = []
    with (
        _FlatFile(folder / CODES, settings.quantizer.q_levels) as codes,
        _FlatFile(folder / CONDITIONS, settings.class_count) as conditions,
    ):
        for pair, pair_hashes, info, wave in zip(pairs, hashes, *_decode(pairs, settings.sample_rate), strict=True):
            classes = mono = None
            if isinstance(wave, UserError):
                problems += wave.lines
            else:
                mono = to_mono_at_rate(wave, info.sample_rate, settings.sample_rate)
                if not len(mono):
                    problems.append(f"{pair.audio}: has 0 samples at {settings.sample_rate} Hz; move it away")
            if pair.conditions:
                length = None if mono is None else len(wave)
                classes = collect(problems, read_conditions, pair.conditions, settings.classes, length)
            if problems:
                continue  # The other files are still checked, so that all problems are told together.
            notes.add_sound(pair.name, info, mono, settings.sample_rate)
            sounds.append(
                {
                    "name": pair.name,
                    "start": codes.samples,
                    "samples": len(mono),
                    "sha256": pair_hashes[0],
                    "conditions_sha256": pair_hashes[1],
                }
            )
            for block in settings.quantizer.encode_blocks(mono):
                codes.append(block)
            if classes is not None:
                conditions.append(resample_conditions(classes, len(mono)))
    if problems:
        raise UserError(*problems)
    manifest = {
        "format": FORMAT,
        "settings": settings.to_dict(),
        "samples": codes.samples,
        "sounds": sounds,
        "code_counts": codes.counts.tolist(),
        "class_counts": conditions.counts.tolist(),
        "notes": [*notes.lines(), *_absent_classes(conditions.counts, settings.classes)],
    }
    with writing_cache():
        (folder / MANIFEST).write_bytes(json.dumps(manifest, indent=1).encode())


def _decode(
    pairs: Sequence[Pair], sample_rate: int
) -> tuple[list[AudioInfo | UserError], Iterator[np.ndarray | UserError]]:
    """Return the header of each sound, and an iterator over the waves; for a faulty header its error is in both."""
    infos: list[AudioInfo | UserError] = []
    for pair in pairs:
        try:
            infos.append(inspect_audio(pair.audio, sample_rate))
        except UserError as error:
            infos.append(error)
    waves = decode_files([info for info in infos if isinstance(info, AudioInfo)])
    return infos, (info if isinstance(info, UserError) else next(waves) for info in infos)


class _FlatFile:
    """A new file of integers 0..levels-1 end to end, and the counts of them."""

    def __init__(self, path: Path, levels: int):
        self._dtype = array_dtype(levels)
        self.counts = np.zeros(levels, np.int64)
        self.samples = 0
        with writing_cache():
            self._file = path.open("wb")

    def append(self, values: np.ndarray) -> None:
        with writing_cache():
            self._file.write(values.astype(self._dtype).tobytes())
        self.counts += np.bincount(values, minlength=len(self.counts))
        self.samples += len(values)

    def __enter__(self) -> "_FlatFile":
        return self

    def __exit__(self, failure: type[BaseException] | None, *_) -> None:
        # On a full disk closing fails too; the first failure is the one to tell.
        with writing_cache() if failure is None else suppress(OSError):
            self._file.close()


def array_dtype(levels: int) -> np.dtype:
    """Return the type on disk of integers 0..levels-1."""
    return np.dtype(np.uint8 if levels <= 256 else "<u2")


class _Notes:
    """What was done to the sounds, in one line for each kind of change."""

    def __init__(self):
        self._sounds: dict[str, list[str]] = {}

    def add_sound(self, name: str, info: AudioInfo, mono: np.ndarray, sample_rate: int) -> None:
        if info.channels > 1:
            self._add("mixed down to mono", f"{name} ({info.channels} channels)")
        if info.sample_rate != sample_rate:
            self._add(f"resampled to {sample_rate} Hz", f"{name} ({info.sample_rate} Hz)")
        clipped = np.count_nonzero(mono > 1) + np.count_nonzero(mono < -1)
        if clipped:
            self._add("clipped to [-1, 1]", f"{name} ({clipped} of {len(mono)} samples)")

    def _add(self, kind: str, sound: str) -> None:
        self._sounds.setdefault(kind, []).append(sound)

    def lines(self) -> list[str]:
        return [f"{kind}: {_first_few(sounds)}" for kind, sounds in self._sounds.items()]


def _absent_classes(counts: np.ndarray, classes: int | tuple[str, ...]) -> list[str]:
    absent = [str(number) if isinstance(classes, int) else classes[number] for number in np.flatnonzero(counts == 0)]
    return [f"{len(absent)} of {len(counts)} classes never occur: {', '.join(absent)}"] if absent else []


def _first_few(sounds: list[str]) -> str:
    more = len(sounds) - _NAMED_FILES
    return ", ".join(sounds[:_NAMED_FILES]) + (f" and {more:,} more" if more > 0 else "")
