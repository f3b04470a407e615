"""Hostile and damaged pickles are refused in one line; nothing of them runs, and memory stays small."""

import codecs
import io
import os
import pickle
import pickletools
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from theano_oracle import random_arrays
from theano_pickles import RECONSTRUCT, array, checkpoint, dtype, text, words

from keras_samplernn.errors import UserError
from keras_samplernn.theano.results import Results
from keras_samplernn.theano.unpickler import MOST_OPCODES, unpickle

MARKER = "theano_hostile_ran"
VALUES = np.arange(6, dtype="f4").reshape(2, 3)
ARRAY = array(VALUES)
STATE = b"(I1\n(I2\nI3\nt" + dtype()


class Calls:
    def __init__(self, function, *arguments):
        self.called = function, arguments

    def __reduce__(self):
        return self.called


def named(value: bytes) -> bytes:
    """Return a dict of one name."""
    return b"(d" + text(b"x") + value + b"s."


def with_state(state: bytes) -> bytes:
    """Return a dict with an array of this state."""
    return named(RECONSTRUCT + state + b"b")


def of_shape(shape: bytes, data: bytes = b"S''\n") -> bytes:
    return with_state(b"(I1\n(" + shape + b"t" + dtype() + b"I00\n" + data + b"t")


COMMAND = f"touch {MARKER}"
HOSTILE = {
    "REDUCE of os.system": (pickle.dumps(Calls(os.system, COMMAND), 0), "asks for posix.system"),
    "REDUCE of os.system, protocol 4": (pickle.dumps({"x": Calls(os.system, COMMAND)}, 4), "asks for posix.system"),
    "REDUCE of eval": (
        b"c__builtin__\neval\n(S'open(\"" + MARKER.encode() + b'", "w")\'\ntR.',
        "asks for __builtin__.eval",
    ),
    "a name of NumPy that runs code": (
        b"cnumpy.testing._private.utils\nrunstring\n(S'x'\n(dtR.",
        "asks for numpy.testing._private.utils.runstring",
    ),
    "a name that allocates": (b"cnumpy\nzeros\n((I1000000000\nttR.", "asks for numpy.zeros"),
    "a name below an allowed one": (pickle.dumps(Calls(codecs.encode, "x", "latin1"), 2), "asks for _codecs.encode"),
    "a dotted name, protocol 4": (b"\x80\x04\x8c\x05numpy\x8c\x0endarray.tofile\x93.", "asks for numpy.ndarray.tofile"),
    "NumPy's own scalar": (pickle.dumps({"x": np.float32(1)}, 4), "asks for numpy."),
    "a buffer of protocol 5": (pickle.dumps({"x": VALUES}, 5), "asks for numpy."),
    "INST": (b"(S'" + COMMAND.encode() + b"'\nios\nsystem\n.", "has INST"),
    "OBJ": (b"(cos\nsystem\nS'" + COMMAND.encode() + b"'\no.", "asks for os.system"),
    "OBJ of an allowed name": (b"(cnumpy\nndarray\n(I9\nto.", "has OBJ"),
    "NEWOBJ": (b"\x80\x02cnumpy\nndarray\n(I99999999\nt\x85\x81.", "has NEWOBJ"),
    "NEWOBJ_EX": (b"\x80\x04cnumpy\nndarray\n)}\x92.", "has NEWOBJ_EX"),
    "EXT1": (b"\x80\x02\x82\x01.", "has EXT1"),
    "EXT2": (b"\x80\x02\x83\x01\x00.", "has EXT2"),
    "EXT4": (b"\x80\x02\x84\x01\x00\x00\x00.", "has EXT4"),
    "PERSID": (b"Psome id\n.", "has PERSID"),
    "BINPERSID": (b"S'x'\nQ.", "has BINPERSID"),
    "NEXT_BUFFER": (b"\x80\x05\x97.", "has NEXT_BUFFER"),
    "READONLY_BUFFER": (b"\x80\x05\x97\x98.", "has NEXT_BUFFER"),
    "REDUCE of a text": (b"S'x'\n(tR.", "calls what is not to be called"),
    "REDUCE of ndarray": (b"cnumpy\nndarray\n((I1000000000\nttR.", "calls what is not to be called"),
    "REDUCE with the arguments of another array": (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I1000000000\ntS'b'\ntR.",
        "has an array that begins otherwise than NumPy writes it",
    ),
    "BUILD of a dict": (b"}}b.", "gives a state to what has none"),
    "BUILD of a name": (b"cnumpy\nndarray\n}b.", "gives a state to what has none"),
    "two states": (
        named(ARRAY + b"(I1\n(I1\nt" + dtype() + b"I00\nS'abcd'\ntb"),
        "has an array that is given two states",
    ),
    "a dtype of objects": (
        named(array(VALUES).replace(b"S'f4'", b"S'O8'")),
        "has a dtype that is neither float32 nor float64",
    ),
    "a dtype of bytes": (
        named(array(VALUES).replace(b"S'f4'", b"S'V4'")),
        "has a dtype that is neither float32 nor float64",
    ),
    "a dtype with fields": (
        named(ARRAY.replace(b"NNNI-1", b"N)NI-1")),
        "has a dtype with fields, metadata or a size of its own",
    ),
    "a dtype without a byte order": (named(ARRAY.replace(b"S'<'", b"S'|'")), "has a dtype without a byte order"),
    "a dtype without a state": (
        named(ARRAY.replace(b"(I3\nS'<'\nNNNI-1\nI-1\nI0\ntb", b"")),
        "has a dtype without a state",
    ),
    "a list of objects in the place of bytes": (of_shape(b"I2\nI3\n", b"N"), "has an array whose values are not bytes"),
    "a shape that overflows": (
        of_shape(b"I2147483647\nI2147483647\n"),
        "has an array that needs 18,446,744,056,529,682,436 bytes and has 0",
    ),
    "a shape of huge numbers": (
        of_shape(b"L18446744073709551615L\n"),
        "has a line that is too long, or ends in the middle",
    ),
    "a negative shape": (
        of_shape(b"I-1\nI-1\n", b"S'abcd'\n"),
        "has an array whose shape is not that of a vector or a matrix",
    ),
    "a shape of zero": (of_shape(b"I0\nI5\n"), "has an array whose shape is not that of a vector or a matrix"),
    "a shape of 65 axes": (
        of_shape(b"I1\n" * 65, b"S'abcd'\n"),
        "has an array whose shape is not that of a vector or a matrix",
    ),
    "a shape of truths": (
        of_shape(b"I01\n", b"S'abcd'\n"),
        "has an array whose shape is not that of a vector or a matrix",
    ),
    "fewer bytes than the shape": (of_shape(b"I2\nI3\n", b"S'abcd'\n"), "has an array that needs 24 bytes and has 4"),
    "more bytes than the shape": (of_shape(b"I1\n", b"S'abcdefgh'\n"), "has an array that needs 4 bytes and has 8"),
    "an array that is a state of itself": (
        RECONSTRUCT + b"p1\ng1\nb.",
        "has an array whose state is not that of NumPy's version 1",
    ),
    "a huge BINUNICODE": (b"X\xff\xff\xff\xffabc.", "has a text that is too long"),
    "a huge BINUNICODE8": (b"\x80\x04\x8d" + struct.pack("<Q", 2**62) + b"abc.", "has BINUNICODE8"),
    "a huge BINBYTES": (b"\x80\x03B\xff\xff\xff\xffabc.", "ends in the middle, or names a length beyond its end"),
    "a huge BINBYTES8": (
        b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"abc.",
        "ends in the middle, or names a length beyond its end",
    ),
    "a huge BYTEARRAY8": (b"\x80\x05\x96" + struct.pack("<Q", 2**62) + b"abc.", "has BYTEARRAY8"),
    "a huge BINSTRING": (b"T\xff\xff\xff\x7fabc.", "ends in the middle, or names a length beyond its end"),
    "a negative BINSTRING": (b"T\xff\xff\xff\xffabc.", "ends in the middle, or names a length beyond its end"),
    "a huge LONG4": (b"\x80\x02\x8b\xff\xff\xff\x7f\x01.", "has LONG4"),
    "a long LONG1": (b"\x80\x02\x8a\xff" + b"\x01" * 255 + b".", "has a number of more than 64 bits"),
    "a LONG of a million digits": (
        b"L" + b"9" * 1_000_000 + b"L\n.",
        "has a line that is too long, or ends in the middle",
    ),
    "an INT that is none": (b"I1_000\n.", "has a number that is none"),
    "a huge FRAME": (
        b"\x80\x04\x95" + struct.pack("<Q", 2**62) + b"N.",
        "ends in the middle, or names a length beyond its end",
    ),
    "a memo bomb": (b"N" + b"r\xff\xff\xff\xff" * 1000 + b".", "holds no arrays by name"),
    "a memo bomb in text": (b"Np99999999999999999999999999\n.", "has a line that is too long, or ends in the middle"),
    "a memo that is not there": (b"g7\n.", "takes what is not there"),
    "billion laughs of tuples": (
        b"(tp0\n" + b"".join(b"(" + b"g%d\n" % n * 10 + b"tp%d\n" % (n + 1) for n in range(30)) + b".",
        "nests what no checkpoint nests",
    ),
    "billion laughs of lists": (
        b"]q\x00" + b"".join(b"]" + b"h" + bytes([n]) + b"aq" + bytes([n + 1]) for n in range(50)) + b".",
        "has a list of other things than words and numbers",
    ),
    "a list in itself": (b"]q\x00h\x00a.", "has a list of other things than words and numbers"),
    "a dict in itself": (b"}q\x00S'x'\nh\x00s.", "has a name for what is no array"),
    "a tuple a million deep": (b")" + b"\x85" * 1_000_000 + b".", "nests what no checkpoint nests"),
    "a million marks": (b"(" * 1_000_000 + b".", "has more than 50,000 opcodes"),
    "a million Nones": (b"N" * 1_000_000 + b".", "has more than 50,000 opcodes"),
    "endless DUP": (b"N" + b"2" * 100_000 + b".", "has DUP"),
    "POP of nothing": (b"0.", "has POP"),
    "STOP of nothing": (b".", "takes what is not there"),
    "STOP at a mark": (b"(.", "takes what is not there"),
    "TUPLE without a mark": (b"NNt.", "takes what is not there"),
    "SETITEM of nothing": (b"s.", "takes what is not there"),
    "a dict by numbers": (b"(dI1\n" + ARRAY + b"s.", "has a name that is no text, too long or there twice"),
    "a dict of texts": (named(text(b"y")), "has a name for what is no array"),
    "a name twice": (
        b"(d" + (text(b"x") + ARRAY + b"s") * 2 + b".",
        "has a name that is no text, too long or there twice",
    ),
    "an odd dict": (b"(S'x'\nd.", "gives names to what takes none"),
    "a set": (b"\x80\x04\x8f.", "has EMPTY_SET"),
    "a float": (b"F1.5\n.", "has FLOAT"),
    "a text without an end": (b"S'abc", "has a line that is too long, or ends in the middle"),
    "a text with a broken escape": (b"S'\\x'\n.", "has a text that Python 2 does not write"),
    "a text with an escape that Python 2 does not write": (b"S'\\q'\n.", "has a text that Python 2 does not write"),
    "a text that is not UTF-8": (b"X\x01\x00\x00\x00\xff.", "has a text that is not utf-8"),
    "another protocol": (b"\x80\x09N.", "is of a protocol that Python does not have"),
    "a second protocol": (b"\x80\x02\x80\x02N.", "is of a protocol that Python does not have"),
    "what follows its end": (named(ARRAY) + b"cos\nsystem\n.", "goes on after its end"),
    "two values": (b"NN.", "goes on after its end"),
    "nothing": (b"", "ends in the middle, or names a length beyond its end"),
    "no pickle": (b"\x89PNG\r\n\x1a\n", "has PERSID"),
    "zeros": (bytes(1000), "has a byte that is no opcode"),
}


def results_of(folder: Path, content: bytes) -> Results:
    (folder / "x.pkl").write_bytes(content)
    return Results(folder / "x.pkl", None)


def read(content: bytes):
    return unpickle(io.BytesIO(content), len(content), "x.pkl", "give another")


@pytest.fixture(autouse=True)
def in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # what would run would leave its mark here


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_pickle_is_refused_in_one_line_and_little_memory(name, tmp_path):
    content, reason = HOSTILE[name]
    results = results_of(tmp_path, content)
    tracemalloc.start()
    try:
        with pytest.raises(UserError) as refused:
            results.read_arrays()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    (line,) = refused.value.lines
    assert line.startswith(f"{tmp_path}/x.pkl: {reason}")
    assert line.endswith("or its results folder") and "\n" not in line and len(line) < 500 + len(str(tmp_path))
    assert peak < 6_000_000 + 3 * len(content)
    assert [path.name for path in tmp_path.iterdir()] == ["x.pkl"]


def test_every_opcode_of_python_is_either_read_or_refused():
    """No opcode leads to an exception of another kind, whatever follows it."""
    for opcode in pickletools.opcodes:
        for rest in (b"", b".", b"\x00" * 20 + b".", b"1\n.", b"\xff" * 12 + b".", b"numpy\nndarray\n."):
            for before in (b"", b"N", b"(N", b"(dN", b"](", b"NNN", ARRAY, b"cnumpy\ndtype\n)"):
                try:
                    read(before + opcode.code.encode("latin1") + rest)
                except UserError as error:
                    assert len(error.lines) == 1


def test_bytes_changed_at_random_are_read_or_refused(rounds):
    """Nothing but a UserError comes of a checkpoint in which some bytes were changed."""
    arrays = {"a.W0": VALUES, "a.b": np.ones(3, "f4")}
    whole = [
        checkpoint(arrays),
        *(pickle.dumps(arrays, protocol) for protocol in (0, 2, 3, 4, 5)),
        words("x.py", "--dim", "4"),
    ]
    random, refused = np.random.default_rng(0), 0
    for _ in range(rounds(400, 100_000)):
        content = bytearray(whole[random.integers(len(whole))])
        for _ in range(random.integers(1, 4)):
            content[random.integers(len(content))] = random.integers(256)
        try:
            read(content[: random.integers(1, len(content) + 1)] if random.random() < 0.2 else content)
        except UserError as error:
            refused += 1
            assert len(error.lines) == 1
    assert refused > 100


def test_memory_is_a_small_multiple_of_the_file(tmp_path):
    values = np.random.default_rng(0).standard_normal((500, 1000)).astype("f4")  # 2 MB, as text three times that
    results = results_of(tmp_path, checkpoint({"x": values}))
    size = results.checkpoint.stat().st_size
    tracemalloc.start()
    try:
        found = results.read_arrays()["x"]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    np.testing.assert_array_equal(found, values)
    assert peak < 2.5 * size


def test_arrays_that_share_their_bytes_are_refused(tmp_path):
    data = text(bytes(4000)) + b"p9\n"
    state = b"(I1\n(I1000\nt" + dtype() + b"I00\n%stb"
    content = b"(d" + b"".join(
        text(b"x%d" % number) + RECONSTRUCT + state % (data if number == 0 else b"g9\n") + b"s" for number in range(100)
    )
    with pytest.raises(UserError, match="has more values than bytes, since arrays share them"):
        results_of(tmp_path, content + b".").read_arrays()


@pytest.mark.parametrize("options", [{}, {"order": b">"}, {"code": b"f8"}, {"fortran": True}], ids=str)
def test_each_order_and_precision_is_read(options, tmp_path):
    found = results_of(tmp_path, checkpoint({"x": VALUES}, **options)).read_arrays()["x"]
    np.testing.assert_array_equal(found, VALUES)
    assert found.dtype.itemsize == (8 if "code" in options else 4)


def test_a_checkpoint_that_python_2_wrote_with_protocol_2_is_read(tmp_path):
    head = b"\x80\x02}q\x01(U\x01xq\x02cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\nndarray\nq\x04K\x00\x85"
    kind = b"cnumpy\ndtype\nq\x06U\x02f4K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    state = b"(K\x01M\x02\x00\x8a\x01\x03\x86" + kind + b"\x89T" + struct.pack("<I", 24) + VALUES.tobytes() + b"tb"
    found = results_of(tmp_path, head + b"U\x01b\x87R" + state + b"u.").read_arrays()["x"]
    np.testing.assert_array_equal(found, VALUES)


@pytest.mark.parametrize("protocol", [3, 4])
def test_checkpoints_that_python_3_wrote_again_are_read(protocol, tmp_path):
    content = pickle.dumps({"x": VALUES, "y": np.asfortranarray(VALUES)}, protocol)
    other = {b"numpy.core.multiarray": b"numpy._core.multiarray", b"numpy._core.multiarray": b"numpy.core.multiarray"}
    (name,) = [name for name in other if name in content]
    renamed = content.replace(name, other[name]) if protocol == 3 else content  # lines have no length
    for each in (content, renamed):
        found = results_of(tmp_path, each).read_arrays()
        np.testing.assert_array_equal(found["x"], VALUES)
        np.testing.assert_array_equal(found["y"], VALUES)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_what_is_not_finite_is_refused(value, tmp_path):
    arrays = random_arrays({"FrameLevel": 4})
    arrays["SampleLevel.L2.W0"] = arrays["SampleLevel.L2.W0"].astype("f8")
    arrays["SampleLevel.L2.W0"][1, 1] = value
    with pytest.raises(
        UserError, match=r"x\.pkl: SampleLevel\.L2\.W0 is not finite in float32, so its training ran away"
    ):
        results_of(tmp_path, checkpoint(arrays, code=b"f8")).read_arrays()


@pytest.mark.parametrize(
    "content",
    [
        b"(lp1\n" + ARRAY + b"a.",
        b"(dp1\n.",
        words(*["x"] * 201),
        b"]]a.",
        pickle.dumps(Calls(os.system, COMMAND), 0),
        b"N.",
    ],
    ids=["arrays", "a dict", "too many", "a list in a list", "a call", "nothing"],
)
def test_a_hostile_command_line_is_refused_in_one_line(content, tmp_path):
    (tmp_path / "args.pkl").write_bytes(content)
    with pytest.raises(UserError) as refused:
        Results(tmp_path / "x.pkl", tmp_path / "args.pkl").read_words()
    (line,) = refused.value.lines
    assert line.startswith(f"{tmp_path}/args.pkl: ")
    assert line.endswith("; move it away, and give --q-type, --seq-len and --batch-size")
    assert [path.name for path in tmp_path.iterdir()] == ["args.pkl"]


def test_more_opcodes_than_any_checkpoint_has_are_refused(tmp_path):
    content = b"(t" + b"q\x00" * MOST_OPCODES + b"."
    with pytest.raises(UserError, match=r"has more than 50,000 opcodes \(at byte"):
        results_of(tmp_path, content).read_arrays()
