"""A restricted unpickler: a machine of our own for the few opcodes that arrays and lists of words need.

Python's own has opcodes that call, import and allocate whatever a file asks for, and allocates by lengths that it has
not compared with the file. This one has none of the first kind, knows the size of the file, and runs nothing: what a
pickle calls is one of the names in `stand_ins.py`, and the result of the call is a description.
"""

import codecs
import os
import pickletools
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from keras_samplernn.errors import UserError
from keras_samplernn.theano.pickle_bytes import MOST_DIGITS, PickleBytes
from keras_samplernn.theano.stand_ins import NAMES, ArrayStandIn, DtypeStandIn, Named, text_of

# A checkpoint of three tiers with five LSTMs each has about 5,000 opcodes.
MOST_OPCODES = 50_000
MOST_NAME_BYTES, MOST_TEXT_BYTES, MOST_PROTOCOL = 200, 10_000, 5
_MARK = object()


def read_pickle(path: Path, remedy: str) -> Any:
    """Return what a pickle holds; see `unpickle`.

    Args:
        path: a regular file.
        remedy: end of the messages.

    Raises:
        UserError: one line: the file cannot be read, is damaged, or asks for anything else than arrays and words.
    """
    try:
        with path.open("rb") as stream:
            return unpickle(stream, os.fstat(stream.fileno()).st_size, str(path), remedy)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); {remedy}") from None


def unpickle(stream: BinaryIO, size: int, place: str, remedy: str) -> Any:
    """Return what a pickle holds: a dict of arrays by name, a list or tuple of words and numbers, or one of these.

    Text of Python 2 is read as latin1. Memory is a small multiple of the size at most, and the number of objects is
    bounded; containers hold no containers, but for a tuple in a tuple.

    Args:
        stream: at its begin.
        size: bytes that it has.
        place: begin of the messages.
        remedy: end of the messages.

    Raises:
        UserError: one line: it is damaged, or asks for anything else than arrays and words.
    """
    return _Machine(PickleBytes(stream, size, place, remedy)).run()


class _Machine:
    """The stack and the memo; each method but `run` does what an opcode says."""

    def __init__(self, source: PickleBytes):
        self._source = source
        self._fail = source.fail
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._array_bytes = 0

    def run(self) -> Any:
        """Return what is on the stack at the end."""
        for _ in range(MOST_OPCODES):
            opcode = self._source.next_opcode()
            if opcode == b".":
                value = self._pop()
                if self._stack or self._source.left():
                    self._fail("goes on after its end")
                return _finished(value, self._fail)
            if (run := _OPCODES.get(opcode)) is None:
                known = pickletools.code2op.get(opcode.decode("latin1"))
                what = f"{known.name}, which no checkpoint needs" if known else "a byte that is no opcode"
                self._fail(f"has {what}")
            run(self)
        return self._fail(f"has more than {MOST_OPCODES:,} opcodes")

    def _push(self, value: Any) -> None:
        self._stack.append(value)

    def _pop(self) -> Any:
        if not self._stack or self._stack[-1] is _MARK:
            self._fail("takes what is not there")
        return self._stack.pop()

    def _top(self) -> Any:
        self._push(value := self._pop())
        return value

    def _pop_to_mark(self) -> list[Any]:
        for place in range(len(self._stack) - 1, -1, -1):
            if self._stack[place] is _MARK:
                values = self._stack[place + 1 :]
                del self._stack[place:]
                return values
        return self._fail("takes what is not there")

    def _tuple(self, values: list[Any]) -> None:
        for value in values:
            if isinstance(value, list | dict) or (
                isinstance(value, tuple) and any(isinstance(p, tuple) for p in value)
            ):
                self._fail("nests what no checkpoint nests")
        self._push(tuple(values))

    def _tuple_of(self, count: int) -> None:
        self._tuple([self._pop() for _ in range(count)][::-1])

    def _extend(self, values: list[Any]) -> None:
        target = self._top()
        if not isinstance(target, list) or not all(isinstance(each, _WORDS) for each in values):
            self._fail("has a list of other things than words and numbers")
        target.extend(values)

    def _set(self, pairs: list[Any]) -> None:
        target = self._top()
        if not isinstance(target, dict) or len(pairs) % 2:
            self._fail("gives names to what takes none")
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            name = text_of(key)
            if name is None or len(name) > MOST_NAME_BYTES or name in target:
                self._fail("has a name that is no text, too long or there twice")
            if not isinstance(value, ArrayStandIn):
                self._fail("has a name for what is no array")
            target[name] = value

    def _new(self, kind: type, extend: Callable) -> None:
        values = self._pop_to_mark()
        self._push(kind())
        extend(values)

    def _global(self, module: Any, name: Any) -> None:
        words = text_of(module), text_of(name)
        if words not in NAMES:
            shown = ".".join((word or "?")[:MOST_NAME_BYTES] for word in words)
            self._fail(f"asks for {shown}, where only NumPy's arrays are taken")
        self._push(NAMES[words])

    def _reduce(self) -> None:
        arguments, called = self._pop(), self._pop()
        kind = _RESULTS.get(called) if isinstance(called, Named) else None
        if kind is None or not isinstance(arguments, tuple):
            self._fail("calls what is not to be called")
        try:
            self._push(kind(arguments))
        except ValueError as error:
            self._fail(f"has {error}")

    def _build(self) -> None:
        state, target = self._pop(), self._top()
        if not isinstance(target, ArrayStandIn | DtypeStandIn):
            self._fail("gives a state to what has none")
        try:
            target.build(state)
        except ValueError as error:
            self._fail(f"has {error}")
        if isinstance(target, ArrayStandIn):
            self._array_bytes += target.size_bytes
            if self._array_bytes > self._source.size:
                self._fail("has more values than bytes, since arrays share them")

    def _integer(self) -> None:
        digits = self._source.line(MOST_DIGITS)
        # 00 and 01 are how Python 2 writes False and True.
        self._push(digits == b"01" if digits in (b"00", b"01") else self._source.whole(digits))

    def _short_long(self) -> None:
        if (count := self._source.length(1)) > 8:
            self._fail("has a number of more than 64 bits")
        self._push(int.from_bytes(self._source.read(count), "little", signed=True))

    def _quoted(self) -> None:
        line = self._source.whole_line(self._source.left())
        if len(line) < 3 or line[:1] not in (b"'", b'"') or line[-2:-1] != line[:1]:
            self._fail("has a text without quotes")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                # The values of an array are such a text: no copy is made of it.
                self._push(codecs.escape_decode(memoryview(line)[1:-2])[0])
        except (ValueError, Warning):
            self._fail("has a text that Python 2 does not write")

    def _unicode(self, content: bytes, encoding: str) -> None:
        if len(content) > MOST_TEXT_BYTES:
            self._fail("has a text that is too long")
        try:
            self._push(content.decode(encoding))
        except ValueError:
            self._fail(f"has a text that is not {encoding}")

    def _text(self, size: int) -> None:
        if (length := self._source.length(size)) > MOST_TEXT_BYTES:
            self._fail("has a text that is too long")
        self._unicode(self._source.read(length), "utf-8")

    def _put(self, place: int) -> None:
        self._memo[place] = self._top()

    def _get(self, place: int) -> None:
        if place not in self._memo:
            self._fail("takes what is not there")
        self._push(self._memo[place])

    def _protocol(self) -> None:
        if self._source.at or self._source.length(1) > MOST_PROTOCOL:
            self._fail("is of a protocol that Python does not have")

    def _frame(self) -> None:
        if self._source.length(8) > self._source.left():
            self._fail("ends in the middle, or names a length beyond its end")

    def _stack_global(self) -> None:
        name, module = self._pop(), self._pop()
        self._global(module, name)


_WORDS = (str, bytes, int, type(None))
_RESULTS = {Named.RECONSTRUCT: ArrayStandIn, Named.DTYPE: DtypeStandIn}
_OPCODES: dict[bytes, Callable[[_Machine], None]] = {
    b"(": lambda m: m._push(_MARK),
    b"}": lambda m: m._push({}),
    b"]": lambda m: m._push([]),
    b")": lambda m: m._push(()),
    b"d": lambda m: m._new(dict, m._set),
    b"l": lambda m: m._new(list, m._extend),
    b"t": lambda m: m._tuple(m._pop_to_mark()),
    b"\x85": lambda m: m._tuple_of(1),
    b"\x86": lambda m: m._tuple_of(2),
    b"\x87": lambda m: m._tuple_of(3),
    b"s": lambda m: m._set([m._pop(), m._pop()][::-1]),
    b"u": lambda m: m._set(m._pop_to_mark()),
    b"a": lambda m: m._extend([m._pop()]),
    b"e": lambda m: m._extend(m._pop_to_mark()),
    b"N": lambda m: m._push(None),
    b"\x88": lambda m: m._push(True),
    b"\x89": lambda m: m._push(False),
    b"I": _Machine._integer,
    b"L": lambda m: m._push(m._source.whole(m._source.line(MOST_DIGITS).removesuffix(b"L"))),
    b"\x8a": _Machine._short_long,
    b"J": lambda m: m._push(int.from_bytes(m._source.read(4), "little", signed=True)),
    b"K": lambda m: m._push(m._source.length(1)),
    b"M": lambda m: m._push(m._source.length(2)),
    b"S": _Machine._quoted,
    b"T": lambda m: m._push(m._source.read(m._source.length(4))),
    b"U": lambda m: m._push(m._source.read(m._source.length(1))),
    b"B": lambda m: m._push(m._source.read(m._source.length(4))),
    b"C": lambda m: m._push(m._source.read(m._source.length(1))),
    b"\x8e": lambda m: m._push(m._source.read(m._source.length(8))),
    b"V": lambda m: m._unicode(m._source.line(MOST_TEXT_BYTES), "raw-unicode-escape"),
    b"X": lambda m: m._text(4),
    b"\x8c": lambda m: m._text(1),
    b"c": lambda m: m._global(m._source.line(MOST_NAME_BYTES), m._source.line(MOST_NAME_BYTES)),
    b"\x93": _Machine._stack_global,
    b"R": _Machine._reduce,
    b"b": _Machine._build,
    b"p": lambda m: m._put(m._source.number()),
    b"q": lambda m: m._put(m._source.length(1)),
    b"r": lambda m: m._put(m._source.length(4)),
    b"\x94": lambda m: m._put(len(m._memo)),
    b"g": lambda m: m._get(m._source.number()),
    b"h": lambda m: m._get(m._source.length(1)),
    b"j": lambda m: m._get(m._source.length(4)),
    b"\x80": _Machine._protocol,
    b"\x95": _Machine._frame,
}


def _finished(value: Any, fail: Callable[[str], NoReturn]) -> Any:
    """Return a value with arrays in the place of what stood for them."""
    if isinstance(value, dict):
        try:
            return {name: each.array() for name, each in value.items()}
        except ValueError as error:
            fail(f"has {error}")
    return value
