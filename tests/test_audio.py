import errno
import os
import re
import struct
import time
from pathlib import Path

import dying_decoder
import numpy as np
import pytest
import soundfile

from keras_samplernn.data import decoding, worker
from keras_samplernn.data.audio import read_audio, to_mono_at_rate
from keras_samplernn.data.decoding import decode_files
from keras_samplernn.data.headers.header import Header
from keras_samplernn.data.inspection import AudioInfo, has_tensorflow_io, inspect_audio
from keras_samplernn.data.wav_writer import WavWriter
from keras_samplernn.errors import UserError

RATE = 16000
# suffix, subtype, format as soundfile names it, and how far two decoders of it may be apart
FORMATS = [
    ("wav", "PCM_U8", "WAV", 0),
    ("wav", "PCM_16", "WAV", 0),
    ("wav", "PCM_24", "WAV", 0),
    ("wav", "PCM_32", "WAV", 0),
    ("wav", "FLOAT", "WAV", 0),
    ("wav", "DOUBLE", "WAV", 0),
    ("wav", "ULAW", "WAV", 0),
    ("wav", "PCM_16", "WAVEX", 0),
    ("wav", "PCM_24", "WAVEX", 0),
    ("wav", "FLOAT", "WAVEX", 0),
    ("wav", "PCM_16", "RF64", 0),
    ("flac", "PCM_16", "FLAC", 0),
    ("flac", "PCM_24", "FLAC", 0),
    ("flac", "PCM_S8", "FLAC", 0),
    ("ogg", "VORBIS", "OGG", 1e-6),
    ("mp3", "MPEG_LAYER_III", "MP3", 5e-6),
]
PROVEN = {"VORBIS", "MPEG_LAYER_III"}


def read(path, rate):
    return read_audio(path, rate, lambda line: None)


def tone(samples, channels=1):
    time = np.arange(samples)[:, None] / RATE
    wave = 0.7 * np.sin(2 * np.pi * 220 * (1 + np.arange(channels)) * time)
    wave[:2] = [[-1.0], [0.999]]
    return wave


def read_with_soundfile(path):
    return soundfile.read(path, dtype="float32", always_2d=True)[0]


@pytest.fixture(scope="module")
def every_format(tmp_path_factory):
    """One file a format and number of channels; an even and an odd number of samples."""
    folder = tmp_path_factory.mktemp("formats")
    files = []
    for suffix, subtype, form, _ in FORMATS:
        for channels, samples in ((1, 5001), (2, 4000)):
            path = folder / f"{form}_{subtype}_{channels}.{suffix}"
            soundfile.write(path, tone(samples, channels), RATE, subtype=subtype, format=form)
            files.append(path)
    return files


def test_headers_say_what_soundfile_says(every_format):
    for path in every_format:
        info, expected = inspect_audio(path).header, soundfile.info(path)
        assert (info.sample_rate, info.channels) == (expected.samplerate, expected.channels)
        assert info.samples == expected.frames
        assert info.encoding == expected.subtype


@pytest.fixture(scope="module")
def decoded(every_format):
    """Every format, then a hostile FLAC, decoded in one go: a worker takes seconds to start."""
    hostile = Path(__file__).with_name("hostile_sounds") / "endless.flac"
    return list(decode_files([inspect_audio(path) for path in [*every_format, hostile]]))


def test_every_format_decodes_to_the_samples_of_soundfile_in_order(every_format, decoded):
    tolerances = np.repeat([tolerance for *_, tolerance in FORMATS], 2)
    for path, (wave, remarks), tolerance in zip(every_format, decoded, tolerances, strict=False):
        assert wave.dtype == np.float32
        assert not remarks, path
        expected = read_with_soundfile(path)
        assert wave.shape == expected.shape, path
        np.testing.assert_allclose(wave, expected, rtol=0, atol=tolerance, err_msg=str(path))


def test_a_flac_on_which_the_decoder_of_tensorflow_io_never_ends_is_read_as_far_as_it_goes(decoded):
    (remark,) = decoded[-1].remarks
    assert remark.kind == "decoded in part: the rest is damaged or missing"


@pytest.mark.skipif(not has_tensorflow_io(), reason="tensorflow-io is not installed")
def test_tensorflow_io_decodes_what_it_was_proven_on(every_format):
    infos = map(inspect_audio, every_format)
    by_tensorflow_io = {info.header.encoding for info in infos if info.decoder == "tensorflow-io"}
    assert by_tensorflow_io == PROVEN


def chunk(name, data):
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def wav_bytes(data, *, before=b"", after=b"", length=None, tag=1, channels=1, rate=RATE, bits=16, block=None, bps=None):
    """A WAV file whose every field can lie."""
    block = channels * bits // 8 if block is None else block
    bps = rate * block if bps is None else bps
    body = b"WAVE" + chunk(b"fmt ", struct.pack("<HHIIHH", tag, channels, rate, bps, block, bits)) + before
    body += b"data" + struct.pack("<I", len(data) if length is None else length) + data + after
    return b"RIFF" + struct.pack("<I", len(body)) + body


SAMPLES = (np.arange(500) * 50).astype("<i2").tobytes()


@pytest.mark.parametrize(
    "content",
    [
        wav_bytes(SAMPLES, before=chunk(b"LIST", b"INFOISFT\4\0\0\0abcd")),
        wav_bytes(SAMPLES, before=chunk(b"LIST", b"INFOISFT\5\0\0\0abcde")),
        wav_bytes(SAMPLES, after=chunk(b"LIST", b"INFOISFT\4\0\0\0abcd")),
        wav_bytes(SAMPLES, after=chunk(b"LIST", b"INFOISFT\5\0\0\0abcde")),
        wav_bytes(SAMPLES, channels=5),
    ],
    ids=["even LIST", "odd LIST", "LIST after", "odd LIST after", "5 channels"],
)
def test_odd_but_honest_wavs_are_read_whole(tmp_path, content):
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    info = inspect_audio(path)
    ((wave, remarks),) = decode_files([info])
    np.testing.assert_array_equal(wave.ravel() * 32768, np.arange(500) * 50)
    assert info.header.samples == len(wave)
    assert not remarks


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "ends before a RIFF header; it is empty, truncated or not a WAV file: copy it again"),
        (b"hello, " * 9, "begins with b'hell', which is not a WAV file; convert it or give it its true suffix"),
        (
            b"fLaC" + bytes(50),
            "begins with b'fLaC', which is not a WAV file; it looks like a .flac file: give it that suffix",
        ),
        (
            wav_bytes(SAMPLES)[:12] + b"".join(b"%04d\0\0\0\0" % number for number in range(10_000)),
            "has 10,000 chunks before its samples; it is damaged: convert it again",
        ),
        (
            wav_bytes(SAMPLES)[:30],
            'has no data chunk, since its chunk "fmt " states 16 bytes and 10 follow; '
            "it is truncated or damaged: copy it again",
        ),
        (
            wav_bytes(SAMPLES, block=0),
            "has blockAlign 0, but 1 channels of 16 bits are 2 bytes; "
            "the header contradicts itself: convert the file again",
        ),
        (
            wav_bytes(SAMPLES, channels=2, block=2),
            "has blockAlign 2, but 2 channels of 16 bits are 4 bytes; "
            "the header contradicts itself: convert the file again",
        ),
        (
            wav_bytes(SAMPLES, rate=999),
            "sample rate 999 Hz is outside 1000 to 384000 Hz; the header is damaged or the file must be converted",
        ),
        (
            wav_bytes(SAMPLES, rate=384001),
            "sample rate 384001 Hz is outside 1000 to 384000 Hz; the header is damaged or the file must be converted",
        ),
        (
            wav_bytes(SAMPLES, channels=0),
            "has 0 channels, outside 1 to 1024; the header is damaged: convert the file again",
        ),
        (
            wav_bytes(SAMPLES, tag=0x55),
            "has 16 bits per sample under format tag 0x0055, which is not read; convert it to 16-bit PCM",
        ),
    ],
)
def test_a_wav_header_that_cannot_be_true_is_refused_by_name(tmp_path, content, message):
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(UserError) as raised:
        inspect_audio(path)
    assert raised.value.lines == (f"{path}: {message}",)


def damaged(every_format, name, damage):
    return damage(bytearray(next(path for path in every_format if path.name == name).read_bytes()))


OGG, MP3, FLAC = "OGG_VORBIS_1.ogg", "MP3_MPEG_LAYER_III_1.mp3", "FLAC_PCM_16_1.flac"
COMPRESSED_FAULTS = [
    (OGG, lambda data: data[28:], "does not begin with an Ogg page; convert it or give it its true suffix"),
    (
        MP3,
        lambda data: b"\xff" * 1_100_000,
        "has too many bytes outside MPEG layer III frames; convert it or give it its true suffix",
    ),
    (MP3, lambda data: b"no mp3", "has no MPEG layer III frame; convert it or give it its true suffix"),
    (FLAC, lambda data: data[:30], "has no STREAMINFO block; it is truncated or damaged: copy it again"),
]


@pytest.mark.parametrize(("name", "damage", "message"), COMPRESSED_FAULTS)
def test_a_compressed_file_that_is_not_whole_is_refused_by_name(tmp_path, every_format, name, damage, message):
    path = tmp_path / f"a.{name.rsplit('.')[-1]}"
    path.write_bytes(damaged(every_format, name, damage))
    with pytest.raises(UserError) as raised:
        inspect_audio(path)
    assert raised.value.lines == (f"{path}: {message}",)


def test_an_mp3_that_ends_in_its_tag_has_none(tmp_path):
    (tmp_path / "a.mp3").write_bytes(b"\xff\xf3\x10\0" + bytes(17) + b"Xing\0")
    assert inspect_audio(tmp_path / "a.mp3").header.samples == 576


def test_tags_around_an_mp3_are_not_counted(tmp_path, every_format):
    plain = next(path for path in every_format if path.suffix == ".mp3")
    tagged = tmp_path / "a.mp3"
    tagged.write_bytes(b"ID3\4\0\0\0\0\2\0" + bytes(256) + plain.read_bytes() + b"TAG" + bytes(125))
    assert inspect_audio(tagged).header.samples == inspect_audio(plain).header.samples


def test_a_file_that_decodes_to_less_or_to_nan_is_one_error_and_the_others_are_read(tmp_path):
    good, nan, missing = (tmp_path / f"{name}.wav" for name in ("good", "nan", "missing"))
    soundfile.write(good, tone(100), RATE)
    wave = tone(100)
    wave[17] = np.nan
    soundfile.write(nan, wave, RATE, subtype="FLOAT")
    soundfile.write(missing, tone(100), RATE)
    infos = [inspect_audio(path) for path in (nan, good, missing, good)]
    missing.unlink()
    first, second, third, fourth = decode_files(infos)
    assert first.lines == (f"{nan}: sample 17 is nan, which is not finite; convert it again",)
    assert second.wave.shape == fourth.wave.shape == (100, 1)
    assert third.lines[0].startswith(f"{missing}: cannot be decoded: ")


FAULTS = {
    "deadly": "the decoder crashed (exit status -6)",
    "torn": "the decoder crashed (exit status -9)",
    "endless": "the decoder took too long",
    "waiting": "the decoder took too long",
}


@pytest.fixture
def faulty_decoders(monkeypatch):
    """Let files of certain names crash or stop their decoder; the others decode to a text."""
    monkeypatch.setattr(worker, "_serve", dying_decoder.serve)
    monkeypatch.setattr(worker, "LEAST_SECONDS", 0.1)
    monkeypatch.setattr(worker, "PATIENCE", 5)
    monkeypatch.setattr(worker, "PARALLEL_FILES", 1)
    monkeypatch.setattr(decoding, "_check", lambda info, decoded: decoded.fault)


@pytest.mark.parametrize("first", FAULTS)
def test_a_decoder_that_crashes_or_never_ends_is_the_error_of_its_file_alone(tmp_path, faulty_decoders, first):
    names = ["a", first, "b", *(FAULTS if first == "deadly" else ()), "c"]
    header = Header("VORBIS", RATE, 1, 100)
    infos = [AudioInfo(tmp_path / f"{name}.ogg", header, "soundfile", 1000) for name in names]
    results = list(decode_files(infos))
    assert results[0] == f"one of {len(names)}"
    assert results[1:] == [FAULTS.get(name, "one of 1") for name in names[1:]]


def test_a_sound_that_would_take_most_of_the_memory_is_refused_before_it_is_decoded(every_format, monkeypatch):
    monkeypatch.setattr("keras_samplernn.data.inspection.machine_bytes", lambda: 1000)
    with pytest.raises(UserError, match=r"more than an eighth of the 0.0 GB of this machine or its container; cut"):
        inspect_audio(next(path for path in every_format if path.suffix == ".flac"))


def test_a_sound_that_would_grow_too_large_is_refused_before_it_is_resampled(tmp_path, monkeypatch):
    monkeypatch.setattr("keras_samplernn.data.inspection.machine_bytes", lambda: 1_000_000)
    soundfile.write(tmp_path / "a.wav", np.zeros(1000), 1000, "PCM_16")
    assert len(read(tmp_path / "a.wav", 16_000)) == 16_000
    with pytest.raises(UserError, match=r"1,000 samples of 1 channels at 1000 Hz take 0.0 GB"):
        read(tmp_path / "a.wav", 384_000)


def no_process(*_):
    raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))


@pytest.mark.parametrize(
    ("place", "fault", "reason"),
    [
        ("keras_samplernn.data.worker._serve", dying_decoder.serve_badly, "ModuleNotFoundError.*native.*"),
        ("keras_samplernn.data.worker._serve", dying_decoder.serve_never, "exit status 3"),
        ("multiprocessing.context.SpawnProcess.start", no_process, "Resource temporarily unavailable"),
    ],
)
def test_a_decoding_process_that_cannot_start_is_one_line_and_no_files_error(
    tmp_path, every_format, monkeypatch, place, fault, reason
):
    monkeypatch.setattr(place, fault)
    with pytest.raises(UserError) as raised:
        read(next(path for path in every_format if path.suffix == ".ogg"), RATE)
    (line,) = raised.value.lines
    assert re.fullmatch(
        rf"FLAC, Ogg, Opus and MP3 files: the process that decodes them could not start \({reason}\); free memory, or"
        ' convert the files to WAV; in a Python script of your own, begin its calls under `if __name__ == "__main__":`',
        line,
    )


def test_stereo_is_mixed_down_and_another_rate_is_resampled_in_place(tmp_path):
    path = tmp_path / "a.wav"
    time = np.arange(8000) / 8000
    left = 0.5 * np.sin(2 * np.pi * 300 * time)
    soundfile.write(path, np.stack([left, np.zeros(8000)], axis=1), 8000, subtype="FLOAT")
    wave = read(path, RATE)
    assert wave.shape == (16000,)
    assert wave.dtype == np.float32
    expected = 0.25 * np.sin(2 * np.pi * 300 * np.arange(16000) / 16000)
    # A delay of one sample would be off by 0.03.
    np.testing.assert_allclose(wave[500:-500], expected[500:-500], atol=1e-3)
    assert to_mono_at_rate(np.zeros((0, 2), np.float32), 8000, RATE).shape == (0,)


def test_a_written_wav_is_read_back_to_the_bit(tmp_path):
    path = tmp_path / "a.wav"
    wave = (np.arange(-32768, 32768) / 32768).astype(np.float32)
    with WavWriter(path, 22050) as writer:
        writer.write(wave[:1000])
        writer.write(wave[1000:])
        assert not path.exists()
    info = inspect_audio(path).header
    assert (info.encoding, info.sample_rate, info.channels, info.samples) == ("PCM_16", 22050, 1, 65536)
    np.testing.assert_array_equal(read(path, 22050), wave)
    assert list(tmp_path.iterdir()) == [path]


def test_no_samples_make_a_valid_wav_and_loud_ones_are_clipped(tmp_path):
    with WavWriter(tmp_path / "empty.wav", RATE):
        pass
    assert soundfile.info(tmp_path / "empty.wav").frames == inspect_audio(tmp_path / "empty.wav").header.samples == 0
    with WavWriter(tmp_path / "loud.wav", RATE) as writer:
        writer.write([2.0, -2.0, 1.0])
    np.testing.assert_array_equal(read(tmp_path / "loud.wav", RATE) * 32768, [32767, -32768, 32767])


def test_a_failed_write_leaves_the_earlier_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(b"earlier")
    with pytest.raises(KeyboardInterrupt), WavWriter(path, RATE) as writer:
        writer.write(np.zeros(10))
        raise KeyboardInterrupt
    assert path.read_bytes() == b"earlier"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none.wav", "none.wav: No such file or directory; give the path of a readable audio file"),
        ("a.m4a", 'a.m4a: ".m4a" is not read as audio; convert it: ffmpeg -i a.m4a a.wav'),
        ("a.txt", 'a.txt: ".txt" is not read as audio; convert it to one of .wav, .flac, .ogg, .mp3'),
        ("folder.wav", "folder.wav: Is a directory; give the path of a readable audio file"),
    ],
)
def test_a_path_that_is_no_audio_file_is_refused(tmp_path, name, message):
    (tmp_path / "folder.wav").mkdir()
    with pytest.raises(UserError) as raised:
        inspect_audio(tmp_path / name)
    assert raised.value.lines == (f"{tmp_path}/{message}",)


def test_a_folder_that_is_missing_is_named_by_the_writer(tmp_path):
    with pytest.raises(UserError, match=r"a.wav: cannot be written: No such file"):
        WavWriter(tmp_path / "no" / "a.wav", RATE)


def test_a_huge_mp3_of_nothing_is_refused_at_once_and_never_read_whole(tmp_path):
    path = tmp_path / "a.mp3"
    with path.open("wb") as file:
        file.truncate(10**12)
    start = time.process_time()
    with pytest.raises(UserError, match="has too many bytes outside MPEG layer III frames"):
        inspect_audio(path)
    assert time.process_time() - start < 2
