"""The parts of the instrument: words, desk, ring, MIDI keys, and the outputs' time."""

import io
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from keras_samplernn.conditions.streams import NONE, ClassesStream, NumberStream
from keras_samplernn.data.wav_writer import to_pcm16
from keras_samplernn.errors import UserError
from keras_samplernn.generation.deeds import Reset, Seed, Temperature
from keras_samplernn.live import desk as desk_module
from keras_samplernn.live.desk import MOST_WAITING, Desk
from keras_samplernn.live.instrument import Recording
from keras_samplernn.live.lines import read_lines
from keras_samplernn.live.midi import MidiKeys
from keras_samplernn.live.osc import place_of
from keras_samplernn.live.outputs import PcmStream
from keras_samplernn.live.resampling import Resampler
from keras_samplernn.live.ring import Ring
from keras_samplernn.live.words import Message, Priming, Quit, Setting, read_line

PITCH = ClassesStream("pitch", ("c4", "d4", "e4"), named=True)
ROOM = ClassesStream.of_count(4, "room")
LOUDNESS = NumberStream("loudness", -60, 0, "dB")
SEED = NumberStream("seed", 0, 1)
STREAMS = PITCH, ROOM, LOUDNESS, SEED


@pytest.mark.parametrize(
    ("line", "voice", "asked"),
    [
        ("pitch e4\n", None, Setting(PITCH, 2)),
        ("pitch 1", None, Setting(PITCH, 1)),
        ("  2:  pitch   none ", 1, Setting(PITCH, NONE)),
        ("room 3", None, Setting(ROOM, 3)),
        ("loudness -12.5", None, Setting(LOUDNESS, -12.5)),
        ("loudness 1e1", None, Setting(LOUDNESS, 10.0)),
        ("set seed 0.5", None, Setting(SEED, 0.5)),
        ("prime a door.wav", None, Priming),
        ("quit", None, Quit()),
    ],
)
def test_words(line, voice, asked):
    message = read_line(line, STREAMS, 2)
    assert message.voice == voice
    assert type(message.asked) is asked if asked is Priming else message.asked == asked


@pytest.mark.parametrize(
    ("line", "do", "value"),
    [
        ("temperature 0.9", "temperature", 0.9),
        ("seed -7", "seed", -7),
        ("mute", "mute", True),
        ("mute off", "mute", False),
    ],
)
def test_deeds(line, do, value):
    asked = read_line(line, STREAMS, 1).asked
    assert (asked.do, asked.value) == (do, value)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("pich c4", '"pich": is no word; did you mean "pitch"?'),
        ("pitch", "pitch: needs a class, c4, d4, e4, or none"),
        ("pitch f4", 'pitch: "f4" is not a class; classes are c4, d4, e4'),
        ("pitch 3", "pitch: 3 is not a class"),
        ("room -1", "is not a class"),
        ("room 9" + "9" * 400, "is not a class"),
        ("loudness nan", 'loudness "nan": give a number from -60 to 0, or none'),
        ("loudness inf", 'loudness "inf": give a number'),
        ("loudness 1_0", 'loudness "1_0": give a number'),
        ("temperature", "temperature: needs a number from 0 to 100"),
        ("temperature 101", 'temperature "101": give a number from 0 to 100'),
        ("temperature nan", 'temperature "nan": give a number from 0 to 100'),
        ("seed 1.5", 'seed "1.5": give a whole number'),
        ("seed " + "9" * 20, "give a whole number"),
        ("reset now", 'reset: takes no value, and was given "now"'),
        ("snapshot a b", 'snapshot "a b": give a name'),
        ("3: quit", "3: is no voice; voices are 1 to 2"),
        ("x" * 1001, "has 1,001 characters; a line has 1,000 at most"),
    ],
)
def test_words_that_are_none(line, told):
    with pytest.raises(UserError) as caught:
        read_line(line, STREAMS, 2)
    assert told in str(caught.value) and len(caught.value.lines) == 1


def test_blank_lines_ask_for_nothing():
    assert read_line(" \n", STREAMS, 1) is None and read_line("1: ", STREAMS, 1) is None


def test_a_flood_is_counted_and_told_once(monkeypatch):
    told = []
    desk = Desk(STREAMS, 1, told.append)
    for _ in range(MOST_WAITING + 50):
        desk.line("pitch c4")
    assert (desk.heard, desk.dropped) == (MOST_WAITING, 50)
    assert len(desk.taken()) == MOST_WAITING and desk.taken() == []
    for _ in range(500):
        desk.line("nonsense")
    assert desk.refused == 500 and len(told) == 1
    now = time.monotonic()
    monkeypatch.setattr(desk_module.time, "monotonic", lambda: now + 5)
    desk.line("nonsense")
    assert len(told) == 2 and told[1].endswith("(and 499 more)")


def test_sources_pause_when_enough_was_read():
    desk = Desk(STREAMS, 1, print)
    pauses = [desk.pause() for _ in range(desk_module.MOST_A_SECOND + 1)]
    assert not any(pauses[:-1]) and 0 < pauses[-1] <= 1


def test_lines_that_are_too_long_are_refused_whole():
    told = []
    desk = Desk(STREAMS, 1, told.append)
    read_lines(io.StringIO("pitch c4\n" + "y" * 100_000 + "\npitch d4\n" + "x" * 1000 + "\nquit"), desk)
    assert [message.asked for message in desk.taken()] == [Setting(PITCH, 0), Setting(PITCH, 1), Quit()]
    assert desk.refused == 2 and told[0].startswith('ignored: "yyyyyyyyyyyyyyyyyyyy...": is longer than 1,000')


def test_a_ring_holds_few_blocks_and_counts_what_is_missing():
    ring = Ring(2, 1)
    blocks = [np.full((4, 1), number, np.float32) for number in (1, 2, 3)]
    thread = threading.Thread(target=lambda: [ring.put(block) for block in blocks])
    thread.start()
    ring.wait()
    np.testing.assert_array_equal(ring.take(6)[:, 0], [1, 1, 1, 1, 2, 2])
    thread.join()
    np.testing.assert_array_equal(ring.take(8)[:, 0], [2, 2, 3, 3, 3, 3, 0, 0])
    assert ring.underruns == 1
    ring.put(blocks[0])
    ring.close()
    assert not ring.put(blocks[0])
    assert ring.take(8).shape == (4, 1) and ring.underruns == 1 and ring.ended and ring.next() is None


def test_a_recording_keeps_the_last_of_what_replaces_each_other():
    recording = Recording()
    for deed in (
        Temperature(value=1.0),
        Temperature(value=0.5),
        Seed(value=1),
        Temperature(value=0.7),
        Reset(),
        Reset(),
    ):
        recording.add(16, deed)
    recording.add(32, Temperature(value=0.2))
    assert [(done.sample, done.deed.do) for done in recording.deeds] == [
        *((16, "temperature"), (16, "seed"), (16, "temperature"), (16, "reset"), (16, "reset"), (32, "temperature"))
    ]
    assert recording.deeds[0].deed.value == 0.5


def key(note, velocity=64, channel=0):
    return SimpleNamespace(type="note_on", note=note, velocity=velocity, channel=channel)


def test_midi_notes_are_classes_and_the_last_one_is_heard():
    desk = Desk(STREAMS, 1, print)
    keys = MidiKeys("--midi piano", (PITCH, LOUDNESS), 1, desk)
    for message in (key(60), key(64), SimpleNamespace(type="note_off", note=64, velocity=0, channel=3), key(60, 0)):
        keys.hear(message)
    keys.hear(SimpleNamespace(type="control_change", control=1, value=127, channel=0))
    keys.hear(SimpleNamespace(type="control_change", control=99, value=1, channel=0))
    keys.hear(SimpleNamespace(type="pitchwheel", pitch=3, channel=0))
    keys.hear(key(61))
    asked = [message.asked.value for message in desk.taken()]
    assert asked == [0, 2, 0, NONE, 0.0] and desk.refused == 1
    assert keys.describe() == ["notes c4 to e4 play pitch", "controller 1 plays loudness"]


def test_midi_channels_are_voices():
    desk = Desk((PITCH,), 2, print)
    keys = MidiKeys("--midi piano", (PITCH,), 2, desk)
    keys.hear(key(62, channel=1))
    keys.hear(key(62, channel=2))
    assert desk.taken() == [Message(1, Setting(PITCH, 1))] and desk.refused == 1
    with pytest.raises(UserError, match="--midi piano: no class of kind is a note"):
        MidiKeys("--midi piano", (ClassesStream("kind", ("rain", "door"), named=True),), 1, desk)


def test_pcm_comes_in_time_and_what_is_late_is_silence():
    rate, block, stream = 8000, 400, io.BytesIO()
    ring, output = Ring(2, 1), PcmStream(stream, 8000, 400)
    blocks = [np.full((block, 1), 0.25, np.float32)] * 6

    def generate():
        for number, each in enumerate(blocks):
            time.sleep(0.3 if number == 4 else 0)
            ring.put(each)
        ring.close()

    threading.Thread(target=generate, daemon=True).start()
    began = time.monotonic()
    output.play(ring, lambda block: None, lambda: None)
    took = time.monotonic() - began
    heard = np.frombuffer(stream.getvalue(), "<i2")
    assert output.late >= 1 and len(heard) == (6 + output.late) * block
    np.testing.assert_array_equal(heard[heard != 0], np.full(6 * block, to_pcm16(0.25)))
    assert took > (len(heard) - 2 * block) / rate


@pytest.mark.parametrize("after", [8000, 44100])
def test_resampled_blocks_are_the_resampled_sound(after):
    wave = np.sin(np.arange(8000) * 0.05).astype(np.float32)[:, None]
    resample = Resampler(8000, after, 1)
    blocks = [resample(wave[start : start + 128]) for start in range(0, 8000, 128)]
    whole = np.concatenate([*blocks, *([resample(wave[:0], last=True)] if resample.holds else [])])[:, 0]
    assert abs(len(whole) - after) <= 2
    expected = np.sin(np.arange(len(whole)) * 0.05 * 8000 / after)
    assert np.abs(whole - expected)[after // 20 : -after // 20].max() < 2e-3


def test_places_of_osc():
    assert place_of("9000") == ("127.0.0.1", 9000) and place_of("0.0.0.0:1") == ("0.0.0.0", 1)
    for text in ("", "here", "1:2:x", "70000", "localhost:-1"):
        with pytest.raises(UserError, match="give HOST:PORT"):
            place_of(text)
