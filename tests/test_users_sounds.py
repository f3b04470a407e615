"""Sounds as recorders, editors, pipes and taggers write them: read whole, by either decoder, or told what is missing.

Each is made here byte by byte; what it holds is `WAVE`, at the rate of its format.
"""

import struct

import numpy as np
import pytest
import soundfile

from keras_samplernn.data import decoding, inspection
from keras_samplernn.data.decoding import decode_files
from keras_samplernn.data.inspection import inspect_audio
from keras_samplernn.data.native import decode_all
from keras_samplernn.errors import UserError

pytestmark = pytest.mark.law

RATE = 16000
WAVE = np.round(0.5 * np.sin(0.05 * np.arange(20_000)) * 32768).astype("<i2")
SAMPLES, SWAPPED = WAVE.tobytes(), WAVE.astype(">i2").tobytes()
UP_TO_THE_END = "read to the end of the file"
NOT_STATED = f"length not stated: {UP_TO_THE_END}"
SHORTER = f"shorter than its header states: {UP_TO_THE_END}"
NOT_CLOSED = f"states 0 samples, was not closed: {UP_TO_THE_END}"
PARTIAL = "last bytes are part of a frame: left out"
BYTE_RATE = "byte rate is wrong: the sample rate is believed"
JOINED = "several files joined to one: all are read"
TRUNCATED = "truncated: what is there is read"
IN_PART = "decoded in part: the rest is damaged or missing"
OUTSIDE = "bytes follow the samples that are neither samples nor chunks: left out"
FOLLOWS = "another file follows, joined to this one: left out"
SECOND = "a second chunk of samples follows: left out"
MORE = "has more samples than its header states: all are read"
BETWEEN = "bytes between Ogg pages: left out"
PAGES = "pages are missing or damaged: the others are read"
CUT_FRAME = "the last frame is cut short: left out"
HOLE = "damaged, bytes between the frames: left out"
TOO_MANY = f"states more samples than a file of its size can hold: {UP_TO_THE_END}"


def chunk(name, data, order="<", length=None):
    length = len(data) if length is None else length
    return name + struct.pack(f"{order}I", length) + data + b"\0" * (len(data) % 2)


def wav(
    data=SAMPLES, magic=b"RIFF", order="<", length=None, riff=0, rate=RATE, extra=b"", first=b"", before=b"", after=b""
):
    """A WAV file; `length` is what the data chunk states, `riff` is added to what the file states of itself."""
    layout = struct.pack(f"{order}HHIIHH", 1, 1, RATE, rate * 2, 2, 16) + extra
    body = b"WAVE" + first + chunk(b"fmt ", layout, order) + before + chunk(b"data", data, order, length) + after
    return magic + struct.pack(f"{order}I", len(body) + riff) + body


def retold(content, old, new):
    """The file with other bytes in its header, which stand there once."""
    assert content[:200].count(old) == 1
    return content.replace(old, new, 1)


def rf64(chunk_length, ds64_length, table=b"", after=b""):
    ds64 = struct.pack("<QQQI", len(SAMPLES) + 72, ds64_length, len(WAVE), len(table) // 12) + table
    return wav(magic=b"RF64", riff=0, length=chunk_length, first=chunk(b"ds64", ds64), after=after)


LIST = chunk(b"LIST", b"INFOISFT\4\0\0\0abcd")
# 24 bits, 19,999 samples: an odd number of bytes; their upper 16 bits are those of `WAVE`.
ODD = (WAVE[:-1].astype("<i4") << 8).view("u1").reshape(-1, 4)[:, :3].tobytes()


def odd(padding=b"\0", after=LIST):
    """A WAV file of 24 bits, with an odd number of bytes of samples."""
    content = wav(ODD)[:-1] + padding + after
    return retold(content, struct.pack("<IHH", RATE * 2, 2, 16), struct.pack("<IHH", RATE * 3, 3, 24))


def ambisonic(kind=1):
    """A WAV file with the extensible format of Ambisonics."""
    extension = struct.pack("<HHI", 22, 16, 0) + bytes([kind]) + bytes.fromhex("0000002107d3118644c8c1ca000000")
    return retold(wav(extra=extension), b"\1\0\1\0\x80>", b"\xfe\xff\1\0\x80>")


def id3(size=300):
    return b"ID3\4\0\0" + bytes([size >> 21 & 127, size >> 14 & 127, size >> 7 & 127, size & 127]) + bytes(size)


def aiff(kind=None, data=SWAPPED, frames=20_000, length=None, first=b"", bits=16):
    rate = struct.pack(">HQ", 16383 + 13, RATE << 50)
    common = struct.pack(">hIh", 1, frames, bits) + rate + (b"" if kind is None else kind + b"\0\0")
    sound = struct.pack(">II", 0, 0) + data
    body = b"AIFF" if kind is None else b"AIFC"
    body += first + chunk(b"COMM", common, ">") + chunk(b"SSND", sound, ">", length)
    return b"FORM" + struct.pack(">I", len(body)) + body


def au(data=SWAPPED, length=None, note=b"by hand\0"):
    return (
        b".snd"
        + struct.pack(">IIIII", 24 + len(note), len(data) if length is None else length, 3, RATE, 1)
        + note
        + data
    )


def caf(data=SAMPLES, length=None, kind=b"lpcm", sample_bytes=2):
    description = struct.pack(">d4sIIIII", RATE, kind, 2, sample_bytes, 1, 1, 8 * sample_bytes)
    length = 4 + len(data) if length is None else length
    head = b"caff" + struct.pack(">HH", 1, 0) + b"desc" + struct.pack(">q", 32) + description
    return head + b"data" + struct.pack(">qI", length, 0) + data


def w64(data=SAMPLES, length=None):
    tail = bytes.fromhex("f3acd3118cd100c04f8edb8a")
    layout = struct.pack("<HHIIHH", 1, 1, RATE, RATE * 2, 2, 16)
    length = 24 + len(data) if length is None else length
    body = b"wave" + tail + b"fmt " + tail + struct.pack("<Q", 40) + layout
    body += b"data" + tail + struct.pack("<Q", length) + data
    return bytes.fromhex("726966662e91cf11a5d628db04c10000") + struct.pack("<Q", 24 + len(body)) + body


# What a file is, its bytes, and the kinds of remarks on it.
UNCOMPRESSED = {
    # One set of files for both decoders.
    "a RIFF size that is too large.wav": (wav(riff=8), []),
    "a RIFF size of 0.wav": (wav(riff=-len(wav()) + 8), []),
    "a fmt chunk of 20 bytes.wav": (wav(extra=bytes(4)), []),
    "a fmt chunk of 18 bytes.wav": (wav(extra=bytes(2)), []),
    "a chunk before fmt.wav": (wav(first=chunk(b"fact", bytes(4))), []),
    "a chunk of odd length before fmt.wav": (wav(first=chunk(b"JUNK", bytes(27))), []),
    "a broadcast extension.wav": (wav(first=chunk(b"bext", bytes(602))), []),
    "a LIST of odd length behind.wav": (wav(after=chunk(b"LIST", b"INFOISFT\5\0\0\0abcde")), []),
    "zeros behind.wav": (wav(after=bytes(1000)), []),
    "big-endian.wav": (wav(SWAPPED, b"RIFX", ">"), []),
    "20 bits in 3 bytes.wav": (
        wav((WAVE.astype("<i4") << 8).view("u1").reshape(-1, 4)[:, :3].tobytes()).replace(
            struct.pack("<IHH", RATE * 2, 2, 16), struct.pack("<IHH", RATE * 3, 3, 20)
        ),
        [],
    ),
    # Lengths that cannot be true.
    "16 bytes too many.wav": (wav(length=len(SAMPLES) + 16), [SHORTER]),
    "44 bytes too many.wav": (wav(length=len(SAMPLES) + 44), [SHORTER]),
    "a length of 0x7fffffff.wav": (wav(length=0x7FFFFFFF), [NOT_STATED]),
    "a length of 0x7ffff000, SoX's.wav": (wav(length=0x7FFFF000), [NOT_STATED]),
    "a length of 0x80000000.wav": (wav(length=0x80000000), [NOT_STATED]),
    "a length of 0xffffffff, ffmpeg's.wav": (wav(length=0xFFFFFFFF), [NOT_STATED]),
    "not closed, all lengths 0.wav": (wav(length=0, riff=-len(wav()) + 8), [NOT_CLOSED]),
    "not closed, the RIFF size right.wav": (wav(length=0), [NOT_CLOSED]),
    "RF64.wav": (rf64(0xFFFFFFFF, len(SAMPLES)), []),
    "RF64 whose chunk has another length.wav": (rf64(0x7FFFFFFF, len(SAMPLES)), []),
    "RF64 whose ds64 is too large.wav": (rf64(0xFFFFFFFF, len(SAMPLES) + 1000), [SHORTER]),
    "RF64 with an empty ds64.wav": (rf64(len(SAMPLES), 0), []),
    "half a frame more.wav": (wav(SAMPLES + b"x"), [PARTIAL]),
    "ID3 before RIFF.wav": (id3() + wav(), []),
    "a byte rate that is off.wav": (wav(rate=8000), [BYTE_RATE]),
    "text behind.wav": (wav(after=b"<html>not found</html>"), [OUTSIDE]),
    "samples behind those stated.wav": (wav(SAMPLES + b"\x81\x92" * 4, length=len(SAMPLES)), [OUTSIDE]),
    "a broadcast wave.bwf": (wav(first=chunk(b"bext", bytes(602))), []),
    "two ID3 tags before RIFF.wav": (id3() + id3(20) + wav(), []),
    "an ID3v1 tag behind.wav": (wav(after=b"TAG" + bytes(125)), []),
    "a LIST behind that is cut short.wav": (wav(after=LIST[:-3]), []),
    "a chunk of odd length before data without its last byte.wav": (wav(before=b"LIST\5\0\0\0INFOx"), []),
    "a table of lengths in RF64.wav": (
        rf64(0xFFFFFFFF, len(SAMPLES), b"levl" + struct.pack("<Q", 6), chunk(b"levl", b"sixsix", length=0xFFFFFFFF)),
        [],
    ),
    "Ambisonics.wav": (ambisonic(), []),
    "samples before fmt.wav": (wav()[:12] + wav()[36:] + wav()[12:36], []),
    # More than one.
    "joined.wav": (wav() * 2, [FOLLOWS]),
    "two data chunks.wav": (wav(after=chunk(b"data", SAMPLES)), [SECOND]),
    "an empty data chunk first.wav": (wav(before=chunk(b"data", b"")), []),
    # Other formats.
    "AIFF.aiff": (aiff(), []),
    "AIFF with a name first.aif": (aiff(first=chunk(b"NAME", b"door", ">")), []),
    "AIFC, little-endian.aifc": (aiff(b"sowt", SAMPLES), []),
    "AIFC.AIFC": (aiff(b"NONE"), []),
    "AIFF that states more.aiff": (aiff(frames=len(WAVE) + 5, length=len(SAMPLES) + 18), [SHORTER]),
    "AIFF from a pipe.aiff": (aiff(frames=0, length=0), [NOT_CLOSED]),
    "AIFF with fewer frames than samples.aiff": (aiff(frames=100), [MORE]),
    "AIFF with more frames than samples.aiff": (aiff(frames=20_005), [SHORTER]),
    "AIFF whose chunk is too short.aiff": (aiff(length=108), []),
    "AIFF joined.aiff": (aiff() * 2, [FOLLOWS]),
    "AIFC, little-endian of 32 bits.aifc": (aiff(b"23ni", (WAVE.astype("<i4") << 16).tobytes(), bits=32), []),
    "AIFC of floats that states 16 bits.aifc": (aiff(b"fl32", (WAVE / 32768).astype(">f4").tobytes()), []),
    "AU.au": (au(), []),
    "AU of unknown length.au": (au(length=0xFFFFFFFF), [NOT_STATED]),
    "AU that states more.snd": (au(length=len(SAMPLES) + 2), [SHORTER]),
    "AU that states fewer.au": (au(SWAPPED + b"\x81\x92" * 4, length=len(SAMPLES)), [OUTSIDE]),
    "AU that states 0.au": (au(length=0), [NOT_CLOSED]),
    "AU that states no place.au": (au(note=b"")[:4] + bytes(4) + au(note=b"")[8:], []),
    "AU joined.au": (au() * 2, [FOLLOWS]),
    "CAF.caf": (caf(), []),
    "CAF that states fewer.caf": (caf(SAMPLES + b"\x81\x92" * 4, length=4 + len(SAMPLES)), [OUTSIDE]),
    "CAF that states 0 samples.caf": (caf(length=4), [NOT_CLOSED]),
    "CAF joined.caf": (caf() * 2, [FOLLOWS]),
    "CAF of unknown length.caf": (caf(length=-1), [NOT_STATED]),
    "CAF that states more.caf": (caf(length=len(SAMPLES) + 40), [SHORTER]),
    "Wave64.w64": (w64(), []),
    "Wave64 that states more.w64": (w64(length=len(SAMPLES) + 240), [SHORTER]),
    "Wave64 that states fewer.w64": (w64(SAMPLES + b"\x81\x92" * 4, length=24 + len(SAMPLES)), [OUTSIDE]),
    "Wave64 that states 0.w64": (w64(length=0), [NOT_CLOSED]),
    "Wave64 that states an empty chunk.w64": (w64(length=24), [NOT_CLOSED]),
    "Wave64 that states all ones.w64": (w64(length=(1 << 64) - 1), [NOT_STATED]),
    "Wave64 joined.w64": (w64() * 2, [FOLLOWS]),
}


@pytest.fixture(autouse=True)
def here(monkeypatch):
    """Decode compressed files in this process too: a worker takes seconds to start."""
    monkeypatch.setattr(decoding, "decode_in_worker", lambda infos: decode_all(infos, 1))


def read(path):
    """Return the recording in a file, or the message of why there is none."""
    (recording,) = decode_files([inspect_audio(path)])
    return str(recording) if isinstance(recording, UserError) else recording


@pytest.fixture(params=["tensorflow-io if installed", "soundfile alone"])
def decoders(request, monkeypatch):
    """What decodes: `soundfile alone` stands for the environment without tensorflow-io."""
    if request.param == "soundfile alone":
        monkeypatch.setattr(inspection, "has_tensorflow_io", lambda: False)


@pytest.mark.parametrize(("name", "content", "kinds"), [(name, *case) for name, case in UNCOMPRESSED.items()])
def test_what_can_be_read_is_read_whole_and_what_was_assumed_is_said(decoders, tmp_path, name, content, kinds):
    (tmp_path / name).write_bytes(content)
    wave, remarks = read(tmp_path / name)
    np.testing.assert_array_equal(wave[:, 0] * 32768, WAVE)
    assert [remark.kind for remark in remarks] == kinds


@pytest.mark.parametrize(
    ("content", "kinds"),
    [
        (odd(), []),
        (odd(after=chunk(b"id3 ", id3()) + LIST), []),
        (odd(after=b""), []),
        (odd(padding=b""), []),
        (odd(padding=b"\xff"), []),
        (odd(after=LIST + b"\xff\xfe\xfd"), [OUTSIDE]),
    ],
    ids=["a LIST behind", "two chunks behind", "nothing behind", "no filling", "other filling", "more behind"],
)
def test_samples_of_an_odd_length_are_filled_up_to_an_even_one(tmp_path, content, kinds):
    (tmp_path / "a.wav").write_bytes(content)
    wave, remarks = read(tmp_path / "a.wav")
    np.testing.assert_array_equal(wave[:, 0] * 32768, WAVE[:-1])
    assert [remark.kind for remark in remarks] == kinds


def test_samples_of_8_bits_are_read_in_aifc_and_caf(tmp_path):
    coded = bytes(range(256)) * 4
    (tmp_path / "raw.aifc").write_bytes(aiff(b"raw ", coded, len(coded), bits=8))
    np.testing.assert_array_equal(read(tmp_path / "raw.aifc").wave[:, 0] * 128, np.tile(np.arange(-128, 128), 4))
    (tmp_path / "mu.caf").write_bytes(caf(coded, kind=b"ulaw", sample_bytes=1))
    soundfile.write(tmp_path / "a.wav", np.zeros(1024), RATE, "ULAW")
    (tmp_path / "a.wav").write_bytes((tmp_path / "a.wav").read_bytes()[:-1024] + coded)
    np.testing.assert_array_equal(read(tmp_path / "mu.caf").wave, read(tmp_path / "a.wav").wave)


def test_an_empty_wav_with_chunks_behind_is_empty(tmp_path):
    (tmp_path / "a.wav").write_bytes(wav(b"", after=chunk(b"LIST", b"INFOISFT\4\0\0\0abcd")))
    wave, remarks = read(tmp_path / "a.wav")
    assert wave.shape == (0, 1) and not remarks


def test_a_wav_cut_short_says_how_much_is_missing(tmp_path):
    (tmp_path / "a.wav").write_bytes(wav()[:-1001])
    wave, remarks = read(tmp_path / "a.wav")
    np.testing.assert_array_equal(wave[:, 0] * 32768, WAVE[:-501])
    assert [(remark.kind, remark.detail, remark.lost) for remark in remarks] == [
        (SHORTER, "1,001 bytes missing", True),
        (PARTIAL, "1 of 2 bytes", False),
    ]


@pytest.fixture(scope="module")
def encoded(tmp_path_factory):
    """Bytes of `WAVE` in the compressed formats, by suffix; of noise in Ogg's, which fills several pages."""
    folder, found = tmp_path_factory.mktemp("encoded"), {}
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 80_000)
    for suffix, form, subtype in (
        ("mp3", "MP3", "MPEG_LAYER_III"),
        ("ogg", "OGG", "VORBIS"),
        ("opus", "OGG", "OPUS"),
        ("flac", "FLAC", "PCM_16"),
    ):
        path = folder / f"a.{suffix}"
        soundfile.write(path, noise if form == "OGG" else WAVE / 32768, RATE, subtype, format=form)
        found[suffix] = path.read_bytes()
    return found


def frames_of(mp3):
    """The frames of an MP3 of layer III, MPEG 2, at 16 kHz, mono."""
    kbits = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
    found, position = [], 0
    while position < len(mp3):
        length = 72 * kbits[mp3[position + 2] >> 4] * 1000 // RATE + (mp3[position + 2] >> 1 & 1)
        found.append(mp3[position : position + length])
        position += length
    return found


def with_count(mp3, count):
    """The MP3 with another number of frames in its Xing tag."""
    place = max(mp3.find(b"Xing"), mp3.find(b"Info")) + 8
    return mp3[:place] + struct.pack(">I", count) + mp3[place + 4 :]


APE = b"APETAGEX" + struct.pack("<IIII", 2000, 32, 0, 0) + bytes(8)
LYRICS = b"LYRICSBEGININD0000200000011LYRICS200"
# What is done to an MP3, how many times its samples come, and the kinds of remarks.
WHOLE_MP3S = {
    "ID3v2 before": (lambda mp3: id3() + mp3, 1, []),
    "ID3v1 behind": (lambda mp3: mp3 + b"TAG" + bytes(125), 1, []),
    "APEv2 behind": (lambda mp3: mp3 + APE, 1, []),
    "Lyrics3 behind": (lambda mp3: mp3 + LYRICS + b"TAG" + bytes(125), 1, []),
    "zeros behind": (lambda mp3: mp3 + bytes(5000), 1, []),
    "a page of a web server behind": (lambda mp3: mp3 + b"<html><body>503 Service Unavailable</body></html>", 1, []),
    "a count that counts itself": (lambda mp3: with_count(mp3, len(frames_of(mp3))), 1, []),
    "a count of 0": (lambda mp3: with_count(mp3, 0), 1, []),
    "a count that is too small": (
        lambda mp3: with_count(mp3, 3),
        1,
        ["has more frames than its header states: all are read"],
    ),
    "two joined": (lambda mp3: mp3 + mp3, 2, [JOINED]),
    "three joined, tags between": (lambda mp3: mp3 + b"TAG" + bytes(125) + id3() + mp3 + APE + mp3, 3, [JOINED]),
}


@pytest.mark.parametrize("done", WHOLE_MP3S)
def test_an_mp3_is_read_whole_whatever_stands_around_it(decoders, tmp_path, encoded, done):
    change, times, kinds = WHOLE_MP3S[done]
    (tmp_path / "plain.mp3").write_bytes(encoded["mp3"])
    (tmp_path / "a.mp3").write_bytes(change(encoded["mp3"]))
    plain, wave = read(tmp_path / "plain.mp3").wave, read(tmp_path / "a.mp3")
    assert len(plain) == len(WAVE)
    np.testing.assert_allclose(wave.wave, np.concatenate([plain] * times), atol=5e-6)
    assert [remark.kind for remark in wave.remarks] == kinds


def test_an_mp3_without_a_tag_is_read_to_its_last_frame(decoders, tmp_path, encoded):
    frames = frames_of(encoded["mp3"])
    (tmp_path / "a.mp3").write_bytes(b"".join(frames[1:]))
    wave, remarks = read(tmp_path / "a.mp3")
    assert len(wave) == 576 * (len(frames) - 1)
    assert not remarks


def test_an_mp3_of_changing_bit_rate_without_a_tag_is_read_to_its_last_frame(decoders, tmp_path):
    # Loud noise after silence: the first frame says nothing of the others.
    noise = np.random.default_rng(1).uniform(-0.9, 0.9, 20_000)
    wave = np.concatenate([np.zeros(20_000), noise])
    soundfile.write(tmp_path / "a.mp3", wave, RATE, "MPEG_LAYER_III", bitrate_mode="VARIABLE", compression_level=0.0)
    frames = frames_of((tmp_path / "a.mp3").read_bytes())
    assert len({len(frame) for frame in frames[1:]}) > 1
    (tmp_path / "a.mp3").write_bytes(b"".join(frames[1:]))
    assert len(read(tmp_path / "a.mp3").wave) == 576 * (len(frames) - 1)


def test_a_stream_from_the_middle_of_an_mp3_is_read(decoders, tmp_path, encoded):
    """Its first frames refer to bytes before them; what decoders make of those differs."""
    frames = frames_of(encoded["mp3"])
    (tmp_path / "a.mp3").write_bytes(b"".join(frames[6:]))
    wave, remarks = read(tmp_path / "a.mp3")
    assert len(wave) == 576 * (len(frames) - 6)
    assert not remarks


# What is cut off from the end of a file, and what is said.
CUT = {
    "mp3 in a frame": ("mp3", lambda data: data[:-5], CUT_FRAME),
    "mp3 in the middle": ("mp3", lambda data: b"".join(frames_of(data)[:20]), TRUNCATED),
    "flac in the middle": ("flac", lambda data: data[: len(data) // 2], IN_PART),
    "flac near its end": ("flac", lambda data: data[:-9], IN_PART),
    "ogg before its last page": ("ogg", lambda data: data[: data.rindex(b"OggS")], TRUNCATED),
    "ogg in its last page": ("ogg", lambda data: data[:-5], TRUNCATED),
    "opus before its last page": ("opus", lambda data: data[: data.rindex(b"OggS")], TRUNCATED),
}


@pytest.mark.parametrize("where", CUT)
def test_a_compressed_file_that_is_truncated_is_read_as_far_as_it_goes(decoders, tmp_path, encoded, where):
    suffix, cut, kind = CUT[where]
    whole, short = tmp_path / f"whole.{suffix}", tmp_path / f"short.{suffix}"
    whole.write_bytes(encoded[suffix])
    short.write_bytes(cut(encoded[suffix]))
    wave, remarks = read(short)
    expected = read(whole).wave
    assert len(expected) // 3 < len(wave) < len(expected)
    if suffix == "flac":
        np.testing.assert_array_equal(wave, expected[: len(wave)])
    assert kind in [remark.kind for remark in remarks]
    assert any(remark.lost for remark in remarks)


def test_a_flac_of_unknown_length_is_read_to_its_end(decoders, tmp_path, encoded):
    flac = bytearray(encoded["flac"])
    flac[21] &= 0xF0
    flac[22:26] = bytes(4)
    (tmp_path / "a.flac").write_bytes(flac)
    wave, remarks = read(tmp_path / "a.flac")
    np.testing.assert_array_equal(wave[:, 0] * 32768, WAVE)
    assert [remark.kind for remark in remarks] == [NOT_STATED]


@pytest.mark.parametrize("suffix", ["ogg", "opus"])
def test_ogg_files_joined_to_one_are_all_read(decoders, tmp_path, encoded, suffix):
    (tmp_path / f"one.{suffix}").write_bytes(encoded[suffix])
    (tmp_path / f"two.{suffix}").write_bytes(encoded[suffix] * 2)
    one, (two, remarks) = read(tmp_path / f"one.{suffix}").wave, read(tmp_path / f"two.{suffix}")
    np.testing.assert_allclose(two, np.concatenate([one, one]), atol=1e-6)
    assert [remark.kind for remark in remarks] == [JOINED]


def page_sum(page):
    """The checksum of an Ogg page, bit by bit."""
    value = 0
    for byte in page[:22] + bytes(4) + page[26:]:
        value ^= byte << 24
        for _ in range(8):
            value = value << 1 ^ (0x104C11DB7 if value >> 31 else 0)
    return struct.pack("<I", value)


def pages_of(ogg):
    return [b"OggS" + page for page in ogg.split(b"OggS")[1:]]


def late(page, samples):
    """The page of a broadcast that began so many samples before; not a page of headers."""
    granule = int.from_bytes(page[6:14], "little", signed=True)
    page = page[:6] + struct.pack("<q", granule + samples) + page[14:] if granule > 0 else page
    return page[:22] + page_sum(page) + page[26:]


def damaged_page(ogg, number):
    """The Ogg file with 20 bytes of a page set to 0."""
    pages = pages_of(ogg)
    pages[number] = pages[number][:300] + bytes(20) + pages[number][320:]
    return b"".join(pages)


TAG = b"TAG" + bytes(125)
# What is done to an Ogg file, and what is read of it: all, twice all, or less; and the kinds of remarks.
OGGS = {
    "a tag between two": (lambda ogg: ogg + TAG + ogg, 2, [BETWEEN, JOINED]),
    "zeros between two": (lambda ogg: ogg + bytes(77) + ogg, 2, [BETWEEN, JOINED]),
    "ID3 before": (lambda ogg: id3() + ogg, 1, [BETWEEN]),
    "a part of a broadcast": (lambda ogg: b"".join(late(page, 10**12) for page in pages_of(ogg)), 1, []),
    "the first of two cut": (lambda ogg: ogg[:-9] + ogg, 0, [TRUNCATED, JOINED]),
    "a page damaged": (lambda ogg: damaged_page(ogg, -2), 0, [PAGES]),
    "a page of the second damaged": (lambda ogg: ogg + damaged_page(ogg, -2), 0, [PAGES, JOINED]),
}


@pytest.mark.parametrize("suffix", ["ogg", "opus"])
@pytest.mark.parametrize("done", OGGS)
def test_the_whole_pages_of_an_ogg_file_are_read_wherever_they_are(decoders, tmp_path, encoded, suffix, done):
    change, times, kinds = OGGS[done]
    (tmp_path / f"one.{suffix}").write_bytes(encoded[suffix])
    (tmp_path / f"a.{suffix}").write_bytes(change(encoded[suffix]))
    one, (wave, remarks) = read(tmp_path / f"one.{suffix}").wave, read(tmp_path / f"a.{suffix}")
    assert [remark.kind for remark in remarks] == kinds
    assert any(remark.lost for remark in remarks) == (times == 0)
    if times:
        np.testing.assert_allclose(wave, np.concatenate([one] * times), atol=1e-6)
    else:
        assert len(one) * (len(kinds) - 0.7) < len(wave) <= len(one) * len(kinds)


def with_total(flac, total):
    """The FLAC file, which states another number of samples."""
    return flac[:21] + bytes([flac[21] & 0xF0 | total >> 32]) + struct.pack(">I", total & 0xFFFFFFFF) + flac[26:]


# What is done to a FLAC file, how many times its samples come, and the kinds of remarks.
FLACS = {
    "two joined": (lambda flac: flac * 2, 2, [JOINED]),
    "two joined, tags between": (lambda flac: id3() + flac + TAG + flac + TAG, 2, [JOINED]),
    "two ID3 tags before": (lambda flac: id3() + id3(5) + flac, 1, []),
    "a total that is too small": (lambda flac: with_total(flac, 5000), 1, [MORE]),
    "a total that is too small, zeros behind": (lambda flac: with_total(flac, 5000) + bytes(999), 1, [MORE]),
    "a total that no file holds": (lambda flac: with_total(flac, (1 << 36) - 1), 1, [TOO_MANY]),
    "the word in the samples": (lambda flac: flac + b"fLaC" + bytes(50), 1, []),
}


@pytest.mark.parametrize("done", FLACS)
def test_a_flac_is_read_whole_whatever_it_states(tmp_path, encoded, done):
    change, times, kinds = FLACS[done]
    (tmp_path / "a.flac").write_bytes(change(encoded["flac"]))
    wave, remarks = read(tmp_path / "a.flac")
    np.testing.assert_array_equal(wave[:, 0] * 32768, np.concatenate([WAVE] * times))
    assert [remark.kind for remark in remarks] == kinds


def test_a_flac_of_another_rate_behind_is_left_out_and_told(tmp_path, encoded):
    soundfile.write(tmp_path / "other.flac", WAVE[:99] / 32768, 8000)
    (tmp_path / "a.flac").write_bytes(encoded["flac"] + (tmp_path / "other.flac").read_bytes())
    wave, (remark,) = read(tmp_path / "a.flac")
    np.testing.assert_array_equal(wave[:, 0] * 32768, WAVE)
    assert remark == ("joined files of another rate or bit depth: left out", "1 files", True)


def hole(frames, number, data, kept=0):
    """The MP3 with other bytes in place of a frame, or before it."""
    return b"".join([*frames[:number], data, *frames[number + 1 - kept :]])


@pytest.mark.parametrize("tagged", [True, False])
@pytest.mark.parametrize(
    ("data", "lost", "kinds"),
    [
        (bytes(72), 1, [HOLE]),
        (bytes(5000), 1, [HOLE]),
        (id3(), 0, []),
        (b"StreamTitle='x';".ljust(200, b"\0"), 0, [HOLE]),
    ],
    ids=["zeros for a frame", "many zeros", "a tag between frames", "text between frames"],
)
def test_an_mp3_is_read_on_after_a_hole_that_is_told(decoders, tmp_path, encoded, tagged, data, lost, kinds):
    frames = frames_of(encoded["mp3"])[0 if tagged else 1 :]
    (tmp_path / "plain.mp3").write_bytes(b"".join(frames))
    (tmp_path / "a.mp3").write_bytes(hole(frames, 20, data, kept=1 - lost))
    plain, (wave, remarks) = read(tmp_path / "plain.mp3").wave, read(tmp_path / "a.mp3")
    assert len(wave) == len(plain) - 576 * lost
    # Some frames behind refer to bytes of those before: they are silent, not noise.
    np.testing.assert_allclose(wave[-1000:], plain[-1000:], atol=5e-6)
    assert abs(wave).max() < 0.6
    assert [remark.kind for remark in remarks] == kinds


@pytest.mark.parametrize("cut", [5, 40])
def test_an_mp3_joined_to_one_that_ends_in_a_frame_is_read_from_its_beginning(decoders, tmp_path, encoded, cut):
    mp3 = encoded["mp3"]
    for name, content in (("first", mp3[:-cut]), ("second", mp3), ("a", mp3[:-cut] + mp3)):
        (tmp_path / f"{name}.mp3").write_bytes(content)
    first, second = (read(tmp_path / f"{name}.mp3").wave for name in ("first", "second"))
    wave, remarks = read(tmp_path / "a.mp3")
    np.testing.assert_allclose(wave, np.concatenate([first, second]), atol=5e-6)
    assert [remark.kind for remark in remarks] == [CUT_FRAME, JOINED]


@pytest.mark.parametrize("rate", [8000, 12000, 16000, 24000, 48000])
def test_opus_is_what_soundfile_reads(tmp_path, rate):
    soundfile.write(tmp_path / "a.opus", WAVE / 32768, rate, "OPUS", format="OGG")
    expected, read_rate = soundfile.read(tmp_path / "a.opus", dtype="float32", always_2d=True)
    assert inspect_audio(tmp_path / "a.opus").header.sample_rate == read_rate
    np.testing.assert_array_equal(read(tmp_path / "a.opus").wave, expected)


@pytest.mark.parametrize(
    ("suffix", "form", "subtype"),
    [
        ("wav", "WAV", "IMA_ADPCM"),
        ("wav", "WAV", "MS_ADPCM"),
        ("w64", "W64", "GSM610"),
        ("aifc", "AIFF", "GSM610"),
        ("aifc", "AIFF", "IMA_ADPCM"),
        ("caf", "CAF", "ALAC_16"),
        ("caf", "CAF", "ALAC_24"),
        ("w64", "W64", "IMA_ADPCM"),
    ],
)
def test_compressed_forms_in_other_containers_are_what_soundfile_reads(tmp_path, suffix, form, subtype):
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, WAVE / 32768, 8000, subtype, format=form)
    expected, rate = soundfile.read(path, dtype="float32", always_2d=True)
    wave, remarks = read(path)
    np.testing.assert_array_equal(wave, expected)
    assert inspect_audio(path).header.sample_rate == rate
    assert not remarks


@pytest.fixture(scope="module")
def blocks(tmp_path_factory):
    """Files of coded blocks, and what soundfile reads in them, by container and encoding."""
    folder, found = tmp_path_factory.mktemp("blocks"), {}
    for form, subtype in ((form, subtype) for form in ("WAV", "AIFF") for subtype in ("IMA_ADPCM", "GSM610")):
        path = folder / f"{form}_{subtype}"
        soundfile.write(path, WAVE / 32768, RATE, subtype, format=form)
        found[form, subtype] = path.read_bytes(), soundfile.read(path, dtype="float32")[0]
    return found


def with_length(content, length):
    """The file with another length of its samples."""
    place = content.index(b"data") + 4
    return content[:place] + struct.pack("<I", length) + content[place + 4 :]


# What is done to a WAV file of coded blocks, and the kinds of remarks.
BLOCKS = {
    "a length of 0": (lambda data: with_length(data, 0), [NOT_CLOSED]),
    "a length of 0xffffffff": (lambda data: with_length(data, 0xFFFFFFFF), [NOT_STATED]),
    "joined": (lambda data: data * 2, [FOLLOWS]),
    "a number of samples of 0xffffffff": (
        lambda data: data.replace(data[data.index(b"fact") :][8:12], b"\xff" * 4, 1),
        [],
    ),
    "a LIST behind": (lambda data: data + LIST, []),
}


@pytest.mark.parametrize("subtype", ["IMA_ADPCM", "GSM610"])
@pytest.mark.parametrize("done", BLOCKS)
def test_coded_blocks_are_read_whatever_the_header_states(tmp_path, blocks, subtype, done):
    (data, expected), (change, kinds) = blocks["WAV", subtype], BLOCKS[done]
    (tmp_path / "a.wav").write_bytes(change(data))
    wave, remarks = read(tmp_path / "a.wav")
    # libsndfile reads a block of GSM more than there is.
    assert len(WAVE) <= len(wave) < len(WAVE) + 505
    np.testing.assert_array_equal(wave[:, 0], expected[: len(wave)])
    assert [remark.kind for remark in remarks if remark.kind != PARTIAL] == kinds


@pytest.mark.parametrize("subtype", ["IMA_ADPCM", "GSM610"])
@pytest.mark.parametrize("form", ["WAV", "AIFF"])
def test_a_file_cut_in_a_coded_block_is_read_up_to_that_block(tmp_path, blocks, form, subtype):
    data, expected = blocks[form, subtype]
    path = tmp_path / ("a.wav" if form == "WAV" else "a.aifc")
    path.write_bytes(data[:-1025])
    wave, remarks = read(path)
    assert 0.7 * len(WAVE) < len(wave) < len(WAVE)
    np.testing.assert_array_equal(wave[:, 0], expected[: len(wave)])
    assert [remark.kind for remark in remarks] == [SHORTER, PARTIAL]
    assert remarks[0].detail in ("1,025 bytes missing", "1,024 bytes missing")  # some count the filling


# Of files that end with their header.
NO_SAMPLES = {
    "a.wav": (wav()[:44], "40,000 bytes missing"),
    "a.au": (au()[:32], "40,000 bytes missing"),
    "a.flac": (lambda encoded: encoded["flac"][:42], "0 of 20,000 samples"),
    "a.ogg": (lambda encoded: b"".join(pages_of(encoded["ogg"])[:2]), "the last page is missing"),
}


def test_an_mp3_of_its_tag_alone_has_no_frame_with_sound(decoders, tmp_path, encoded):
    (tmp_path / "a.mp3").write_bytes(frames_of(encoded["mp3"])[0])
    with pytest.raises(UserError, match=r"a.mp3: has no frame with sound; it is empty or truncated: copy it again"):
        inspect_audio(tmp_path / "a.mp3")


@pytest.mark.parametrize("name", NO_SAMPLES)
def test_a_file_that_ends_with_its_header_is_truncated(decoders, tmp_path, encoded, name):
    content, detail = NO_SAMPLES[name]
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content(encoded))
    reason = f"has a header but no samples ({detail}); it is truncated: copy it again"
    assert read(tmp_path / name) == f"{tmp_path / name}: {reason}"


def test_streams_side_by_side_are_refused(tmp_path, encoded):
    first, *others = pages_of(encoded["ogg"])
    beside = late(first[:14] + b"\1\2\3\4" + first[18:], 0)
    (tmp_path / "a.ogg").write_bytes(b"".join([first, beside, *others]))
    with pytest.raises(UserError, match="holds several streams side by side; extract the sound: ffmpeg -i"):
        inspect_audio(tmp_path / "a.ogg")


G723 = wav().replace(b"fmt \x10\0\0\0\1\0", b"fmt \x10\0\0\0\x14\0")
FOUR_BYTES = wav().replace(struct.pack("<HH", 2, 16), struct.pack("<HH", 4, 16), 1)
G721 = au().replace(struct.pack(">II", 3, RATE), struct.pack(">II", 23, RATE))
REFUSED = {
    "a.wav": (FOUR_BYTES, "has blockAlign 4, but 1 channels of 16 bits are 2 bytes; the header contradicts itself"),
    "g723.wav": (G723, "has 16 bits per sample under format tag 0x0014, which is not read; convert it to 16-bit PCM"),
    "a.aiff": (
        aiff()[:30],
        'has no SSND chunk, since its chunk "COMM" states 18 bytes and 10 follow; it is truncated or damaged: copy it',
    ),
    "long list.wav": (
        wav(before=chunk(b"LIST", b"INFO", length=99_999_999)),
        'has no data chunk, since its chunk "LIST" states 99,999,999 bytes and 40,012 follow; it is truncated or',
    ),
    "no format.wav": (wav()[:12] + wav()[36:], "has no fmt chunk; it is empty, truncated or damaged: copy it again"),
    "avi.wav": (
        b"RIFF\0\1\0\0AVI " + bytes(99),
        "is a RIFF file of the kind b'AVI ', which is not a WAV file; convert its sound: ffmpeg -i FILE FILE.wav",
    ),
    "8svx.aiff": (b"FORM\0\0\0\x508SVX" + bytes(99), "is a FORM file of the kind b'8SVX', which is not an AIFF file; "),
    "nist.wav": (b"NIST_1A\n   1024\n", "is a NIST SPHERE file, not a WAV file; convert its sound: ffmpeg -i FILE"),
    "a.sph": (b"NIST_1A\n   1024\n", '".sph" is not read as audio; convert it: ffmpeg -i a.sph a.wav'),
    "mace.aifc": (
        aiff(b"MAC3"),
        "has 16 bits per sample of type b'MAC3', which is not read; convert it to 16-bit AIFF",
    ),
    "wav.aiff": (wav(), "begins with b'RIFF', which is not an AIFF file; it looks like a .wav file: give it that"),
    "a.au": (G721, "has the encoding 23, which is not read; convert it to 16-bit PCM"),
    "a.caf": (caf().replace(b"lpcm", b"aac "), "has 16 bits per sample of type b'aac ' in frames of 2 bytes, which"),
    "a.w64": (w64()[:60], "has no data chunk; it is empty, truncated or damaged: copy it again"),
    "mp3.wav": (b"\xff\xf3" * 40, "begins with b'\\xff\\xf3\\xff\\xf3', which is not a WAV file; it looks like a .mp3"),
    "a.m4a": (b"\0\0\0\x18ftypM4A ", '".m4a" is not read as audio; convert it: ffmpeg -i a.m4a a.wav'),
    "a.wma": (b"0&\xb2u", '".wma" is not read as audio; convert it: ffmpeg -i a.wma a.wav'),
    "a.aac": (b"\xff\xf1", '".aac" is not read as audio; convert it: ffmpeg -i a.aac a.wav'),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_refused_with_the_true_reason(tmp_path, name):
    content, reason = REFUSED[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError) as raised:
        inspect_audio(tmp_path / name)
    assert str(raised.value).startswith(f"{tmp_path / name}: {reason}")
