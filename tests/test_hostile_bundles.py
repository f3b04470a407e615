"""A bundle from a stranger: it is refused in one line, and nothing is written or allocated for it."""

import io
import json
import math
import os
import pickle
import shutil
import stat
import struct
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from bundle_files import by_zipfile, members_of, packed, signed, with_array, with_spec
from command_line import done, give, listing

from keras_samplernn.bundles import archive
from keras_samplernn.bundles.unbundling import unbundle_run
from keras_samplernn.data.wav_writer import wav_header
from keras_samplernn.errors import UserError

GROWTH_KB = 150_000
HUGE = 2_000_000_000
PROMISE = "hostile bundle"
AGAIN = "get the file again from its maker"
CENTRAL, END = archive._CENTRAL, archive._END


def patched(find, offset, layout, *values):
    """Return what overwrites numbers of a true bundle, at an offset from the last `find`."""

    def make(members):
        content = bytearray(packed(members))
        struct.pack_into(layout, content, content.rindex(find) + offset, *values)
        return bytes(content)

    return make


def entry(offset, layout, *values, name="spec.json"):
    """Return what overwrites a field of the directory's entry of a member."""
    return patched(name.encode(), offset - CENTRAL.size, layout, *values)


def both(local, central, layout, *values):
    """Return what overwrites a field before the weights, and the same one in the directory."""

    def make(members):
        content, data = bytearray(packed(members)), members["weights.npz"]
        place = content.index(archive.Member("weights.npz", zipfile.crc32(data), len(data)).local)
        struct.pack_into(layout, content, place + local, *values)
        struct.pack_into(layout, content, content.rindex(b"weights.npz") - CENTRAL.size + central, *values)
        return bytes(content)

    return make


def end(offset, layout, *values):
    return patched(b"PK\5\6", offset, layout, *values)


def renamed(name, new):
    """Return what gives a member another name, by Python's own module, so that any name can be."""
    return lambda members: by_zipfile({new if each == name else each: data for each, data in members.items()})


def added(name, content=b"evil"):
    return lambda members: signed(members | {name: content})


def changed(name, content):
    """Return what replaces a member without the manifest's leave."""
    return lambda members: packed(members | {name: content})


def replaced(name, content):
    return lambda members: signed(members | {name: content})


def manifest(**fields):
    return lambda members: signed(members, **fields)


def special(mode):
    """Return what adds a member that is no file."""

    def make(members):
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as stream:
            for name, data in members.items():
                info = zipfile.ZipInfo(name)
                info.external_attr = (mode if name == "spec.json" else 0o100644) << 16
                stream.writestr(info, b"/etc/passwd" if name == "spec.json" else data)
        return content.getvalue()

    return make


def overlapping(members):
    """Return a bundle in which the entry of one member leads to the bytes of another."""
    content = packed(members)
    first = content.rindex(b"README.md") - CENTRAL.size
    offset = content.rindex(b"spec.json") - 4
    return content[:offset] + content[first + 42 : first + 46] + content[offset + 4 :]


def twice(members):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as stream, warnings.catch_warnings(action="ignore"):
        for name, data in [*members.items(), ("spec.json", b"{}")]:
            stream.writestr(name, data)
    return content.getvalue()


def unsorted(members):
    names = sorted(members, reverse=True)
    table = [archive.Member(name, zipfile.crc32(members[name]), len(members[name])) for name in names]
    return b"".join(member.local + members[member.name] for member in table) + archive._tail(table)


def with_zip64(members):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as stream:
        for name, data in sorted(members.items()):
            with stream.open(name, "w", force_zip64=True) as member:
                member.write(data)
    return content.getvalue()


def zip64_end(members):
    """Return a bundle with a zip64 end, which says that there are 2**60 members."""
    content = packed(members)
    place = len(content) - END.size
    long = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, 2**60, 2**60, 2**60, place)
    return content[:place] + long + struct.pack("<4sIQI", b"PK\6\7", 0, place, 1) + b"PK\5\6" + b"\xff" * 16 + b"\0\0"


def state(**fields):
    return lambda members: signed(
        members | {"state.json": json.dumps(json.loads(members["state.json"]) | fields).encode()}
    )


def tier(number, **fields):
    return with_spec(lambda spec: spec["tiers"][number].update(fields))


def not_finite(value):
    def change(array):
        array.flat[-1] = value
        return array

    return with_array(change)


def wav(rate, more=b""):
    return wav_header(rate, 4) + b"\1\0\2\0" + more


UNKNOWN = "which is no member of a bundle"
PACKED = "was not packed by `bundle`, or was packed anew by another program"
FILES = {
    "no zip": (lambda members: bytes(5000), "is not a bundle: it is not a zip file"),
    "nothing": (lambda members: b"", "is not a bundle: it is not a zip file"),
    "a pickle": (lambda members: pickle.dumps(os.getcwd), "is not a bundle: it is not a zip file"),
    "an archive cut in half": (lambda members: packed(members)[:3000], "is cut short, or goes on after its end"),
    "an archive without its last byte": (lambda members: packed(members)[:-1], "is cut short, or goes on"),
    "an archive that goes on": (lambda members: packed(members) + b"PK", "is cut short, or goes on after its end"),
    "something before the archive": (lambda members: b"#!/bin/sh\n" + packed(members), "its directory is not where"),
    "something between two members": (
        lambda members: packed(members).replace(b"PK\3\4", b"evilPK\3\4", 2)[4:],
        "its directory is not where",
    ),
    "a comment": (lambda members: packed(members)[:-2] + b"\4\0evil", "is cut short, or goes on after its end"),
    "an archive packed anew": (lambda members: by_zipfile(members), "contradicts the directory at the end"),
    "an archive in another order": (unsorted, PACKED),
    "zip64": (with_zip64, "contradicts the directory at the end"),
    "a zip64 end of 2**60 members": (zip64_end, "has 65,535 members in a directory of"),
    "sizes that are in zip64": (both(18, 20, "<II", 2**32 - 1, 2**32 - 1), "bytes, it says, and the file ends"),
    "an end of 65,535 members": (end(8, "<HH", 65535, 65535), "has 65,535 members in a directory of"),
    "an end of a member too many": (end(8, "<HH", 7, 7), "has a damaged directory, or fewer members than the 7"),
    "an end of a member too few": (end(8, "<HH", 4, 4), PACKED),
    "a directory of 4 GB": (end(12, "<I", 2**32 - 1), "has 5 members in a directory of 4,294,967,295 bytes"),
    "a directory elsewhere": (end(16, "<I", 7), "its directory is not where its end says"),
    "a thousand members": (
        lambda members: by_zipfile({f"{number}": b"" for number in range(1000)}),
        "has 1,000 members in a directory of",
    ),
    "a zip bomb": (
        lambda members: by_zipfile(members | {"weights.npz": bytes(200_000_000)}, zipfile.ZIP_DEFLATED),
        "is compressed; members of a bundle are not",
    ),
    "compressed members": (
        lambda members: by_zipfile(members, zipfile.ZIP_BZIP2),
        "is compressed; members of a bundle are not",
    ),
    "a size that is a lie": (both(18, 20, "<II", 10, 10), PACKED),
    "a size in the directory that is a lie": (entry(20, "<II", HUGE, HUGE), "what stands before spec.json contradicts"),
    "another size when it is packed": (entry(20, "<I", 10), '"spec.json" is compressed'),
    "an encrypted member": (entry(8, "<H", 1), '"spec.json" is encrypted; members of a bundle are not'),
    "an encrypted directory": (entry(8, "<H", 1 << 13), '"spec.json" is encrypted; members of a bundle are not'),
    "a member on another disk": (entry(34, "<H", 1), PACKED),
    "overlapping members": (overlapping, PACKED),
    "another CRC": (both(14, 16, "<I", 7), "weights.npz is damaged, its CRC-32 is another one"),
    "another name in the directory": (patched(b"README.md", 0, "<9s", b"README.Md"), "contradicts the directory"),
    "another CRC in the directory": (entry(16, "<I", 7), "what stands before spec.json contradicts the directory"),
    "another sha256": (changed("spec.json", b"{}"), "spec.json was changed: its size or sha256 is not that in"),
    "a name twice": (twice, "has two members of one name"),
    "names that differ by case": (added("readme.md"), "or of names that differ in upper and lower case only"),
    "a way out": (added("../evil"), f'holds "../evil", {UNKNOWN}'),
    "a way out of sounds": (added("sounds/../../evil.wav"), f'holds "sounds/../../evil.wav", {UNKNOWN}'),
    "a way out in the place of a member": (renamed("spec.json", "../spec.json"), "contradicts the directory"),
    "an absolute name": (added("/etc/evil"), f'holds "/etc/evil", {UNKNOWN}'),
    "a way out with backslashes": (added("..\\evil"), f'holds "..\\evil", {UNKNOWN}'),
    "a drive": (added("C:evil.wav"), f'holds "C:evil.wav", {UNKNOWN}'),
    "a name with NUL": (added("sounds/a\0.wav"), f'holds "sounds/a\\x00.wav", {UNKNOWN}'),
    "a name with a line feed": (added("sounds/a.wav\n"), f'holds "sounds/a.wav\\n", {UNKNOWN}'),
    "a hidden sound": (added("sounds/.a.wav"), UNKNOWN),
    "an unknown member": (added("evil.py"), f'holds "evil.py", {UNKNOWN}'),
    "a member that a run has": (added("checkpoints/step-0000000002/manifest.json"), UNKNOWN),
    "a name that is not ASCII": (renamed("spec.json", "ſpec.json"), "is no name of a member of a bundle"),
    "no spec": (
        lambda members: signed({name: data for name, data in members.items() if name != "spec.json"}),
        "is not a bundle: it has no spec.json",
    ),
    "an empty archive": (lambda members: packed({}), "is not a bundle: it has no README.md"),
    "a link": (special(stat.S_IFLNK | 0o777), '"spec.json" is a link, a folder or a device'),
    "a device": (special(stat.S_IFCHR | 0o666), '"spec.json" is a link, a folder or a device'),
    "a folder": (special(stat.S_IFDIR | 0o777), '"spec.json" is a link, a folder or a device'),
}
CHANGED = "is not one that `bundle` wrote"
CONTENTS = {
    "a manifest that is a list": (lambda members: packed(members | {"bundle.json": b"[]"}), CHANGED),
    "a manifest of brackets": (lambda members: packed(members | {"bundle.json": b"[" * 1_900_000}), CHANGED),
    "a manifest of 3 MB": (
        lambda members: packed(members | {"bundle.json": b" " * 3_000_000}),
        "bundle.json has 3,000,000 bytes, and 2,000,000 are the most that it may have",
    ),
    "a field too many": (manifest(evil=1), CHANGED),
    "a checkpoint that is a path": (manifest(checkpoint="../../evil"), CHANGED),
    "a span that is no number": (manifest(longest_spans={"class": {"0": math.nan}}), CHANGED),
    "a title of two lines": (manifest(about={"title": "a\nb", "licence": None, "about": None}), CHANGED),
    "a package that is a command": (
        manifest(requires=[{"kind": "tier", "type": "x", "package": "x; rm -rf ~", "version": "1"}]),
        CHANGED,
    ),
    "a member that the manifest does not know": (
        manifest(members={}),
        "its bundle.json does not tell of the members that are there",
    ),
    "a size that the manifest does not know": (
        lambda members: signed(
            members,
            members=json.loads(members["bundle.json"])["members"] | {"README.md": {"size": 1, "sha256": "0" * 64}},
        ),
        "README.md was changed: its size or sha256 is not that in bundle.json",
    ),
    "a card of 3 MB": (replaced("README.md", b"a" * 3_000_000), "README.md has 3,000,000 bytes"),
    "a spec of 3 MB": (replaced("spec.json", b"a" * 3_000_000), "spec.json has 3,000,000 bytes"),
    "a spec of brackets": (replaced("spec.json", b"[" * 100_000), "spec.json: objects are nested too deeply"),
    "a spec that is no text": (replaced("spec.json", b"\xff\xfe"), "spec.json is not text"),
    "a width of a million": (
        with_spec(lambda spec: [each.update(dim=1_000_000) for each in spec["tiers"]]),
        "of memory at once",
    ),
    "a window of 2e9": (tier(-1, window=HUGE), "spec.json: "),
    "another width": (tier(0, dim=7), "weights.npz does not fit spec.json"),
    "another width within the same size": (with_array(lambda array: array.reshape(1, -1)), "weights.npz does not fit"),
    "a tier that is a function": (tier(0, type="os:mkdir"), 'type = "os:mkdir" is not installed'),
    "a path to sounds": (
        with_spec(lambda spec: spec["data"].update(valid="/etc")),
        "spec.json: data.valid names a folder or file, and a bundle names none",
    ),
    "a path to an index": (
        with_spec(lambda spec: spec["monitoring"].update(index="../../secrets.txt")),
        "spec.json: monitoring.index names a folder or file",
    ),
    "weights that are not numbers": (not_finite(np.nan), "weights.npz holds numbers that are not finite"),
    "weights without end": (not_finite(np.inf), "weights.npz holds numbers that are not finite"),
    "weights of float64": (with_array(lambda array: array.astype(np.float64)), "weights.npz does not fit spec.json"),
    "weights of 30 MB": (replaced("weights.npz", bytes(30_000_000)), "weights.npz does not fit spec.json"),
    "weights that are a pickle": (
        lambda members: signed(
            members | {"weights.npz": pickle.dumps(os.getcwd).ljust(len(members["weights.npz"]), b"\0")}
        ),
        "weights.npz does not fit spec.json",
    ),
    "a state of another step": (state(step=7), "state.json is not that of step-0000000002-validated"),
    "a state with a field too many": (state(evil=1), "state.json is not that of"),
    "a state of a million rows": (state(rows=[{"step": 2}] * 1_000_000), "state.json is not that of"),
    "a state of brackets": (replaced("state.json", b"[" * 100_000), "state.json is not that of"),
    "a state of 4 million lists": (replaced("state.json", b"[" + b"[]," * 4_000_000 + b"[]]"), "state.json is not"),
    "a sound that is none": (added("sounds/a.wav"), "sounds/a.wav is not a wav of 16-bit PCM, mono, 4000 Hz"),
    "a sound with a chunk more": (added("sounds/a.wav", wav(4000, b"LIST\0\0\0\0")), "sounds/a.wav is not a wav"),
    "a sound of another rate": (added("sounds/a.wav", wav(8000)), "sounds/a.wav is not a wav of 16-bit PCM"),
    "a sound that says it is longer": (added("sounds/a.wav", wav(4000)[:-2]), "sounds/a.wav is not a wav of"),
    "33 sounds": (
        lambda members: signed(members | {f"sounds/{number}.wav": wav(4000) for number in range(33)}),
        "has 33 sounds; a bundle has 32 at most",
    ),
}


@pytest.fixture(scope="module")
def members(tiny_home, tmp_path_factory):
    """The members of a true bundle of the tiny run."""
    folder = tmp_path_factory.mktemp("hostile")
    shutil.copytree(tiny_home / "run", folder / "run")
    done("bundle run model.zip", folder)
    return members_of(folder / "model.zip")


def memory_kb(name):
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1])


@pytest.fixture
def refusal(tmp_path, monkeypatch, tally):
    """Unbundle a file of some bytes, which must fail; return the line that is told without the name of the file."""
    monkeypatch.chdir(tmp_path)

    def refusal(content):
        Path("model.zip").write_bytes(content)
        before = listing(tmp_path)
        Path("/proc/self/clear_refs").write_text("5")  # forgets the peak
        before_kb = memory_kb("VmRSS")
        with pytest.raises(UserError) as error:
            unbundle_run(Path("model.zip"), Path("out"), lambda line: None)
        grown_kb = memory_kb("VmHWM") - before_kb
        tally(PROMISE, "kinds of bundles, each refused", 1)
        tally(PROMISE, "most memory that one took on top, MB", grown_kb // 1000)
        assert grown_kb < GROWTH_KB
        assert listing(tmp_path) == before
        (line,) = error.value.lines
        assert line.startswith("model.zip: ") and "\n" not in line
        return line.removeprefix("model.zip: ")

    return refusal


def test_the_bundle_that_is_spoiled_is_a_true_one(members, tmp_path):
    content = packed(members)
    (tmp_path / "model.zip").write_bytes(content)
    assert signed(members) == content
    assert unbundle_run(tmp_path / "model.zip", tmp_path / "out", lambda line: None) == tmp_path / "out"


@pytest.mark.parametrize("make, told", FILES.values(), ids=FILES)
def test_a_hostile_zip_file_is_refused(refusal, members, make, told):
    line = refusal(make(members))
    assert told in line and line.endswith(AGAIN)


@pytest.mark.parametrize("make, told", CONTENTS.values(), ids=CONTENTS)
def test_hostile_members_are_refused(refusal, members, make, told):
    assert told in refusal(make(members))


def test_no_byte_can_be_changed_and_none_left_out(refusal, members, rounds):
    content, rng = packed(members), np.random.default_rng(5)
    for place in rng.integers(len(content), size=rounds(15, 2000)):
        refusal(content[:place] + bytes([content[place] ^ 1 << rng.integers(8)]) + content[place + 1 :])
        refusal(content[:place])


def test_a_newer_format_asks_for_a_newer_version(refusal, members):
    told = "is of a format that this version does not read; install a newer keras_samplernn"
    assert refusal(signed(members, format=2)) == told


def put(kind):
    def spoil(path):
        if kind == "pipe":
            os.mkfifo(path)
        elif kind == "folder":
            path.mkdir()
        elif kind is not None:
            path.symlink_to(kind)

    return spoil


@pytest.mark.parametrize(
    "kind, told",
    {
        "pipe": "is not a file",
        "folder": "is not a file",
        "/dev/zero": "is not a file",
        "nowhere": "cannot be read (No such file or directory)",
        None: "cannot be read (No such file or directory)",
    }.items(),
)
def test_what_is_no_file_is_refused(tmp_path, kind, told):
    put(kind)(tmp_path / "model.zip")
    answer = give("unbundle model.zip", tmp_path)
    assert (answer.status, answer.out) == (1, "")
    assert answer.err == f"model.zip: {told}; give a file that `bundle` wrote\n"
    assert not (tmp_path / "runs").exists()


def test_a_bundle_behind_a_link_is_read(members, tmp_path):
    (tmp_path / "blob").write_bytes(packed(members))
    (tmp_path / "model.zip").symlink_to("blob")  # as the cache of a hub keeps its files
    assert done("unbundle model.zip", tmp_path) == ["runs/tiny"]


def test_on_a_full_disk_nothing_is_left(members, tmp_path, monkeypatch):
    (tmp_path / "model.zip").write_bytes(packed(members))

    def full(self, content):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(UserError, match="out: cannot be written: No space left on device; free space on its disk"):
        unbundle_run(tmp_path / "model.zip", tmp_path / "out", lambda line: None)
    assert [path.name for path in tmp_path.iterdir()] == ["model.zip"]
