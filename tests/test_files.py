"""What the program writes appears whole, on the disk, under its name; or not at all."""

import contextlib
import errno
import os
import stat

import pytest
from faults import disk_full_at, operations

from keras_samplernn.errors import UserError
from keras_samplernn.files import partial_of, staged_file, staged_folder, writing


def write_file(path):
    with staged_file(path) as stream:
        stream.write(b"new")


def write_folder(path):
    with staged_folder(path) as folder, writing(path):
        (folder / "inner").mkdir()
        for name in ("a", "inner/b"):
            with (folder / name).open("wb") as stream:
                stream.write(b"new")


WRITERS = pytest.mark.parametrize("write", [write_file, write_folder])


def contents(folder):
    """Return what every file below a folder holds; None for a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")
    }


WRITTEN = {
    write_file: {"target": b"new"},
    write_folder: {"target": None, "target/a": b"new", "target/inner": None, "target/inner/b": b"new"},
}


@WRITERS
def test_what_is_staged_is_whole_and_nothing_else_is_left(tmp_path, write):
    write(tmp_path / "target")
    assert contents(tmp_path) == WRITTEN[write]


def make_link(path):
    path.symlink_to(path.parent)


def make_folder(path):
    path.mkdir()
    (path / "old").write_bytes(b"old")


@WRITERS
@pytest.mark.parametrize("leave", [make_link, make_folder, lambda path: path.write_bytes(b"old")])
def test_whatever_had_the_hidden_name_before_is_removed(tmp_path, write, leave):
    leave(partial_of(tmp_path / "target"))
    write(tmp_path / "target")
    assert contents(tmp_path) == WRITTEN[write]


@WRITERS
def test_all_is_on_the_disk_before_it_is_renamed_and_the_rename_after(tmp_path, write, monkeypatch):
    synced, fsync = [], os.fsync

    def note(descriptor):
        status = os.fstat(descriptor)
        names = {path.stat().st_ino: path.name for path in [tmp_path, *tmp_path.rglob("*")]}
        synced.append(names[status.st_ino] + ("/" if stat.S_ISDIR(status.st_mode) else ""))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    write(tmp_path / "target")
    *before, last = synced
    assert last == f"{tmp_path.name}/"
    expected = [".target.partial"] if write is write_file else [".target.partial/", "a", "b", "inner/"]
    assert sorted(before) == expected


@WRITERS
@pytest.mark.parametrize("failure", [KeyboardInterrupt, UserError, ValueError])
def test_an_exception_in_the_block_leaves_nothing_and_goes_on(tmp_path, write, failure):
    staged = staged_file if write is write_file else staged_folder
    with pytest.raises(failure), staged(tmp_path / "target"):
        raise failure("stopped")
    assert contents(tmp_path) == {}


def test_a_file_that_cannot_be_replaced_stays(tmp_path):
    (tmp_path / "target").write_bytes(b"old")
    with contextlib.suppress(KeyboardInterrupt), staged_file(tmp_path / "target") as stream:
        stream.write(b"new")
        raise KeyboardInterrupt
    assert stream.closed
    assert contents(tmp_path) == {"target": b"old"}


@WRITERS
def test_a_full_disk_is_told_wherever_it_stops_and_leaves_no_part(tmp_path, write):
    (tmp_path / "counted").mkdir()
    for number in range(len(operations(lambda: write(tmp_path / "counted/target")))):
        folder = tmp_path / str(number)
        folder.mkdir()
        try:
            with disk_full_at(number):
                write(folder / "target")
        except UserError as error:
            assert str(error) == (
                f"{folder}/target: cannot be written: No space left on device; free space on its disk or choose"
                " another folder"
            )
        assert contents(folder) in ({}, WRITTEN[write])


def refuse_sync(monkeypatch, number, is_refused):
    """Let fsync fail for what `is_refused(mode)` says."""
    fsync = os.fsync

    def refuse(descriptor):
        if is_refused(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", refuse)


@WRITERS
@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP])
def test_a_file_system_that_cannot_sync_folders_is_written_to(tmp_path, write, monkeypatch, number):
    refuse_sync(monkeypatch, number, stat.S_ISDIR)
    write(tmp_path / "target")
    assert contents(tmp_path) == WRITTEN[write]


@WRITERS
@pytest.mark.parametrize(("number", "is_refused"), [(errno.EIO, stat.S_ISDIR), (errno.EINVAL, stat.S_ISREG)])
def test_any_other_sync_that_fails_is_told(tmp_path, write, monkeypatch, number, is_refused):
    refuse_sync(monkeypatch, number, is_refused)
    with pytest.raises(UserError, match=f"target: cannot be written: {os.strerror(number)}; "):
        write(tmp_path / "target")


def test_what_a_block_reads_is_not_told_as_what_it_writes(tmp_path):
    with pytest.raises(FileNotFoundError), staged_folder(tmp_path / "target"):
        (tmp_path / "missing").read_bytes()
    assert contents(tmp_path) == {}


def test_a_folder_may_be_placed_in_another_way_and_what_that_leaves_is_removed(tmp_path):
    with staged_folder(tmp_path / "target", hidden=tmp_path / ".own", place=lambda hidden, path: path.mkdir()) as own:
        assert own == tmp_path / ".own"
        (own / "file").touch()
    assert contents(tmp_path) == {"target": None}
