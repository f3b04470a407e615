"""Imports point one way, and the engine never knows a particular tier."""

import ast
import importlib.util
from pathlib import Path

import pytest

import keras_samplernn

ENGINE = Path(keras_samplernn.__file__).parent
PLUGINS = sorted(Path(importlib.util.find_spec("keras_samplernn.plugins").submodule_search_locations[0]).glob("*.py"))
# What each room of the engine may import from; a file at the top is a room by its own name.
MAY_IMPORT = {
    "errors": set(),
    "backend": set(),
    "cudnn": {"backend"},
    "files": {"errors"},
    "machine": set(),
    "names": set(),
    "progress": set(),
    "shard": set(),
    "table": set(),
    "xla_flags": {"errors"},
    "devices": {"errors"},
    "nvidia": {"errors"},
    "quiet": {"devices", "errors", "nvidia", "xla_flags"},
    "text": {"errors", "machine"},
    "spec": {"errors", "files", "names"},
    "conditions": {"errors", "names", "spec", "text"},
    "data": {"errors", "files", "machine", "names", "shard", "spec", "text", "conditions"},
    "model": {"errors", "backend", "machine", "spec", "conditions"},
    "run_folder": {"errors", "files", "spec", "model"},
    "checkpoints": {"errors", "files"},
    "origin": {"errors", "files"},
    "theano": {"errors", "files", "machine", "spec", "model", "run_folder", "checkpoints"},
    "overview": {"errors", "files", "spec", "run_folder", "checkpoints", "origin", "table"},
    "generation": {
        *("errors", "backend", "files", "machine", "names", "progress", "spec", "conditions", "data", "model"),
        *("run_folder", "checkpoints", "shard"),
    },
    "export": {"errors", "backend", "files", "conditions", "data", "generation"},
    "listening": {"errors", "progress", "conditions", "data", "model", "generation"},
    "distribution": {"errors", "quiet"},
    "monitoring": {
        *("errors", "files", "names", "spec", "conditions", "data", "model", "generation", "listening"),
    },
    "live": {
        *("errors", "files", "spec", "conditions", "data", "model", "run_folder", "checkpoints", "generation"),
    },
    "training": {
        *("errors", "backend", "files", "machine", "names", "progress", "shard", "spec", "conditions", "data", "model"),
        *("run_folder", "checkpoints", "generation", "listening", "distribution", "monitoring"),
        "origin",
    },
    "bundles": {
        *("errors", "files", "spec", "conditions", "data", "model", "run_folder", "checkpoints", "origin"),
        "training",
    },
    "audition": {
        *("errors", "files", "progress", "spec", "conditions", "data", "model", "run_folder", "checkpoints"),
        *("generation", "monitoring"),
    },
    "planning": {
        *("errors", "files", "names", "progress", "text", "spec", "conditions", "data", "monitoring", "training"),
    },
    "run": {
        *("errors", "progress", "spec", "conditions", "data", "model", "run_folder", "checkpoints", "generation"),
        *("training", "listening", "distribution", "export"),
    },
    "checking": {
        *("errors", "files", "machine", "progress", "text", "spec", "conditions", "data", "model", "generation"),
        "training",
    },
    "search": {
        *("errors", "backend", "files", "progress", "quiet", "shard", "spec", "model", "run_folder"),
        *("checkpoints", "training", "table"),
    },
    "api": {
        *("errors", "progress", "quiet", "shard", "spec", "model", "run_folder", "training", "run", "search"),
        *("distribution", "checking", "planning", "overview", "bundles"),
    },
    "testing": {"backend", "conditions", "model", "spec"},
    "doctor": {"errors", "machine", "nvidia", "xla_flags", "data"},
    "demo": {"errors", "files", "data"},
    "commands": {
        *("errors", "files", "progress", "quiet", "spec", "conditions", "data", "model", "run_folder", "training"),
        *("generation", "export", "api", "demo", "shard", "search", "machine", "doctor", "planning", "overview"),
        *("live", "theano", "audition"),
    },
    "__main__": {"commands"},
}


def imported(path: Path) -> set[str]:
    """Return the dotted names that a file imports."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    froms = [node for node in nodes if isinstance(node, ast.ImportFrom)]
    assert not any(node.level for node in froms), f"{path}: a relative import"
    modules = {node.module for node in froms}
    return plain | modules | {f"{node.module}.{alias.name}" for node in froms for alias in node.names}


def module_of(path: Path) -> str:
    """Return the dotted name of a file of the engine."""
    return ".".join(("keras_samplernn", *path.relative_to(ENGINE).with_suffix("").parts)).removesuffix(".__init__")


def files(room: str) -> list[Path]:
    return sorted((ENGINE / room).rglob("*.py")) or [ENGINE / f"{room}.py"]


def test_every_room_of_the_engine_is_listed():
    rooms = {path.stem for path in ENGINE.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert rooms - {"__init__", "plugins"} == MAY_IMPORT.keys()


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_imports_point_one_way(room):
    for path in files(room):
        own = {name.split(".")[1] for name in imported(path) if name.startswith("keras_samplernn.")}
        assert own <= MAY_IMPORT[room] | {room, "__version__"}, path


def test_no_modules_import_each_other_in_a_circle():
    """An import inside a function counts too: what needs each other is one thing."""
    paths = {module_of(path): path for path in ENGINE.rglob("*.py") if "plugins" not in path.parts}
    left = {module: imported(path) & paths.keys() - {module} for module, path in paths.items()}
    while free := [module for module, needs in left.items() if not needs & left.keys()]:
        for module in free:
            del left[module]
    # What is left is in a circle or needs one; a path along it shows the circle.
    trail = list(left)[:1]
    while trail and trail[-1] not in trail[:-1]:
        trail.append(min(left[trail[-1]] & left.keys()))
    assert not trail, " -> ".join(trail[trail.index(trail[-1]) :])


def test_the_engine_never_imports_plugins():
    for path in ENGINE.rglob("*.py"):
        ours = {name.removeprefix("keras_samplernn.") for name in imported(path)}
        assert not {name for name in ours if name.split(".")[0] == "plugins"}, path


def test_matplotlib_is_imported_only_where_something_is_drawn():
    for path in ENGINE.rglob("*.py"):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        names = {alias.name for node in body if isinstance(node, ast.Import) for alias in node.names}
        names |= {node.module for node in body if isinstance(node, ast.ImportFrom)}
        assert not {name for name in names if name.split(".")[0] == "matplotlib"}, path


def test_plugins_import_only_the_engines_public_names():
    for path in PLUGINS:
        ours = {name for name in imported(path) if name.startswith("keras_samplernn.")}
        assert {name.split(".")[1] for name in ours} <= {"plugins", *keras_samplernn.__all__}, path


@pytest.mark.parametrize("path", [*files("model"), *PLUGINS], ids=lambda path: path.name)
def test_what_tiers_are_made_of_runs_on_every_backend(path):
    assert not {name for name in imported(path) if name.split(".")[0] == "tensorflow"}
