"""A run directory from a stranger: no code runs, nothing is written outside of it, and one line says what is wrong."""

import contextlib
import hashlib
import io
import json
import math
import os
import pickle
import shutil
import struct
import warnings
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from command_line import give
from tiny_home import LAST_STEP

from keras_samplernn.checkpoints.shelf import choose_checkpoint, load_chosen
from keras_samplernn.errors import UserError
from keras_samplernn.model.assembly import assemble
from keras_samplernn.run_folder import open_run

CHECKPOINT = f"run/checkpoints/{LAST_STEP}"
GENERATE = "generate run --conditioning-index index.txt --out sounds"
FIT = "fit spec.json --run run --max-steps 3"
HUGE = 2_000_000_000
ZEROS_SHA256 = "2e0c654b6cba3a1e816726bae0eac481eb7fd0351633768c3c18392e0f02b619"  # of HUGE bytes
MEMORY_KB, GROWTH_KB = 1_000_000, 500_000
PROMISE = "hostile checkpoint, run directory or spec"


class Evil:
    """Writes a file where it is unpickled."""

    def __reduce__(self):
        return os.mkdir, ("evil",)


def entries_of(home, name="weights.npz"):
    with zipfile.ZipFile(home / CHECKPOINT / name) as archive:
        return {entry.filename: archive.read(entry) for entry in archive.infolist()}


def sign(home):
    """Make the manifest agree with the files, as whoever wrote them can."""
    folder = home / CHECKPOINT
    manifest = {}
    for name in ("weights.npz", "training.npz", "state.json"):
        with (folder / name).open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        manifest[name] = {"size": (folder / name).stat().st_size, "sha256": digest}
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1))


def replace(home, name, content):
    (home / CHECKPOINT / name).write_bytes(content)
    sign(home)


def archive(change, name="weights.npz", compression=zipfile.ZIP_STORED):
    """Return what writes a signed npz anew after `change(entries)`, a mapping or a list of pairs."""

    def spoil(home):
        entries = change(entries_of(home, name))
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w", compression) as stream:
            for entry, data in entries.items() if isinstance(entries, dict) else entries:
                with warnings.catch_warnings(action="ignore"):  # of names that are there already
                    stream.writestr(entry, data)
        replace(home, name, content.getvalue())

    return spoil


def first(make):
    """Return a change of the first array: `make(bytes)`."""
    return lambda entries: entries | {"00000.npy": make(entries["00000.npy"])}


def npy(array, **options):
    content = io.BytesIO()
    np.lib.format.write_array(content, array, **options)
    return content.getvalue()


def array_of(data):
    return np.load(io.BytesIO(data))


def header(text, version=(1, 0)):
    length = len(text).to_bytes(2 if version == (1, 0) else 4, "little")
    return b"\x93NUMPY" + bytes(version) + length + text


def raw(make, name="weights.npz"):
    return lambda home: replace(home, name, make((home / CHECKPOINT / name).read_bytes()))


def sparse(name):
    """Return what makes a file of zeros, which takes no room on the disk, with a manifest that agrees."""
    return lambda home: claim(home, name, HUGE, ZEROS_SHA256)


def endless(name):
    """Return what makes a file larger than anyone could read, with a manifest that agrees in its size."""
    return lambda home: claim(home, name, 2_000_000_000_000, ZEROS_SHA256)


def claim(home, name, size, digest):
    (home / CHECKPOINT / name).unlink()
    (home / CHECKPOINT / name).touch()
    os.truncate(home / CHECKPOINT / name, size)
    said = json.loads((home / CHECKPOINT / "manifest.json").read_text())
    said[name] = {"size": size, "sha256": digest}
    (home / CHECKPOINT / "manifest.json").write_text(json.dumps(said, indent=1))


def far_entry(data):
    """Return an archive whose first entry is said to begin at byte 2**64 - 1 (zip64)."""
    end = data.rfind(b"PK\5\6")
    (begin,) = struct.unpack_from("<I", data, end + 16)
    directory = bytearray(data[begin:end])
    name, extra = struct.unpack_from("<HH", directory, 28)
    far = struct.pack("<HHQ", 1, 8, 2**64 - 1)
    directory[46 + name : 46 + name + extra] = far
    struct.pack_into("<H", directory, 30, len(far))
    struct.pack_into("<I", directory, 42, 2**32 - 1)
    return data[:begin] + directory + data[end : end + 12] + struct.pack("<I", len(directory)) + data[end + 16 :]


def not_a_number(data):
    array = array_of(data).copy()
    array.flat[-1] = np.nan
    return npy(array)


def state(**fields):
    def spoil(home):
        known = json.loads((home / CHECKPOINT / "state.json").read_text()) | fields
        replace(
            home, "state.json", json.dumps({key: value for key, value in known.items() if value != "gone"}).encode()
        )

    return spoil


def manifest(content):
    return lambda home: (home / CHECKPOINT / "manifest.json").write_text(content)


def link(path, target):
    """Return what puts a link to a folder or file outside of the run in a path's place."""

    def spoil(home):
        outside = home / "outside"
        outside.mkdir()
        for name in ("folder", "empty"):
            (outside / name).mkdir()
        (outside / "file").write_text("kept")
        place = home / path
        if place.is_dir():
            shutil.copytree(place, outside / "folder", dirs_exist_ok=True)
            shutil.rmtree(place)
        place.unlink(missing_ok=True)
        place.symlink_to(target if target.startswith("/") else outside / target)

    return spoil


def fifo(path):
    def spoil(home):
        (home / path).unlink()
        os.mkfifo(home / path)

    return spoil


def folder(path):
    def spoil(home):
        (home / path).unlink()
        (home / path).mkdir()

    return spoil


def spec(change):
    """Return what changes the run's own spec, and the user's with it."""

    def spoil(home):
        for path in (home / "run/spec.json", home / "spec.json"):
            known = json.loads(path.read_text())
            change(known)
            path.write_text(json.dumps(known))

    return spoil


def tier(number, **fields):
    return spec(lambda known: known["tiers"][number].update(fields))


def deep(levels):
    return b"[" * levels + b"]" * levels


def external_link(_):
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file["weights"] = h5py.ExternalLink("/etc/passwd", "weights")
    return content.getvalue()


def lambda_archive(_):
    content = io.BytesIO()
    config = {"class_name": "Lambda", "config": {"function": ["4wEAAAA=", None, None]}}
    with zipfile.ZipFile(content, "w") as stream:
        stream.writestr("config.json", json.dumps(config))
        stream.writestr("metadata.json", "{}")
    return content.getvalue()


DEFLATED = archive(first(lambda data: data + bytes(400_000_000)), compression=zipfile.ZIP_DEFLATED)

CHECKPOINTS = {
    "a pickled object": archive(first(lambda data: npy(np.array([Evil()], object), allow_pickle=True))),
    "a bare pickle": raw(lambda data: pickle.dumps(Evil())),
    "a pickle as an entry": archive(first(lambda data: pickle.dumps(Evil()))),
    "a zip bomb": DEFLATED,
    "a compressed archive": archive(lambda entries: entries, compression=zipfile.ZIP_DEFLATED),
    "a shape of 2e9": archive(
        first(lambda data: header(b"{'descr': '<f4', 'fortran_order': False, 'shape': (2000000000,)}\n") + data)
    ),
    "a shape of 2e9 squared": archive(
        first(lambda data: header(b"{'descr': '<f4', 'fortran_order': False, 'shape': (2000000000, 2000000000)}\n"))
    ),
    "a negative shape": archive(
        first(lambda data: header(b"{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 6)}\n") + data)
    ),
    "code in a header": archive(
        first(lambda data: header(b"{'descr': __import__('os').mkdir('evil'), 'fortran_order': False, 'shape': ()}\n"))
    ),
    "a header of 4 GB": archive(first(lambda data: b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + data)),
    "a newer format": archive(first(lambda data: npy(array_of(data), version=(3, 0)))),
    "a header of brackets": archive(first(lambda data: header(b"(" * 60_000))),
    "an array too many": archive(lambda entries: entries | {"99999.npy": entries["00000.npy"]}),
    "an array too few": archive(lambda entries: dict(list(entries.items())[:-1])),
    "an entry outside": archive(lambda entries: [("../../evil.npy", data) for data in entries.values()]),
    "an absolute entry": archive(lambda entries: [("/evil.npy", data) for data in entries.values()]),
    "other numbers": archive(first(lambda data: npy(array_of(data).astype("float64")))),
    "another byte order": archive(first(lambda data: npy(array_of(data).astype(">f4")))),
    "another order": archive(
        lambda entries: {name: npy(np.asfortranarray(array_of(data))) for name, data in entries.items()}
    ),
    "a structured array": archive(first(lambda data: npy(np.zeros(3, [("a", "f4"), ("b", "f4")])))),
    "a header of open brackets": archive(first(lambda data: header(b"(((\n") + data)),
    "a header of a list as a key": archive(first(lambda data: header(b"{[]: 1}\n") + data)),
    "a header of no type": archive(
        first(lambda data: header(b"{'descr': (), 'fortran_order': False, 'shape': (3,)}\n") + data)
    ),
    "a header of half a type": archive(
        first(lambda data: header(b"{'descr': '(,)f4', 'fortran_order': False, 'shape': (3,)}\n") + data)
    ),
    "another shape": archive(first(lambda data: npy(array_of(data)[:-1]))),
    "an array cut short": archive(first(lambda data: data[:-4])),
    "an array that goes on": archive(first(lambda data: data + b"more")),
    "no entries": archive(lambda entries: {}),
    "an empty file": raw(lambda data: b""),
    "no zip": raw(lambda data: b"\0" * len(data)),
    "an archive cut short": raw(lambda data: data[: len(data) // 2]),
    "HDF5 with an external link": raw(external_link),
    "a Keras archive with a Lambda": raw(lambda_archive),
    "a directory of 2e9 bytes": raw(lambda data: data[:-22] + b"PK\5\6" + b"\0" * 8 + b"\0\x94\x35\x77" * 2 + b"\0\0"),
    "an encrypted entry": raw(lambda data: data.replace(b"PK\x01\x02\x2d\x03\x2d\0\0", b"PK\x01\x02\x2d\x03\x2d\0\1")),
    "an entry at byte 2**64 - 1": raw(far_entry),
    "weights that are no numbers": archive(first(not_a_number)),
    "2e9 bytes of weights": sparse("weights.npz"),
    "2e12 bytes of weights": endless("weights.npz"),
    "a state of 2e9 bytes": sparse("state.json"),
    "a state that is a list": raw(lambda data: b"[]", "state.json"),
    "a state of brackets": raw(lambda data: deep(100_000), "state.json"),
    "a state of 30 million lists": raw(lambda data: b"[" + b"[]," * 15_000_000 + b"[]]", "state.json"),
    "a state that is no text": raw(lambda data: b"\xff\xfe", "state.json"),
    "a manifest of a list": manifest("[]"),
    "a manifest of brackets": manifest("[" * 4000),
    "a manifest with a negative size": manifest('{"weights.npz": {"size": -1, "sha256": ""}}'),
    "a manifest that names a path": manifest('{"../../evil": {"size": 1, "sha256": ""}}'),
    "an empty manifest": manifest(""),
    "weights that are a device": link(f"{CHECKPOINT}/weights.npz", "/dev/zero"),
    "weights that are a link": link(f"{CHECKPOINT}/weights.npz", "file"),
    "weights that are a pipe": fifo(f"{CHECKPOINT}/weights.npz"),
    "weights that are a folder": folder(f"{CHECKPOINT}/weights.npz"),
    "a manifest that is a pipe": fifo(f"{CHECKPOINT}/manifest.json"),
    "a state that is a pipe": fifo(f"{CHECKPOINT}/state.json"),
}
FITTED = {
    "a training pickle": archive(
        first(lambda data: npy(np.array([Evil()], object), allow_pickle=True)), "training.npz"
    ),
    "2e9 bytes of training": sparse("training.npz"),
    "a step of text": state(step="2"),
    "a step below 0": state(step=-1),
    "a field too many": state(evil=1),
    "a field too few": state(epoch="gone"),
    "a row of text": state(rows=[{"step": "2"}]),
    "a row of nothing": state(rows=[{}]),
    "a row of 400 digits": state(rows=[{"step": 2, "training_bits": 10**400}]),
    "a row of infinity": state(rows=[{"step": 2, "training_bits": math.inf}]),
    "a million rows": state(rows=[{"step": 2}] * 1_000_000),
    "columns of their own in 30,000 rows": state(rows=[{"step": 2, f"{number}": 1} for number in range(30_000)]),
    "a step of another checkpoint": state(step=10**30),
    "a lock that is a pipe": lambda home: [(home / "run/.lock").unlink(), os.mkfifo(home / "run/.lock")],
    "metrics that are a folder": folder("run/metrics.csv"),
    "checkpoints elsewhere": link("run/checkpoints", "folder"),
    "a checkpoint elsewhere": link(CHECKPOINT, "folder"),
    "logs elsewhere": link("run/logs", "folder"),
    "samples elsewhere": link("run/samples", "empty"),
    "metrics elsewhere": link("run/metrics.csv", "file"),
    "a lock elsewhere": link("run/.lock", "file"),
    "a staged file elsewhere": link("run/.metrics.csv.partial", "file"),
    "a staged checkpoint elsewhere": link("run/checkpoints/.step-0000000003-validated.partial", "empty"),
}
SPECS = {
    "a width of 2e9": tier(0, dim=HUGE),
    "a width of a million": spec(lambda known: [tier.update(dim=1_000_000) for tier in known["tiers"]]),
    "an embedding of 2e9": tier(-1, emb_size=HUGE),
    "tables of 40,000 places": tier(-1, window=40_000, emb_size=1),
    "a window of 2e9": tier(-1, window=HUGE),
    "a frame of 2e9": tier(0, frame_size=HUGE),
    "2e9 layers": tier(0, n_rnn=HUGE),
    "2e9 levels": spec(lambda known: known["audio"].update(q_levels=HUGE)),
    "a thousand tiers": spec(lambda known: known.update(tiers=known["tiers"][:1] * 1000)),
    "90,000 names": spec(lambda known: known.update(conditioning={"classes": [str(n) for n in range(90_000)]})),
    "a Lambda": tier(0, type="Lambda", function="evil"),
    "a path as a type": tier(0, type="os:mkdir"),
    "a config of Keras": tier(0, module="builtins", class_name="exec", config={"source": "mkdir"}),
    "a name that is a path": spec(lambda known: known.update(name="../../evil")),
    "a spec of brackets": lambda home: [
        (home / path).write_bytes(deep(100_000)) for path in ("run/spec.json", "spec.json")
    ],
}


BATCHES = {
    "a batch of 2e9": spec(lambda known: known["training"].update(batch_size=HUGE)),
    "a batch of 65,536 windows of a million": spec(
        lambda known: known["training"].update(batch_size=65536, seq_len=1048576)
    ),
}


@pytest.fixture
def answer(forks, home, tmp_path, rounds):
    """Give a command, or call a function; return the exit status, what was said, and the memory that it took, in kB.

    Under --full every command has a process of its own, whose peak that is; else it is what this one took on top of
    what it had.
    """

    def in_its_own_process(command):
        status, peak_kb = forks.start(command, home, tmp_path / "said").wait()
        return status, (tmp_path / "said").read_text(), peak_kb

    def in_this_process(command):
        Path("/proc/self/clear_refs").write_text("5")  # forgets the peak
        before_kb = memory_kb("VmRSS")
        if isinstance(command, str):
            answer = give(command, home)
            status, said = answer.status, answer.out + answer.err
        else:
            with contextlib.chdir(home), pytest.raises(UserError) as refusal:
                command()
            status, said = 1, str(refusal.value)
        return status, said, memory_kb("VmHWM") - before_kb

    return rounds(in_this_process, in_its_own_process)


@pytest.fixture(scope="module")
def model(tiny_home):
    return assemble(open_run(tiny_home / "run").spec)


@pytest.fixture
def load(model, rounds):
    """What loads the run's best checkpoint: under --full a whole command, else what all commands do for it."""

    def load():
        run, said = open_run(Path("run")), []
        load_chosen(choose_checkpoint(run.checkpoints_folder, "best", model, said.append), "best", model, said.append)

    return rounds(load, GENERATE)


def memory_kb(name):
    """Return a figure of this process, in kB; see proc_pid_status(5)."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1])


@pytest.fixture
def refused(answer, home, rounds, tally):
    """What spoils a home, gives a command there, holds the answer to the promise, and returns its lines."""

    def refused(spoil, command):
        spoil(home)
        before = listing_but_pipes(home)
        status, said, peak_kb = answer(command)
        assert status == 1, said
        assert "Traceback" not in said
        assert all(len(line) < 500 for line in said.splitlines())
        after = listing_but_pipes(home)
        assert {path: after.get(path) for path in before} == before
        assert not [path for path in after.keys() - before.keys() if not path.startswith("run/.lock")]
        assert peak_kb < rounds(GROWTH_KB, MEMORY_KB)
        tally(PROMISE, "crafted runs and specs, each refused", 1)
        tally(PROMISE, "most memory that a command took of them, in MB", peak_kb / 1000)
        return said.splitlines()

    return refused


def listing_but_pipes(home):
    """Return what lies in a home; links, pipes and devices are not followed."""
    files = {}
    for path in home.rglob("*"):
        name = path.relative_to(home).as_posix()
        files[name] = str(path.readlink()) if path.is_symlink() else path.stat().st_size if path.is_file() else ""
    return files


@pytest.mark.parametrize("spoil", CHECKPOINTS.values(), ids=CHECKPOINTS)
def test_a_hostile_checkpoint_is_refused(refused, load, spoil):
    *_, line = refused(spoil, load)
    assert line.startswith("run/checkpoints")


@pytest.mark.parametrize("name", ["a pickled object", "a state of 30 million lists", "weights that are a device"])
def test_generate_refuses_it_too(refused, name):
    *_, line = refused(CHECKPOINTS[name], GENERATE)
    assert line.startswith("run/checkpoints")


@pytest.mark.parametrize("spoil", FITTED.values(), ids=FITTED)
def test_a_hostile_run_directory_is_not_trained(refused, spoil):
    *_, line = refused(spoil, FIT)
    assert line.startswith("run/")


@pytest.mark.parametrize("spoil", BATCHES.values(), ids=BATCHES)
def test_a_hostile_batch_is_refused_before_anything_is_allocated(refused, spoil):
    refused(spoil, FIT)


@pytest.mark.parametrize("name", ["a width of a million", "a window of 2e9"])
def test_check_refuses_it_too(refused, name):
    refused(SPECS[name], "check spec.json")


@pytest.mark.parametrize("command", [GENERATE, FIT], ids=["generate", "fit"])
@pytest.mark.parametrize("spoil", SPECS.values(), ids=SPECS)
def test_a_hostile_spec_is_refused_before_anything_is_allocated(refused, spoil, command):
    refused(spoil, command)


@pytest.mark.parametrize("command", [GENERATE, "evaluate run"], ids=["generate", "evaluate"])
def test_a_link_to_nowhere_as_the_only_checkpoint_is_told_in_one_line(home, command):
    shutil.rmtree(home / "run/checkpoints")
    (home / "run/checkpoints").mkdir()
    (home / "run/checkpoints/step-0000000009-validated").symlink_to("nowhere")
    answer = give(command, home)
    assert (answer.status, answer.out) == (1, "")
    (line,) = answer.err.splitlines()
    assert line.startswith("run/checkpoints/step-0000000009-validated/")


def test_what_was_refused_is_not_allocated_later(home):
    shutil.copy(home / "spec.json", home / "good.json")
    SPECS["a width of a million"](home)
    assert "of memory at once" in give("check spec.json", home).err
    assert give("check good.json", home).status == 0
