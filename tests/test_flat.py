"""Arrays end to end read as one array would, from files that stay small, and only where they are read."""

from pathlib import Path

import numpy as np
import pytest

from keras_samplernn.data import flat
from keras_samplernn.data.flat import EndToEnd, FlatWriter, open_flat

MAPS = Path("/proc/self/smaps")


@pytest.mark.parametrize("lengths", [[], [7], [0, 3, 0], [5, 1, 900, 2, 0, 61]])
def test_slices_are_those_of_one_array(lengths):
    rng = np.random.default_rng(len(lengths))
    arrays = [rng.integers(0, 256, length, np.uint8) for length in lengths]
    whole = np.concatenate([np.zeros(0, np.uint8), *arrays])
    nested = EndToEnd([EndToEnd(arrays[:2], "u1"), EndToEnd(arrays[2:], "u1")], "u1")
    for joined in (EndToEnd(arrays, "u1"), nested):
        assert (len(joined), joined.dtype) == (len(whole), whole.dtype)
        np.testing.assert_array_equal(joined[:], whole)
        for _ in range(300):
            start, stop = rng.integers(-len(whole) - 2, len(whole) + 3, 2).tolist()
            found = joined[start:stop]
            np.testing.assert_array_equal(found, whole[start:stop])
            assert found.dtype == whole.dtype
        with pytest.raises(ValueError, match="without a step"):
            joined[::2]


def test_a_slice_within_one_array_is_no_copy():
    arrays = [np.arange(5), np.arange(9)]
    assert np.shares_memory(EndToEnd(arrays, int)[6:9], arrays[1])


@pytest.mark.parametrize("dtype", ["u1", "<u2", "<i8"])
def test_what_is_written_is_read_from_files_that_are_small(tmp_path, monkeypatch, dtype):
    monkeypatch.setattr(flat, "MOST_BYTES", 21)
    values = np.random.default_rng(0).integers(0, 256, 100)
    with FlatWriter(tmp_path, "codes", dtype) as writer:
        for piece in np.split(values, [0, 1, 30, 30, 99]):
            writer.append(piece)
    sizes = [path.stat().st_size for path in sorted(tmp_path.iterdir())]
    assert max(sizes) <= 21
    assert sum(sizes) == 100 * np.dtype(dtype).itemsize
    read = open_flat(tmp_path, "codes", dtype, 100)
    np.testing.assert_array_equal(read[:], values)
    np.testing.assert_array_equal(read[13:77], values[13:77])
    for count in (99, 101, 140):
        with pytest.raises((ValueError, OSError)):
            open_flat(tmp_path, "codes", dtype, count)


def test_nothing_is_an_array_too(tmp_path):
    with FlatWriter(tmp_path, "codes", "u1") as writer:
        writer.append(np.zeros(0, np.int64))
    assert len(open_flat(tmp_path, "codes", "u1", 0)[:]) == 0


@pytest.mark.skipif(not MAPS.is_file(), reason="Linux tells how much of a mapping is in memory")
def test_only_what_is_read_is_loaded(tmp_path):
    count = 1 << 27
    with (tmp_path / "codes_000.bin").open("wb") as stream:
        stream.truncate(count)
    codes = open_flat(tmp_path, "codes", "u1", count)
    assert int(codes[count // 2 : count // 2 + 1024].sum()) == 0
    text = MAPS.read_text()
    (resident,) = (
        int(entry.partition("Rss:")[2].split()[0])
        for entry in text[text.index(str(tmp_path)) :].partition("VmFlags")[:1]
    )
    assert 0 < resident <= 2048  # kB: the system maps what lies around it too
