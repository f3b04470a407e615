"""Imports point one way, and the engine never knows a particular tier."""

import ast
from pathlib import Path

import pytest

import keras_samplernn

ENGINE = Path(keras_samplernn.__file__).parent
# What each room of the engine may import from; a file at the top is a room by its own name.
MAY_IMPORT = {
    "errors": set(),
    "backend": set(),
    "files": {"errors"},
    "machine": set(),
    "progress": set(),
    "quiet": set(),
    "spec": {"errors"},
    "data": {"errors", "files", "machine", "spec"},
    "model": {"errors", "backend", "machine", "spec"},
    "run": {"errors", "files", "spec"},
    "checkpoint": {"errors", "files", "model"},
    "generation": {"errors", "backend", "files", "progress", "spec", "data", "model", "run", "checkpoint"},
    "training": {"errors", "files", "progress", "spec", "data", "model", "run", "checkpoint", "generation"},
    "testing": {"backend", "model"},
    "demo": {"errors", "files", "spec", "data", "model", "run", "training", "generation"},
    "commands": {"errors", "progress", "quiet", "spec", "data", "model", "run", "training", "generation", "demo"},
}


def imported(path: Path) -> set[str]:
    """Return the dotted names that a file imports."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return plain | {node.module or "." for node in nodes if isinstance(node, ast.ImportFrom)}


def files(room: str) -> list[Path]:
    return sorted((ENGINE / room).rglob("*.py")) or [ENGINE / f"{room}.py"]


def test_every_room_of_the_engine_is_listed():
    rooms = {path.stem for path in ENGINE.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert rooms - {"__init__", "plugins"} == MAY_IMPORT.keys()


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_imports_point_one_way(room):
    for path in files(room):
        own = {name.split(".")[1] for name in imported(path) if name.startswith("keras_samplernn.")}
        assert own <= MAY_IMPORT[room] | {room}, path


def test_the_engine_never_imports_plugins():
    for path in ENGINE.rglob("*.py"):
        assert not {name for name in imported(path) if "plugins" in name.split(".")}, path


def test_plugins_import_only_the_engines_public_names():
    from keras_samplernn.plugins import frame_rnn

    for path in Path(frame_rnn.__file__).parent.glob("*.py"):
        ours = {name for name in imported(path) if name.split(".")[0] == "keras_samplernn"}
        assert all(name == "keras_samplernn" or name.startswith("keras_samplernn.plugins.") for name in ours), path


@pytest.mark.parametrize("room", ["model"])
def test_what_tiers_are_made_of_runs_on_every_backend(room):
    for path in files(room):
        assert not {name for name in imported(path) if name.split(".")[0] == "tensorflow"}, path
