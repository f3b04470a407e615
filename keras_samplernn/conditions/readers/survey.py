"""What a condition file speaks of, before there is a spec: the streams that it names, and the values of each."""

import io
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from keras_samplernn.conditions.readers.blocks import blocks_of_lines
from keras_samplernn.conditions.readers.header import OTHER_WORDS, POINTS, SPANS, cells_of
from keras_samplernn.conditions.readers.labels import ASSIGNED, BLANKS, END, fields_of
from keras_samplernn.conditions.readers.midi import NOTES, VELOCITY, note_name, notes_of
from keras_samplernn.conditions.readers.npy import load_array
from keras_samplernn.conditions.readers.said import Said
from keras_samplernn.conditions.readers.sound import is_time
from keras_samplernn.conditions.readers.textgrid import parse_textgrid
from keras_samplernn.errors import UserError
from keras_samplernn.spec import CLASS_NUMBER
from keras_samplernn.text import BLOCK_BYTES, quote, read_lines

UNNAMED = ""
"""The stream of values that stand without the name of one."""
_DELIMITERS = ",;\t"
_BLOCK_ROWS = 1 << 18
_ANY_RATE = 48_000  # of which only the order of notes depends


def survey_file(path: Path, samples: int | None = None) -> dict[str, Said]:
    """Return what a condition file says of each stream that it names, or of `UNNAMED`.

    Args:
        path: its suffix says its format.
        samples: length of the sound at its own rate, by which the header of a csv of one column is known.

    Raises:
        UserError: one line: the file cannot be read, or its columns have no names.
    """
    return _SURVEYS[path.suffix.lower()](path, samples)


def is_label_track(path: Path) -> bool:
    """Return whether a text file begins as a label track does, with two times; an empty one does."""
    try:
        lines = read_lines(path).decode().split("\n")
    except (UserError, UnicodeDecodeError):
        return False
    first = next((line for line in lines if line.strip()), "")
    times = [time.strip().replace(",", ".") for time in first.split("\t")[:2]]
    return not first or (len(times) == 2 and all(map(is_time, times)))


def _survey_csv(path: Path, samples: int | None) -> dict[str, Said]:
    text = read_lines(path, b"\r\n ")
    line = text.partition(b"\n")[0].decode(errors="replace").rstrip("\r")
    delimiter = max(_DELIMITERS, key=lambda each: len(cells_of(line, each)))
    cells = cells_of(line, delimiter)
    if len(cells) == 1:
        return _survey_column(text, cells[0], samples)
    if any(CLASS_NUMBER.fullmatch(cell) for cell in cells) or not all(cells):
        raise UserError(
            f"{path}:1: {quote(line)} has {len(cells)} columns and names none; begin with a line that names them, as"
            f" {','.join(SPANS)},class"
        )
    times = next((each for each in (SPANS, POINTS) if tuple(cells[: len(each)]) == each), ())
    if not times and (other := OTHER_WORDS.get(cells[0].lower())):
        raise UserError(f'{path}:1: "{cells[0]}" is not a column that is read; call it "{other}" if it holds times')
    if len(cells) == len(times):
        raise UserError(f"{path}:1: names no stream; add a column, such as class")
    return _survey_table(text.partition(b"\n")[2], delimiter, cells, len(times))


def _survey_column(text: bytes, first: str, samples: int | None) -> dict[str, Said]:
    values: set[bytes] = set()
    for block in blocks_of_lines(text, BLOCK_BYTES):
        values.update(block.removesuffix(b"\n").split(b"\n"))
    rows = text.count(b"\n") + 1
    named = not CLASS_NUMBER.fullmatch(first) and rows - 1 == samples
    said = Said()
    said.add(value.decode(errors="replace") for value in values)
    if named:
        said.names.discard(first)
    return {first if named else UNNAMED: said}


def _survey_table(text: bytes, delimiter: str, cells: list[str], times: int) -> dict[str, Said]:
    import pandas as pd  # here, since most corpora have no such file

    said = {name: Said() for name in cells[times:]}
    # Lines that are not as the header says are told, with their numbers, where the file is read as a whole.
    frames = pd.read_csv(
        io.BytesIO(text),
        sep=delimiter,
        header=None,
        names=range(len(cells)),
        index_col=False,
        dtype=str,
        keep_default_na=False,
        skipinitialspace=True,
        on_bad_lines="skip",
        encoding_errors="replace",
        chunksize=_BLOCK_ROWS,
    )
    with frames:
        for frame in frames:
            for column, name in enumerate(cells[times:], times):
                said[name].add(frame[column].dropna().unique(), moves=times == len(SPANS))
    return said


def _survey_labels(path: Path, samples: int | None) -> dict[str, Said]:
    said: dict[str, Said] = {}
    for number, line in enumerate(read_lines(path, b"\r\n ").split(b"\n"), 1):
        text = line.decode(errors="replace").strip("\r ")
        if not text.strip() or text.startswith("\\"):
            continue
        label = fields_of(text, f"{path}:{number}")[2]
        if label == END:
            continue
        assigned = list(ASSIGNED.finditer(label))
        stops = [*(found.start() for found in assigned), len(label)]
        values = [(UNNAMED, label[: stops[0]])]
        values += [(found[1], label[found.end() : stop]) for found, stop in zip(assigned, stops[1:], strict=True)]
        for name, value in values:
            if value := value.strip(BLANKS):
                said.setdefault(name, Said()).add([value], moves=True)
    return said


def _survey_textgrid(path: Path, samples: int | None) -> dict[str, Said]:
    said: dict[str, Said] = {}
    for tier in parse_textgrid(path)[2]:
        if tier.has_intervals:
            said.setdefault(tier.name, Said()).add((label for *_, label in tier.marks), moves=True)
    return said


def _survey_midi(path: Path, samples: int | None) -> dict[str, Said]:
    notes, _ = notes_of(path, _ANY_RATE)
    pitch, velocity = Said(), Said()
    pitch.add({note_name(note.number) for note in notes})
    velocity.add_numbers(np.array([note.velocity for note in notes]))
    return {NOTES[0]: pitch, VELOCITY: velocity}


def _survey_npy(path: Path, samples: int | None) -> dict[str, Said]:
    array = load_array(path)
    said: dict[str, Said] = {}
    if array.dtype.names is None:
        if array.dtype.kind not in "biuf" or array.ndim > 2 or not array.ndim:
            raise UserError(
                f"{path}: is an array of {array.dtype} of the shape {array.shape}; give numbers, (n, streams)"
            )
        columns = array[:, None] if array.ndim == 1 else array
        names = [UNNAMED] if columns.shape[1] == 1 else [f"stream_{number}" for number in range(columns.shape[1])]
        named = {name: columns[:, number] for number, name in enumerate(names)}
    else:
        named = {name: array[name] for name in array.dtype.names if name not in POINTS}
    for name, column in named.items():
        each = said.setdefault(name, Said())
        for start in range(0, len(column), _BLOCK_ROWS):
            block = np.asarray(column[start : start + _BLOCK_ROWS])
            # In an array of whole numbers, -1 is no class.
            each.add_numbers(block[block != -1] if block.dtype.kind in "bi" else block)
    return said


_SURVEYS: Mapping[str, Callable[[Path, int | None], dict[str, Said]]] = {
    ".csv": _survey_csv,
    ".txt": _survey_labels,
    ".textgrid": _survey_textgrid,
    ".mid": _survey_midi,
    ".midi": _survey_midi,
    ".npy": _survey_npy,
}
