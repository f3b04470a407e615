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


def rf64(chunk_length, ds64_length):
    ds64 = struct.pack("<QQQI", len(SAMPLES) + 72, ds64_length, len(WAVE), 0)
    return wav(magic=b"RF64", riff=0, length=chunk_length, first=chunk(b"ds64", ds64))


def id3(size=300):
    return b"ID3\4\0\0" + bytes([size >> 21 & 127, size >> 14 & 127, size >> 7 & 127, size & 127]) + bytes(size)


def aiff(kind=None, data=SWAPPED, frames=20_000, length=None, first=b""):
    rate = struct.pack(">HQ", 16383 + 13, RATE << 50)
    common = struct.pack(">hIh", 1, frames, 16) + rate + (b"" if kind is None else kind + b"\0\0")
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


def caf(data=SAMPLES, length=None):
    description = struct.pack(">d4sIIIII", RATE, b"lpcm", 2, 2, 1, 1, 16)
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
    # Other formats.
    "AIFF.aiff": (aiff(), []),
    "AIFF with a name first.aif": (aiff(first=chunk(b"NAME", b"door", ">")), []),
    "AIFC, little-endian.aifc": (aiff(b"sowt", SAMPLES), []),
    "AIFC.AIFC": (aiff(b"NONE"), []),
    "AIFF that states more.aiff": (aiff(frames=len(WAVE) + 5, length=len(SAMPLES) + 18), [SHORTER]),
    "AIFF from a pipe.aiff": (aiff(frames=0, length=0), [NOT_STATED]),
    "AU.au": (au(), []),
    "AU of unknown length.au": (au(length=0xFFFFFFFF), [NOT_STATED]),
    "AU that states more.snd": (au(length=len(SAMPLES) + 2), [SHORTER]),
    "CAF.caf": (caf(), []),
    "CAF of unknown length.caf": (caf(length=-1), [NOT_STATED]),
    "CAF that states more.caf": (caf(length=len(SAMPLES) + 40), [SHORTER]),
    "Wave64.w64": (w64(), []),
    "Wave64 that states more.w64": (w64(length=len(SAMPLES) + 240), [SHORTER]),
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
    "mp3 in a frame": ("mp3", lambda data: data[:-5], "the last frame is cut short: left out"),
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
        ("wav", "WAV", "GSM610"),
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


def test_streams_side_by_side_are_refused(tmp_path, encoded):
    first = encoded["ogg"].index(b"OggS", 4)
    page = encoded["ogg"][:first]
    (tmp_path / "a.ogg").write_bytes(page + page[:14] + b"\1\2\3\4" + page[18:] + encoded["ogg"][first:])
    with pytest.raises(UserError, match="holds several streams side by side; extract the sound: ffmpeg -i"):
        inspect_audio(tmp_path / "a.ogg")


G723 = wav().replace(b"fmt \x10\0\0\0\1\0", b"fmt \x10\0\0\0\x14\0")
FOUR_BYTES = wav().replace(struct.pack("<HH", 2, 16), struct.pack("<HH", 4, 16), 1)
G721 = au().replace(struct.pack(">II", 3, RATE), struct.pack(">II", 23, RATE))
REFUSED = {
    "a.wav": (FOUR_BYTES, "has blockAlign 4, but 1 channels of 16 bits are 2 bytes; the header contradicts itself"),
    "g723.wav": (G723, "has 16 bits per sample under format tag 0x0014, which is not read; convert it to 16-bit PCM"),
    "a.aiff": (aiff()[:30], "has no COMM or no SSND chunk; it is truncated or damaged: copy it again"),
    "mace.aifc": (
        aiff(b"MAC3"),
        "has 16 bits per sample of type b'MAC3', which is not read; convert it to 16-bit AIFF",
    ),
    "wav.aiff": (wav(), "begins with b'RIFF', which is not an AIFF file; it looks like a .wav file: give it that"),
    "a.au": (G721, "has the encoding 23, which is not read; convert it to 16-bit PCM"),
    "a.caf": (caf().replace(b"lpcm", b"aac "), "has 16 bits per sample of type b'aac ' in frames of 2 bytes, which"),
    "a.w64": (w64()[:60], "has no fmt or no data chunk; it is truncated or damaged: copy it again"),
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
