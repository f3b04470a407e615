"""A prepared corpus: decoded and quantized once, then read from the cache."""

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from keras_samplernn.conditions.columns import Columns
from keras_samplernn.conditions.streams import Streams
from keras_samplernn.data.cache import cache_folder, part_name, preparing, staged_entry, writing_cache
from keras_samplernn.data.flat import EndToEnd
from keras_samplernn.data.inspection import has_tensorflow_io
from keras_samplernn.data.joining import join_manifests
from keras_samplernn.data.manifest import MANIFEST, read_manifest, read_part_manifest
from keras_samplernn.data.pairs import Pair
from keras_samplernn.data.parts import Part, divide, key_of, samples_in
from keras_samplernn.data.preparation import FORMAT, CorpusSettings, array_dtype
from keras_samplernn.data.prepared_part import Preparation, open_arrays
from keras_samplernn.data.sharing import prepare_parts
from keras_samplernn.errors import UserError
from keras_samplernn.shard import Shard


@dataclass(frozen=True)
class SoundEntry:
    """One sound: its place in the codes, `start` to `start + samples`, and its conditions, or None."""

    name: str
    start: int
    samples: int
    columns: Columns | None = None


@dataclass(frozen=True, eq=False)
class Corpus:
    """A prepared corpus: flat arrays that are mapped from the disk, of which only what is read is loaded.

    Attributes:
        folder: its folder in the cache.
        sounds: in the order of the pairs.
        codes: of all samples, uint8, or uint16 above 256 levels; read in slices.
        streams: the condition streams; none in an unconditional corpus.
        code_counts: (q_levels,) int64, the number of samples of each code.
        class_counts: for each stream of classes (classes,) int64, the number of samples of each class.
        lost: a line for each kind of reason why a part of the sounds is not read.
        manifest: everything but the arrays, as JSON: settings, counts, notes, the parts, and for each sound its name,
            SHA-256, samples and start.
    """

    folder: Path
    sounds: list[SoundEntry]
    codes: EndToEnd
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
        if [stream["name"] for stream in settings["streams"]] != [stream.name for stream in streams]:
            raise ValueError(f"{folder} has other streams")
        first, codes, tracks = 0, [], []
        for part in manifest["parts"]:
            last = first + part["sounds"]
            arrays = open_arrays(folder.with_name(part_name(part["key"])), settings, streams, sounds[first:last])
            codes.append(arrays.codes)
            tracks += arrays.tracks
            first = last
        columns = [Columns(track, streams, settings["sample_rate"]) if streams else None for track in tracks]
        return cls(
            folder=folder,
            sounds=[
                SoundEntry(sound["name"], sound["start"], sound["samples"], each)
                for sound, each in zip(sounds, columns, strict=True)
            ],
            codes=EndToEnd(codes, array_dtype(settings["q_levels"])),
            streams=streams,
            code_counts=np.array(manifest["code_counts"], np.int64),
            class_counts={name: np.array(counts, np.int64) for name, counts in manifest["class_counts"].items()},
            lost=manifest["lost"],
            manifest=manifest,
        )


def prepare_corpus(
    pairs: Sequence[Pair],
    settings: CorpusSettings,
    say: Callable[[str], None],
    known: Sequence[str] = (),
    processes: int = 1,
    show: Callable[[int, int], None] = lambda done, total: None,
) -> Corpus:
    """Return the prepared corpus of `pairs`: from the cache, or decoded, resampled, quantized and put there.

    The key of an entry is made of the content: SHA-256 of every file, the names, the settings. A corpus is prepared
    part by part, so that another call goes on where one was interrupted, and shares the work with one that is under
    way. The memory needed depends on the longest few files, not on the whole corpus.

    Args:
        pairs: as found by `find_pairs`.
        settings: rate, quantizer, streams.
        say: called with lines for people: what was mixed down, resampled, clipped; classes that never occur.
        known: problems that were found before; they are raised with all others.
        processes: how many decode at a time.
        show: called now and then with the estimated samples that are done, and those of all.

    Raises:
        UserError: every problem of every file, one line each; of the corpus, only parts without any are in the cache
            then. Or the cache cannot be written, or a process cannot start.
    """
    parts = divide(pairs, settings.to_dict())
    preparation = Preparation(settings, has_tensorflow_io())
    keys = [preparation.known_key(part) for part in parts]
    corpus = _open_if_whole(_folder(keys), settings.streams) if None not in keys else None
    problems = [*known]
    if corpus is None:
        with preparing():
            keys, found = _prepare_parts(parts, preparation, keys, processes, show)
            problems += found
            if not problems:
                corpus = _open_if_whole(_folder(keys), settings.streams) or _join(keys, settings)
    if problems:
        raise UserError(*problems)
    for note in corpus.manifest["notes"]:
        say(note)
    return corpus


def prepare_shard(
    pairs: Sequence[Pair],
    settings: CorpusSettings,
    shard: Shard,
    known: Sequence[str] = (),
    processes: int = 1,
    show: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[int, int]:
    """Prepare every N-th part of a corpus, which `prepare_corpus` finds in the cache then.

    Args:
        pairs, settings, known, processes, show: as for `prepare_corpus`.
        shard: of the parts.

    Returns:
        How many parts these are, and how many there are in all.

    Raises:
        UserError: as `prepare_corpus`, for these parts.
    """
    parts = divide(pairs, settings.to_dict())
    own = parts[shard.number - 1 :: shard.count]
    preparation = Preparation(settings, has_tensorflow_io())
    with preparing():
        _, problems = _prepare_parts(own, preparation, list(map(preparation.known_key, own)), processes, show)
    if problems := [*known, *problems]:
        raise UserError(*problems)
    return len(own), len(parts)


def _prepare_parts(
    parts: Sequence[Part],
    preparation: Preparation,
    keys: Sequence[str | None],
    processes: int,
    show: Callable[[int, int], None],
) -> tuple[list[str], list[str]]:
    """Prepare what is not in the cache; return the keys of all parts, and the problems.

    Args:
        parts: of a corpus.
        preparation: how.
        keys: the key of each part where it is known.
        processes, show: as for `prepare_corpus`.
    """
    absent = [n for n, key in enumerate(keys) if key is None or not preparation.is_whole(key)]
    there = samples_in(parts) - samples_in(parts[n] for n in absent)
    prepared = prepare_parts(
        [parts[n] for n in absent], preparation, processes, lambda done, total: show(there + done, there + total)
    )
    found = dict(zip(absent, prepared, strict=True))
    all_keys = [found[n].key if n in found else key for n, key in enumerate(keys)]
    return all_keys, [problem for each in prepared for problem in each.problems]


def _folder(keys: Sequence[str]) -> Path:
    return cache_folder() / key_of({"format": FORMAT, "parts": keys})


def _join(keys: Sequence[str], settings: CorpusSettings) -> Corpus:
    """Make the entry of a corpus with prepared parts, and open it."""
    folder = _folder(keys)

    def is_whole(entry: Path) -> bool:
        return _open_if_whole(entry, settings.streams) is not None

    try:
        manifests = {key: read_part_manifest(cache_folder() / part_name(key)) for key in keys}
        manifest = join_manifests(manifests, settings.streams, settings.sample_rate)
        with staged_entry(folder, is_whole) as staged, writing_cache():
            (staged / MANIFEST).write_bytes(json.dumps(manifest).encode())
        return Corpus.open(folder, settings.streams)
    except OSError as error:
        raise UserError(f"{folder}: {error.strerror}; if the cache was cleared just now, try again") from None


def _open_if_whole(folder: Path, streams: Streams) -> Corpus | None:
    with suppress(OSError, ValueError):
        return Corpus.open(folder, streams)
    return None
