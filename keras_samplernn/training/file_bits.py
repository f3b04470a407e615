"""The bits of each file of a corpus, and of each of its samples, while it is scored."""

import contextlib
import os
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np

from keras_samplernn.data.corpus import Corpus
from keras_samplernn.distribution.replicas import Replicas
from keras_samplernn.errors import UserError
from keras_samplernn.files import staged_file, writing

DTYPE = np.dtype("<f4")
CHUNK_BYTES = 1 << 22


class FileBits:
    """Adds up the bits of each file, and keeps those of each sample on the disk: several files are scored at a time.

    Args:
        corpus: what is scored.
        dump: the npz file that gets the bits of each sample; None: only the sums are kept.
    """

    def __init__(self, corpus: Corpus, dump: Path | None = None):
        self.corpus, self.dump = corpus, dump
        self._totals = np.zeros(len(corpus.sounds))
        self._kept: int | None = None  # descriptor of a file that has the bits of all samples, as the corpus has codes

    @contextlib.contextmanager
    def keeping(self) -> Iterator[Self]:
        """Keep what is added in the block; when it ends well, the npz file is there."""
        if self.dump is None:
            yield self
            return
        with contextlib.ExitStack() as at_last:
            with writing(self.dump):
                self._kept = at_last.enter_context(tempfile.TemporaryFile(dir=self.dump.parent)).fileno()
                os.ftruncate(self._kept, self.corpus.samples * DTYPE.itemsize)
            yield self
            self._write()

    def add(self, sound: int, offset: int, bits: np.ndarray) -> None:
        """Add the bits of some samples.

        Args:
            sound: index of their sound in the corpus.
            offset: of the first one in its sound.
            bits: `(n,)` float64.
        """
        self._totals[sound] += bits.sum()
        if self._kept is not None:
            with writing(self.dump):
                place = (self.corpus.sounds[sound].start + offset) * DTYPE.itemsize
                content = memoryview(bits.astype(DTYPE)).cast("B")
                while content:
                    written = os.pwrite(self._kept, content, place)
                    content, place = content[written:], place + written

    def figures(self, replicas: Replicas) -> list[dict[str, Any]]:
        """Return `file`, `samples` and `bits_per_sample` of each file, those of other workers included."""
        totals = replicas.total_of_workers(self._totals)
        return [
            {"file": sound.name, "samples": sound.samples, "bits_per_sample": float(total / sound.samples)}
            for sound, total in zip(self.corpus.sounds, totals, strict=True)
        ]

    def _write(self) -> None:
        with staged_file(self.dump) as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
            for sound in self.corpus.sounds:
                # A name that is not UTF-8 has half surrogate pairs in it, which a zip cannot hold.
                name = sound.name.encode(errors="backslashreplace").decode()
                with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as entry:
                    described = {"descr": DTYPE.str, "fortran_order": False, "shape": (sound.samples,)}
                    np.lib.format.write_array_header_1_0(entry, described)
                    place, end = (DTYPE.itemsize * at for at in (sound.start, sound.start + sound.samples))
                    while place < end:
                        content = os.pread(self._kept, min(CHUNK_BYTES, end - place), place)
                        entry.write(content)
                        place += len(content)


def check_dump(dump: Path, replicas: Replicas, overwrite: bool = False) -> None:
    """Raise UserError, before anything is scored, if the bits of all samples cannot be written to a file.

    Args:
        dump: the file.
        replicas: share out the sounds.
        overwrite: whether a file that is there is replaced.
    """
    if replicas.workers > 1:
        raise UserError(f"{dump}: each worker knows the bits of its own files only; evaluate with --strategy single")
    if os.path.lexists(dump) and not (overwrite and dump.is_file()):
        remedy = "" if dump.is_dir() else "give --overwrite to replace it, or "
        raise UserError(f"{dump}: exists; {remedy}give --dump another file")
    if not dump.parent.is_dir():
        raise UserError(f"{dump.parent}: does not exist; make the folder, or give --dump another one")
