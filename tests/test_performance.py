"""What is played live can be played again: a performance and its takes give the same codes, to the last one."""

import numpy as np
import pytest
from variants import build_variant

from keras_samplernn.conditions.columns import Columns
from keras_samplernn.conditions.readers.reading import read_track
from keras_samplernn.conditions.streams import ClassesStream, NumberStream
from keras_samplernn.data.quantization import Quantizer
from keras_samplernn.errors import UserError
from keras_samplernn.generation.deeds import Mute, Prime, Reset, Restore, Seed, Snapshot, Temperature
from keras_samplernn.generation.engine import GenerationEngine
from keras_samplernn.generation.performance import Performance
from keras_samplernn.generation.played import Played
from keras_samplernn.generation.sound import Sound
from keras_samplernn.generation.stream import stream_parts
from keras_samplernn.generation.take import Done, Take, read_take, take_beside, write_take

RATE, BLOCK, FADE = 1000, 16, 24
STREAMS = (
    ClassesStream("string", ("c4", "a>b", "e4"), named=True, position=True, neighbours=True),
    NumberStream("loudness", -60, 0),
    ClassesStream("room", ("0", "1", "2"), position=True, neighbours=True, gaps=1),
)
QUANTIZER = Quantizer("mu-law", 12)
CODES = np.array([3, 9, 1, 7, 7, 2])


@pytest.fixture(scope="module")
def model():
    return build_variant(streams=STREAMS)


@pytest.fixture(scope="module")
def engine(model):
    return GenerationEngine(model, QUANTIZER.silence, 2, BLOCK, fades=True)


def performance_of(engine, stems=("left", "right"), seed=5):
    return Performance(engine, engine.weights(), QUANTIZER, RATE, stems, seed, temperature=1.2)


def primer_conditions(samples):
    played = Played(STREAMS, RATE)
    played.set(STREAMS[0], 2)
    return played.take(samples)


def play(engine, blocks, rng, fade=FADE):
    """Play at random on two voices; return their codes, their deeds and their items."""
    performance = performance_of(engine)
    carry = performance.primed(CODES, primer_conditions(len(CODES)))
    items, deeds, codes = ([], []), ([], []), []
    played = [Played(STREAMS, RATE, fade, lambda *item, into=into: into.append(item)) for into in items]
    for block in range(blocks):
        for voice in range(2):
            for stream in STREAMS:
                if rng.random() < 0.3:
                    value = (
                        rng.integers(-1, 3) if isinstance(stream, ClassesStream) else rng.choice([-9.7, np.nan, -20])
                    )
                    played[voice].set(stream, value)
            kept = [done.deed.value for done in deeds[voice] if done.deed.do == "snapshot"]
            possible = [Temperature(value=0.7), Seed(value=9), Reset(), Snapshot(value="a"), Mute(value=True)]
            possible += [Mute(value=False), Prime(value="door.wav", sha256="d")] + [
                Restore(value=name) for name in kept
            ]
            if rng.random() < 0.3:
                deed = rng.choice(possible)
                performance.do(voice, deed, carry if deed.do == "prime" else None)
                deeds[voice].append(Done(sample=block * BLOCK, deed=deed))
        codes.append(performance.advance([voice.take(BLOCK) for voice in played]))
    for voice in played:
        voice.end()
    return np.concatenate(codes, axis=1), deeds, items, carry


def take_of(voice, samples, deeds, stem):
    facts = {"version": "1", "checkpoint": "c", "model_sha256": "0", "sample_rate": RATE, "precision": "float32"}
    return Take(
        **facts, stem=stem, samples=samples, seed=5, temperature=1.2, voices=2, voice=voice, block_samples=BLOCK,
        fades=True, deeds=deeds,
    )  # fmt: skip


def played_again(engine, score, stems=("left", "right")):
    take = read_take(score)
    track = read_track(score, STREAMS, RATE)
    performance = performance_of(engine, stems)
    carries = {"d": performance.primed(CODES, primer_conditions(len(CODES)))}
    return np.concatenate([*take.codes(performance, Columns(track, STREAMS, RATE), carries)])


@pytest.mark.law
@pytest.mark.parametrize(("seconds", "seed"), [(1, 0), (1, 1), (1, 2), (1, 3), (20, 4)])
@pytest.mark.parametrize("fade", [0, FADE, 7])
def test_a_take_is_what_was_played(engine, tmp_path, seconds, seed, fade):
    rng = np.random.default_rng(seed)
    codes, deeds, items, _ = play(engine, seconds * RATE // BLOCK, rng, fade)
    for voice in range(2):
        score = tmp_path / f"take_{voice}.csv"
        samples = codes.shape[1] - 3 * voice
        write_take(score, take_of(voice, samples, deeds[voice], ("left", "right")[voice]), STREAMS, items[voice])
        np.testing.assert_array_equal(played_again(engine, score), codes[voice, :samples])


@pytest.mark.law
def test_without_deeds_a_voice_is_a_stream_of_its_controls(engine, model):
    """The conditions without their future, and so the codes, are those of the sound as `stream_parts` makes it."""
    played, performance = Played(STREAMS, RATE), performance_of(engine)
    rng, codes, pieces = np.random.default_rng(3), [], []
    for _ in range(30):
        for stream in STREAMS:
            if rng.random() < 0.3:
                played.set(stream, rng.integers(0, 3) if isinstance(stream, ClassesStream) else -12.0)
        pieces.append(played.take(BLOCK))
        codes.append(performance.advance([pieces[-1], None])[0])

    class Blind(Sound):
        def take(self, samples):
            start, self.done = self.done, min(self.done + samples, self.samples)
            whole = [np.concatenate(arrays) if arrays[0] is not None else None for arrays in zip(*pieces, strict=True)]
            conditions = type(pieces[0])(*whole).at(slice(start, self.done))
            return super().take(0)._replace(samples=self.done - start, conditions=conditions)

    sound = Blind("left", "left", 30 * BLOCK, 1.2)
    weights = engine.weights()
    streamed = stream_parts(engine, weights, engine.silent_start(weights), [sound], seed=5)
    np.testing.assert_array_equal(np.concatenate([piece for _, piece, _ in streamed]), np.concatenate(codes))


def test_voices_do_not_hear_each_other(engine):
    def second(first_sets):
        performance = performance_of(engine)
        played = [Played(STREAMS, RATE), Played(STREAMS, RATE)]
        played[0].set(STREAMS[0], first_sets)
        played[1].set(STREAMS[0], 1)
        performance.do(0, Temperature(value=0.1 + first_sets))
        return np.concatenate([performance.advance([each.take(BLOCK) for each in played]) for _ in range(8)], axis=1)

    one, other = second(0), second(2)
    assert (one[0] != other[0]).any()
    np.testing.assert_array_equal(one[1], other[1])


def test_what_a_deed_does(engine):
    def heard(*deeds, blocks=6):
        performance = performance_of(engine)
        made = []
        for block in range(blocks):
            for at, deed in deeds:
                if at == block:
                    performance.do(0, deed)
            made.append(performance.advance([None, None])[0])
        return np.concatenate(made)

    plain = heard()
    fresh = heard((3, Reset()), (3, Seed(value=5)))
    np.testing.assert_array_equal(fresh, np.tile(plain[: 3 * BLOCK], 2))  # the start, with the same uniforms
    assert (heard((3, Seed(value=6)))[3 * BLOCK :] != plain[3 * BLOCK :]).any()
    back = heard((2, Snapshot(value="a")), (2, Seed(value=8)), (4, Restore(value="a")), (4, Seed(value=8)))
    np.testing.assert_array_equal(back[4 * BLOCK :], back[2 * BLOCK : 4 * BLOCK])
    greedy = heard((0, Temperature(value=0.0)))
    np.testing.assert_array_equal(greedy, heard((0, Temperature(value=0.0)), (0, Seed(value=77))))
    muted = heard((2, Mute(value=True)), (4, Mute(value=False)))
    np.testing.assert_array_equal(muted[: 2 * BLOCK], plain[: 2 * BLOCK])
    assert (muted[3 * BLOCK : 4 * BLOCK] == QUANTIZER.silence).all()
    np.testing.assert_array_equal(muted[4 * BLOCK + 5 :], plain[4 * BLOCK + 5 :])  # 5 ms to come back
    assert (muted[4 * BLOCK : 4 * BLOCK + 5] != plain[4 * BLOCK : 4 * BLOCK + 5]).any()
    performance = performance_of(engine)
    performance.do(1, Snapshot(value="b"))
    assert [list(performance.kept(voice)) for voice in range(2)] == [[], ["b"]]
    with pytest.raises(KeyError):
        heard((0, Restore(value="b")))


def test_notes_of_takes_that_are_none(tmp_path, engine):
    score = tmp_path / "take.csv"
    assert read_take(score) is None
    note = take_beside(score)
    note.write_text('{"name": "a spec"}')
    assert read_take(score) is None
    write_take(score, take_of(0, 32, [], "left"), STREAMS, [])
    assert read_take(score).samples == 32
    note.write_text(note.read_text().replace('"voices": 2', '"voices": "two"'))
    with pytest.raises(UserError, match=r"take\.json: voices: is not what `live` wrote there; put it back, or remove"):
        read_take(score)
    write_take(score, take_of(0, 32, [Done(sample=5, deed=Reset())], "left"), STREAMS, [])
    with pytest.raises(UserError, match=r"take\.json: is not what `live` wrote; put it back"):
        read_take(score)
