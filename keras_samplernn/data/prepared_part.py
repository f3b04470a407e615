"""One part in the cache: found there, or prepared unless another process is at it."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from keras_samplernn.conditions.streams import Streams, stream_from_folder
from keras_samplernn.conditions.track import Track
from keras_samplernn.data.cache import cache_folder, part_name, remove_abandoned, staged_entry
from keras_samplernn.data.claims import Claim, claimed
from keras_samplernn.data.flat import EndToEnd, open_flat
from keras_samplernn.data.hashes import RememberedHashes
from keras_samplernn.data.manifest import read_part_manifest
from keras_samplernn.data.pairs import Pair
from keras_samplernn.data.parts import Part, key_of
from keras_samplernn.data.preparation import CODES, FORMAT, CorpusSettings, Hashes, array_dtype, write_part
from keras_samplernn.data.tracks import open_tracks
from keras_samplernn.errors import collect


class Prepared(NamedTuple):
    """What became of a part.

    Attributes:
        key: of its folder in the cache.
        problems: a line for each problem of its files; where there are any, it is not in the cache.
        fresh: whether its sounds were decoded just now.
    """

    key: str
    problems: list[str]
    fresh: bool


@dataclass(frozen=True)
class Preparation:
    """How the parts of a corpus are prepared.

    Attributes:
        settings: rate, quantizer, streams.
        tensorflow_io: whether tensorflow-io decodes what it can; two decoders of a lossy format differ in the last
            bits.
    """

    settings: CorpusSettings
    tensorflow_io: bool

    def known_key(self, part: Part) -> str | None:
        """Return the key of a part if the hash of every file is remembered; no file is read."""
        remembered = RememberedHashes(part.table)
        hashes = []
        for pair in part.pairs:
            both = tuple(path and remembered.known(path) for path in (pair.audio, pair.conditions))
            if not both[0] or (pair.conditions and not both[1]):
                return None
            hashes.append(both)
        return self._key(part.pairs, hashes)

    def is_whole(self, key: str) -> bool:
        """Return whether a part is in the cache and not damaged."""
        return _is_whole(cache_folder() / part_name(key), self.settings.streams)

    def prepare(self, part: Part, done: Callable[[int], None]) -> Prepared | None:
        """Prepare a part unless it is in the cache; None: another process is at it.

        Args:
            part: of the corpus.
            done: called with the estimated samples of each sound that was decoded.

        Raises:
            UserError: the cache cannot be written, or the process that decodes compressed files cannot start.
        """
        with claimed(part.claim) as claim:
            if claim is Claim.TAKEN:
                return None
            problems: list[str] = []
            pairs, hashes = _hash_files(part, problems)
            key = self._key(pairs, hashes)
            if not problems and self.is_whole(key):
                return Prepared(key, [], fresh=False)
            folder = cache_folder() / part_name(key)
            if claim is Claim.HELD:
                remove_abandoned(folder)
            sizes = dict(zip(part.pairs, part.samples, strict=True))
            with (
                suppress(_Faulty),
                staged_entry(folder, lambda entry: _is_whole(entry, self.settings.streams)) as staged,
            ):
                problems = write_part(pairs, hashes, self.settings, staged, problems, lambda pair: done(sizes[pair]))
                if problems:
                    raise _Faulty
            return Prepared(key, problems, fresh=True)

    def _key(self, pairs: Sequence[Pair], hashes: Sequence[Hashes]) -> str:
        """Return the key of a part: of the content of its files, their names and the settings."""
        by_folder = any(map(stream_from_folder, self.settings.streams))
        return key_of(
            {
                "format": FORMAT,
                "settings": self.settings.to_dict(),
                "tensorflow_io": self.tensorflow_io,
                "sounds": [[pair.name, *of_pair] for pair, of_pair in zip(pairs, hashes, strict=True)],
                # The corpus folder is not in the names, and may say the class as well.
                **({"folders": [pair.folder_names for pair in pairs]} if by_folder else {}),
            }
        )


def open_arrays(folder: Path, settings: dict[str, Any], streams: Streams, sounds: Sequence[dict]) -> "Arrays":
    """Map the arrays of a part.

    Args:
        folder: of the part.
        settings: those of the manifest.
        streams: the condition streams.
        sounds: those of the manifest that lie in the part.

    Raises:
        OSError: a file is missing.
        ValueError: a file does not have the length that the manifest states.
    """
    samples, spans = [sound["samples"] for sound in sounds], [sound["spans"] for sound in sounds]
    codes = open_flat(folder, CODES, array_dtype(settings["q_levels"]), sum(samples))
    return Arrays(codes, open_tracks(folder, streams, samples, spans))


class Arrays(NamedTuple):
    """The arrays of a part: all codes, end to end, and the track of each sound."""

    codes: EndToEnd
    tracks: list[Track]


class _Faulty(Exception):
    """The part has problems and must not take its place in the cache."""


def _is_whole(folder: Path, streams: Streams) -> bool:
    with suppress(OSError, ValueError):
        manifest = read_part_manifest(folder)
        open_arrays(folder, manifest["settings"], streams, manifest["sounds"])
        return True
    return False


def _hash_files(part: Part, problems: list[str]) -> tuple[list[Pair], list[Hashes]]:
    """Return the pairs that can be read, and the SHA-256 of the audio file and of the condition file of each."""
    remembered = RememberedHashes(part.table)
    readable, hashes = [], []
    for pair in part.pairs:
        faults = len(problems)
        both = tuple(path and collect(problems, remembered.sha256, path) for path in (pair.audio, pair.conditions))
        if len(problems) == faults:
            readable.append(pair)
            hashes.append(both)
    remembered.save()
    return readable, hashes
