"""A prepared corpus: decoded and quantized once, then read from the cache."""

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from keras_samplernn.conditions.columns import Columns
from keras_samplernn.conditions.streams import Streams
from keras_samplernn.data.cache import cache_folder, staged_entry
from keras_samplernn.data.hashes import RememberedHashes
from keras_samplernn.data.inspection import has_tensorflow_io
from keras_samplernn.data.manifest import read_manifest
from keras_samplernn.data.pairs import Pair
from keras_samplernn.data.preparation import CODES, FORMAT, CorpusSettings, array_dtype, write_corpus
from keras_samplernn.data.tracks import open_tracks
from keras_samplernn.errors import UserError, collect


@dataclass(frozen=True)
class SoundEntry:
    """One sound: its place in the codes, `start` to `start + samples`, and its conditions, or None."""

    name: str
    start: int
    samples: int
    columns: Columns | None = None


@dataclass(frozen=True, eq=False)
class Corpus:
    """A prepared corpus: flat arrays that are mapped from the disk.

    Attributes:
        folder: its folder in the cache.
        sounds: in the order of the pairs.
        codes: (samples,) uint8, or uint16 above 256 levels.
        streams: the condition streams; none in an unconditional corpus.
        code_counts: (q_levels,) int64, the number of samples of each code.
        class_counts: for each stream of classes (classes,) int64, the number of samples of each class.
        lost: a line for each kind of reason why a part of the sounds is not read.
        manifest: everything but the arrays, as JSON: settings, counts, notes, and for each sound its name, SHA-256,
            samples and start.
    """

    folder: Path
    sounds: list[SoundEntry]
    codes: np.ndarray
    streams: Streams
    code_counts: np.ndarray
    class_counts: dict[str, np.ndarray]
    lost: list[str]
    manifest: dict

    @property
    def samples(self) -> int:
        """Number of samples of all sounds together."""
        return len(self.codes)

    @property
    def unigram_entropy_bits(self) -> float:
        """Entropy of the codes' frequencies in bits per sample: the loss of a model that knows only these."""
        shares = self.code_counts[self.code_counts > 0] / self.samples
        # Negated, the 0 of a constant corpus would be -0.
        return float(0 - (shares * np.log2(shares)).sum())

    @cached_property
    def fades(self) -> bool:
        """Whether the classes of any sound cross-fade."""
        return any(sound.columns is not None and sound.columns.fades for sound in self.sounds)

    @classmethod
    def open(cls, folder: Path, streams: Streams) -> "Corpus":
        """Map the prepared corpus in `folder`; ValueError or OSError where it is damaged or missing."""
        manifest = read_manifest(folder)
        settings, sounds = manifest["settings"], manifest["sounds"]
        dtype = array_dtype(settings["q_levels"])
        if (folder / CODES).stat().st_size != manifest["samples"] * dtype.itemsize:
            raise ValueError(f"{folder / CODES} does not have the length that the manifest states")
        if [stream["name"] for stream in settings["streams"]] != [stream.name for stream in streams]:
            raise ValueError(f"{folder} has other streams")
        tracks = open_tracks(folder, streams, [s["samples"] for s in sounds], [s["spans"] for s in sounds])
        columns = [Columns(track, streams, settings["sample_rate"]) if streams else None for track in tracks]
        return cls(
            folder=folder,
            sounds=[
                SoundEntry(sound["name"], sound["start"], sound["samples"], each)
                for sound, each in zip(sounds, columns, strict=True)
            ],
            codes=np.memmap(folder / CODES, dtype, mode="r"),
            streams=streams,
            code_counts=np.array(manifest["code_counts"], np.int64),
            class_counts={name: np.array(counts, np.int64) for name, counts in manifest["class_counts"].items()},
            lost=manifest["lost"],
            manifest=manifest,
        )


def prepare_corpus(
    pairs: Sequence[Pair], settings: CorpusSettings, say: Callable[[str], None], known: Sequence[str] = ()
) -> Corpus:
    """Return the prepared corpus of `pairs`: from the cache, or decoded, resampled, quantized and put there.

    The key of an entry is made of the content: SHA-256 of every file, the names, the settings. The memory needed
    depends on the longest few files, not on the whole corpus.

    Args:
        pairs: as found by `find_pairs`.
        settings: rate, quantizer, streams.
        say: called with lines for people: what was mixed down, resampled, clipped; classes that never occur.
        known: problems that were found before; nothing is put into the cache, and they are raised with all others.

    Raises:
        UserError: every problem of every file, one line each; the cache stays as it was. Or the cache cannot be
            written, or the process that decodes compressed files cannot start.
    """
    problems = [*known]
    pairs, hashes = _hash_files(pairs, problems)
    identity = {
        "format": FORMAT,
        "settings": settings.to_dict(),
        # Two decoders of a lossy format differ in the last bits.
        "tensorflow_io": has_tensorflow_io(),
        "sounds": [[pair.name, *hashes_of_pair] for pair, hashes_of_pair in zip(pairs, hashes, strict=True)],
    }
    folder = cache_folder() / hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:32]
    corpus = _open_if_whole(folder, settings.streams)
    if corpus is None:

        def is_whole(entry: Path) -> bool:
            return _open_if_whole(entry, settings.streams) is not None

        with staged_entry(folder.name, is_whole) as staged:
            write_corpus(pairs, hashes, settings, staged, problems)
        corpus = _open_prepared(folder, settings.streams)
    elif problems:
        raise UserError(*problems)
    for note in corpus.manifest["notes"]:
        say(note)
    return corpus


def _open_if_whole(folder: Path, streams: Streams) -> Corpus | None:
    with suppress(OSError, ValueError):
        return Corpus.open(folder, streams)
    return None


def _open_prepared(folder: Path, streams: Streams) -> Corpus:
    try:
        return Corpus.open(folder, streams)
    except OSError as error:
        raise UserError(f"{folder}: {error.strerror}; if the cache was cleared just now, try again") from None


def _hash_files(pairs: Sequence[Pair], problems: list[str]) -> tuple[list[Pair], list[tuple[str, str | None]]]:
    """Return the pairs that can be read, and the SHA-256 of the audio file and of the condition file of each."""
    remembered = RememberedHashes()
    readable, hashes = [], []
    for pair in pairs:
        faults = len(problems)
        both = tuple(path and collect(problems, remembered.sha256, path) for path in (pair.audio, pair.conditions))
        if len(problems) == faults:
            readable.append(pair)
            hashes.append(both)
    remembered.save()
    return readable, hashes
