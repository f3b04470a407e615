"""The zip file of a bundle: as plain as the format allows, and every byte of its headers is determined.

Members are stored, not compressed, one after the other, in the order of their names, without comments, extra fields or
zip64, and all have the same date. So the same members give the same file; no member is larger than the file itself; and
what a reader finds is what every other program for zip files finds.
"""

import os
import stat
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from keras_samplernn.errors import UserError

MOST_BYTES = 2**32 - 2**20
"""Most bytes of all members together; more would need zip64."""
MOST_MEMBERS = 64
_MOST_NAME_BYTES = 200
_LOCAL, _CENTRAL, _END = struct.Struct("<4s5H3I2H"), struct.Struct("<4s6H3I5H2I"), struct.Struct("<4s4H2IH")
_LOCAL_MAGIC, _CENTRAL_MAGIC, _END_MAGIC = b"PK\3\4", b"PK\1\2", b"PK\5\6"
_VERSION, _STORED, _TIME, _DATE = 20, 0, 0, 0x21  # 1980-01-01, the first date that a zip file knows
_UNIX, _FILE_MODE = 3 << 8, 0o100644 << 16
_ENCRYPTED = 0x2041


class Member(NamedTuple):
    """A member of a zip file.

    Attributes:
        name: with slashes.
        crc: of its bytes.
        size: in bytes.
    """

    name: str
    crc: int
    size: int

    @property
    def local(self) -> bytes:
        """What stands before its bytes."""
        name = self.name.encode("ascii")
        head = _VERSION, 0, _STORED, _TIME, _DATE, self.crc, self.size, self.size, len(name), 0
        return _LOCAL.pack(_LOCAL_MAGIC, *head) + name

    def central(self, offset: int) -> bytes:
        """Return its entry in the directory at the end; `offset`: where `local` begins."""
        name = self.name.encode("ascii")
        head = _UNIX | _VERSION, _VERSION, 0, _STORED, _TIME, _DATE, self.crc, self.size, self.size, len(name)
        return _CENTRAL.pack(_CENTRAL_MAGIC, *head, 0, 0, 0, 0, _FILE_MODE, offset) + name


def write_archive(stream: BinaryIO, members: Mapping[str, bytes]) -> None:
    """Write members, by their names, as a zip file; they have MOST_BYTES at most."""
    table = [Member(name, zlib.crc32(members[name]), len(members[name])) for name in sorted(members)]
    for member in table:
        stream.write(member.local)
        stream.write(members[member.name])
    stream.write(_tail(table))


def size_of(members: Mapping[str, bytes]) -> int:
    """Return how many bytes members have together."""
    return sum(map(len, members.values()))


def _tail(table: Sequence[Member]) -> bytes:
    """Return what stands behind the members: the directory and its end."""
    directory, offset = b"", 0
    for member in table:
        directory += member.central(offset)
        offset += len(member.local) + member.size
    return directory + _END.pack(_END_MAGIC, 0, 0, len(table), len(table), len(directory), offset, 0)


class Archive:
    """A zip file that `write_archive` wrote, or that says so; nothing in it is believed before it is looked at.

    Opening reads at most 20 kB, and compares every header with the only one that there can be for the name, the sum
    and the size that it tells.

    Args:
        path: of the file; a link to it is followed.

    Attributes:
        members: by name.

    Raises:
        UserError: in one line: it cannot be read, or is anything else.
    """

    def __init__(self, path: Path):
        self.path = path
        try:
            # Without O_NONBLOCK opening a named pipe waits for a writer.
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror}); give a file that `bundle` wrote") from None
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            os.close(descriptor)
            raise UserError(f"{path}: is not a file; give a file that `bundle` wrote")
        self._stream, self._size = os.fdopen(descriptor, "rb"), found.st_size
        try:
            self.members = {member.name: member for member in self._read_table()}
        except BaseException:
            self._stream.close()
            raise

    def __enter__(self) -> "Archive":
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def read(self, name: str, most_bytes: int) -> bytes:
        """Return the bytes of a member; UserError if it has more than `most_bytes`, or is damaged."""
        member = self.members[name]
        if member.size > most_bytes:
            raise self.fault(f"{name} has {member.size:,} bytes, and {most_bytes:,} are the most that it may have")
        content = self._at(self._offsets[name], member.size)
        if zlib.crc32(content) != member.crc:
            raise self.fault(f"{name} is damaged, its CRC-32 is another one")
        return content

    def fault(self, what: str) -> UserError:
        """Return the error of a file that `bundle` did not write, or that was changed since."""
        return UserError(f"{self.path}: {what}; get the file again from its maker")

    def _read_table(self) -> list[Member]:
        """Return the members in their order, after every header was compared with what it must be."""
        table, tail = self._claimed()
        names = [member.name for member in table]
        if len({name.casefold() for name in names}) < len(names):
            raise self.fault("has two members of one name, or of names that differ in upper and lower case only")
        self._offsets, offset = {}, 0
        for member in table:
            local = member.local
            if self._at(offset, len(local)) != local:
                raise self.fault(f"what stands before {member.name} contradicts the directory at the end")
            self._offsets[member.name] = offset + len(local)
            offset += len(local) + member.size
            if offset > self._size:
                raise self.fault(f"{member.name} has {member.size:,} bytes, it says, and the file ends before")
        if names != sorted(names) or tail != _tail(table) or offset + len(tail) != self._size:
            raise self.fault("was not packed by `bundle`, or was packed anew by another program")
        return table

    def _claimed(self) -> tuple[list[Member], bytes]:
        """Return what the directory says of the members, and its bytes to the end of the file."""
        begin = self._at(0, 4)
        end = self._at(self._size - _END.size, _END.size) if self._size >= _END.size else b""
        if end[:4] != _END_MAGIC:
            kind = "is cut short, or goes on after its end" if begin == _LOCAL_MAGIC else "is not a zip file"
            raise self.fault(f"is not a bundle: it {kind}")
        _, _, _, _, count, size, offset, _ = _END.unpack(end)
        if count > MOST_MEMBERS or size > MOST_MEMBERS * (_CENTRAL.size + _MOST_NAME_BYTES):
            raise self.fault(
                f"has {count:,} members in a directory of {size:,} bytes; a bundle has {MOST_MEMBERS} at most"
            )
        if offset + size + _END.size != self._size:
            raise self.fault("its directory is not where its end says; it is cut short, or was not packed by `bundle`")
        directory = self._at(offset, size)
        return list(self._entries(directory, count)), directory + end

    def _entries(self, directory: bytes, count: int) -> Iterator[Member]:
        """Yield the member of each entry of the directory."""
        place = 0
        for _ in range(count):
            if len(directory) < place + _CENTRAL.size or directory[place : place + 4] != _CENTRAL_MAGIC:
                raise self.fault(f"has a damaged directory, or fewer members than the {count} that it says")
            head = _CENTRAL.unpack_from(directory, place)
            _, _, _, flags, method, _, _, crc, packed, size, of_name, of_extra, of_comment, _, _, mode, _ = head
            place += _CENTRAL.size
            raw = directory[place : place + of_name]
            place += of_name + of_extra + of_comment
            name = raw.decode("utf-8", errors="replace")
            shown = f'"{name[:80]}"'
            if flags & _ENCRYPTED:
                raise self.fault(f"{shown} is encrypted; members of a bundle are not")
            if method != _STORED or packed != size:
                raise self.fault(f"{shown} is compressed; members of a bundle are not")
            if stat.S_IFMT(mode >> 16) not in (0, stat.S_IFREG):
                raise self.fault(f"{shown} is a link, a folder or a device; members of a bundle are files")
            if not raw.isascii():
                raise self.fault(f"{shown} is no name of a member of a bundle")
            yield Member(name, crc, size)

    def _at(self, offset: int, size: int) -> bytes:
        """Return the bytes at a place of the file; fewer at its end."""
        try:
            self._stream.seek(offset)
            return self._stream.read(size) if offset + size <= self._size else b""
        except OSError as error:
            raise UserError(f"{self.path}: cannot be read ({error.strerror}); see to its disk") from None
