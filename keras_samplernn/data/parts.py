"""The parts of a corpus: groups of neighbouring pairs, each prepared by itself into a folder of its own.

Where a part ends depends on the names and sizes around that place alone. So a file that is changed, added or removed
costs one or two parts, and the others stay as they are.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keras_samplernn.data.pairs import Pair

# Estimated, of a part at most, unless one sound alone has more; on average half as many, an hour of sound at 10 kHz.
# Few, since a preparation that is interrupted loses the parts it was at; and many, since each is a folder.
MOST_SAMPLES = 1 << 26
# Of files that are not compressed, at 16 bits; and of those that are, about.
_SAMPLES_A_BYTE, _SAMPLES_A_COMPRESSED_BYTE = 1 / 2, 4
_COMPRESSED = (".flac", ".ogg", ".oga", ".opus", ".mp3")


@dataclass(frozen=True)
class Part:
    """A part that is to be prepared.

    Attributes:
        pairs: its pairs, in order.
        samples: an estimate for each pair, of at least 1.
        claim: 32 hexadecimal digits, known before any file is read: of the names and sizes of the files, and of the
            settings. Processes agree by it on who prepares the part.
        table: 32 hexadecimal digits, of where its first file is, which names the table of its files' hashes.
    """

    pairs: tuple[Pair, ...]
    samples: tuple[int, ...]
    claim: str
    table: str


def divide(pairs: Sequence[Pair], settings: dict[str, Any]) -> list[Part]:
    """Divide a corpus into parts.

    Args:
        pairs: of the corpus, in order.
        settings: those that the arrays depend on, as JSON values.
    """
    groups: list[list[tuple[Pair, list[int]]]] = []
    held = MOST_SAMPLES
    for pair in pairs:
        sizes = [_size(pair.audio), _size(pair.conditions)]
        samples = _estimate(pair.audio, sizes[0])
        # Ends come at random, in proportion to length, and depend on nothing before.
        if held + samples > MOST_SAMPLES or _random(pair.name) * MOST_SAMPLES < 2 * samples:
            groups.append([])
            held = 0
        groups[-1].append((pair, sizes))
        held += samples
    return [
        Part(
            tuple(pair for pair, _ in group),
            tuple(_estimate(pair.audio, sizes[0]) for pair, sizes in group),
            claim=key_of([settings, [[pair.name, *sizes] for pair, sizes in group]]),
            table=key_of(os.path.abspath(group[0][0].audio)),  # noqa: PTH100 (it stays text)
        )
        for group in groups
    ]


def key_of(identity: Any) -> str:
    """Return 32 hexadecimal digits that stand for JSON values."""
    return hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:32]


def samples_in(parts: Iterable[Part]) -> int:
    """Return the estimate for parts together."""
    return sum(sum(part.samples) for part in parts)


def _size(path: Path | None) -> int:
    with suppress(OSError):  # it is told where the file is read
        return path.stat().st_size if path is not None else 0
    return 0


def _estimate(audio: Path, size: int) -> int:
    compressed = os.path.splitext(audio)[1].lower() in _COMPRESSED  # noqa: PTH122 (a corpus has many files)
    return 1 + int(size * (_SAMPLES_A_COMPRESSED_BYTE if compressed else _SAMPLES_A_BYTE))


def _random(name: str) -> float:
    """Return a number in [0, 1) that depends only on the name, and is not the one that splits a corpus."""
    return int.from_bytes(hashlib.sha256(os.fsencode(f"part {name}")).digest()[:6], "big") / 2**48
