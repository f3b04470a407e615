"""Nothing has its final name before all of it is on the disk, so that a power cut leaves no half of anything."""

import os
from pathlib import Path

import pytest
from command_line import give


@pytest.fixture
def renamed(monkeypatch):
    """The names that staged files and folders got; each is held to have been forced to the disk as it is."""
    synced, names = {}, set()
    fsync, rename, replace = os.fsync, os.rename, os.replace

    def note(descriptor):
        fsync(descriptor)
        synced[os.fstat(descriptor).st_ino] = as_it_is(os.fstat(descriptor))

    def held(function):
        def call(source, target, **options):
            source = Path(source)
            if source.name.startswith(".") and not Path(target).name.startswith("."):
                for path in [source, *source.rglob("*")]:
                    assert synced.get(path.stat().st_ino) == as_it_is(path.stat()), f"{path}, to be {target}"
                names.add(Path(target).name)
            function(source, target, **options)

        return call

    monkeypatch.setattr(os, "fsync", note)
    monkeypatch.setattr(os, "rename", held(rename))
    monkeypatch.setattr(os, "replace", held(replace))
    return names


def as_it_is(status):
    return status.st_size, status.st_mtime_ns


def test_checkpoints_sounds_records_and_prepared_corpora_are_on_the_disk_first(home, renamed, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_SAMPLERNN_CACHE", str(tmp_path / "cache"))
    assert give("fit spec.json --run run --max-steps 3", home).status == 0
    assert give("generate run --conditioning-index index.txt --out sounds", home).status == 0
    entries = {path.name for path in (tmp_path / "cache").iterdir() if path.is_dir()} - {"hashes"}
    assert len(entries) == 4  # two corpora, of one part each
    files = {"spec.json", "metrics.csv", "a.wav", "b.wav", "generation.json"}
    assert renamed >= entries | files | {"step-0000000003-validated"}
