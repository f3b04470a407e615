"""Bundles as strangers may make them: of the members of a true one, signed and packed anew."""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

from keras_samplernn.bundles.archive import write_archive

MANIFEST = "bundle.json"


def members_of(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {entry.filename: archive.read(entry) for entry in archive.infolist()}


def packed(members: dict[str, bytes]) -> bytes:
    """Return the bytes of a zip file as `bundle` packs it."""
    content = io.BytesIO()
    write_archive(content, members)
    return content.getvalue()


def signed(members: dict[str, bytes], /, **fields) -> bytes:
    """Return the bytes of a bundle whose manifest agrees with its members; `fields` of it may say anything else."""
    said = json.loads(members[MANIFEST]) | fields
    others = {name: content for name, content in members.items() if name != MANIFEST}
    if "members" not in fields:
        said["members"] = {
            name: {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in sorted(others.items())
        }
    return packed(others | {MANIFEST: f"{json.dumps(said, indent=1, ensure_ascii=False)}\n".encode()})


def with_spec(change: Callable[[dict], object]) -> Callable[[dict[str, bytes]], bytes]:
    """Return what makes a bundle of members with another spec: `change(fields)` changes them in place."""

    def make(members):
        fields = json.loads(members["spec.json"])
        change(fields)
        return signed(members | {"spec.json": json.dumps(fields).encode()})

    return make


def with_array(change: Callable) -> Callable[[dict[str, bytes]], bytes]:
    """Return what makes a bundle of members whose first array of weights is `change(array)`."""
    import numpy as np

    def make(members):
        content = io.BytesIO()
        with (
            zipfile.ZipFile(io.BytesIO(members["weights.npz"])) as old,
            zipfile.ZipFile(content, "w") as new,
        ):
            for number, entry in enumerate(old.infolist()):
                data = old.read(entry)
                if number == 0:
                    stream = io.BytesIO()
                    np.lib.format.write_array(stream, change(np.load(io.BytesIO(data)).copy()), allow_pickle=False)
                    data = stream.getvalue()
                new.writestr(entry.filename, data)
        return signed(members | {"weights.npz": content.getvalue()})

    return make


def by_zipfile(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED, **more: bytes) -> bytes:
    """Return what Python's own module makes of members and of `more`."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as archive:
        for name, data in sorted((members | more).items()):
            archive.writestr(name, data)
    return content.getvalue()
