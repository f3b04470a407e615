"""16 bits in two parts: coarse codes are those of 256 levels, and what holds of a model holds with this head too."""

import keras
import numpy as np
import pytest
from generations import engine_of, generate
from oracle import draw
from variants import as_conditions, build_variant, classes_in, random_sound, window_of

from keras_samplernn.conditions.streams import ClassesStream
from keras_samplernn.data.quantization import Q_TYPES, Quantizer
from keras_samplernn.data.wav_writer import to_pcm16
from keras_samplernn.generation.engine import GenerationEngine
from keras_samplernn.generation.guidance import guidance_of
from keras_samplernn.generation.sampling import UniformStream
from keras_samplernn.model.scoring import Scorer
from keras_samplernn.plugins.coarse_fine import COARSE, FINE, CoarseFine, join, split

pytestmark = pytest.mark.law

LEVELS, HIDDEN, SAMPLES = 65536, 6, 64
PCM16 = np.arange(-32768, 32768) / 32768


def model_of(**options):
    return build_variant(q_levels=LEVELS, head=CoarseFine(HIDDEN), **options)


def array(tensor):
    return keras.ops.convert_to_numpy(tensor)


def outputs_of(model, codes, conditions, silence=LEVELS // 2):
    window = window_of(model, codes, silence)
    return array(model.forward(window, conditions, model.initial_states(len(codes)))[0])


def fine_logits(model, outputs, coarse):
    """The formula, for one sample: outputs (width,) to (FINE,)."""
    linear = model.head.fine
    direction, scale, bias = (array(each).astype("float64") for each in (linear.direction, linear.scale, linear.bias))
    hidden = np.maximum(outputs[COARSE:] + array(model.head.embedding)[coarse], 0)
    return hidden @ (scale * direction / np.sqrt((direction**2).sum(axis=0))) + bias


def bits_of(logits, code):
    return (np.log(np.exp(logits - logits.max()).sum()) - (logits[code] - logits.max())) / np.log(2)


def drawn_from(model, outputs, uniforms, temperature):
    """Draw one code as the formulas say."""
    coarse = draw(outputs[:COARSE].astype("float64"), uniforms[0], temperature)
    fine = draw(fine_logits(model, outputs, coarse), uniforms[1], temperature)
    return min(max(join(coarse, fine), 0), LEVELS - 1)


@pytest.mark.parametrize("q_type", ["mu-law", "a-law"])
def test_the_coarse_code_is_the_code_of_256_levels(q_type):
    """Exactly, of every 16-bit sample and of any other."""
    waves = np.concatenate([PCM16, np.random.default_rng(0).uniform(-1, 1, 100_000), [1.0]])
    coarse, _ = split(Quantizer(q_type, LEVELS, 255 if q_type == "mu-law" else None).encode(waves))
    np.testing.assert_array_equal(coarse, Quantizer(q_type, 256).encode(waves))


def test_of_the_linear_quantizer_the_coarse_code_is_at_most_one_off():
    """Its steps of 256 levels are all equally wide; those of the coarse codes are half as wide at both ends."""
    coarse, _ = split(Quantizer("linear", LEVELS).encode(PCM16))
    apart = coarse - Quantizer("linear", 256).encode(PCM16)
    assert np.abs(apart).max() == 1 and np.abs(apart).mean() < 0.25


def test_split_and_join_are_inverse():
    codes = np.arange(LEVELS)
    coarse, fine = split(codes)
    np.testing.assert_array_equal(join(coarse, fine), codes)
    assert (coarse.min(), coarse.max(), fine.min(), fine.max()) == (0, COARSE - 1, 0, FINE - 1)


@pytest.mark.parametrize("q_type", Q_TYPES)
def test_a_16_bit_sample_comes_back_nearly_as_it_was(q_type):
    """Apart in steps of 16 bits: if curved, none up to 0.17 of full scale, and less than three above."""
    quantizer = Quantizer(q_type, LEVELS, 255 if q_type == "mu-law" else None)
    back = quantizer.decode(quantizer.encode(PCM16)).astype("float64")
    apart = np.abs(back - PCM16) * 32768
    if q_type == "linear":
        assert apart.max() <= 0.5
    else:
        assert apart.max() < 2.8 and (np.rint(back * 32768) / 32768 == PCM16)[np.abs(PCM16) < 0.17].all()
    assert quantizer.silence == LEVELS // 2 and to_pcm16(quantizer.decode(quantizer.silence)) == 0


def test_near_silence_the_steps_are_40_db_finer_than_those_of_256_levels():
    wave = 1e-4 * np.sin(np.arange(4000) / 7)

    def floor_db(quantizer):
        return 20 * np.log10(np.sqrt(np.mean((quantizer.decode(quantizer.encode(wave)) - wave) ** 2)))

    assert floor_db(Quantizer("mu-law", LEVELS, 255)) < floor_db(Quantizer("mu-law", 256)) - 40


class Case:
    """A conditional model of three tiers, two sounds that it generated, and what it makes of them in training."""

    def __init__(self):
        self.model = model_of(classes=3)
        self.temperatures = [1.0, 0.7]
        self.uniforms = np.random.default_rng(3).random((2, SAMPLES, 2)).astype("float32")
        _, self.conditions = random_sound(self.model, SAMPLES, rows=2)
        self.engine = engine_of(self.model)
        self.codes = self.generate(self.temperatures)
        self.outputs = outputs_of(self.model, self.codes, self.conditions, silence=5)

    def generate(self, temperatures):
        return generate(self.engine, self.conditions, self.uniforms, temperatures)


@pytest.fixture(scope="module")
def case():
    return Case()


def test_generation_draws_from_what_training_predicts(case):
    for row, temperature in enumerate(case.temperatures):
        for time in range(SAMPLES):
            expected = drawn_from(case.model, case.outputs[row, time], case.uniforms[row, time], temperature)
            assert case.codes[row, time] == expected, (row, time)
    assert len(np.unique(case.codes)) > SAMPLES // 2


def test_greedy_generation_is_what_training_would_choose(case):
    codes = case.generate([0.0, 0.0])
    outputs = outputs_of(case.model, codes, case.conditions, silence=5)
    expected = [[drawn_from(case.model, each, (0, 0), 0) for each in row] for row in outputs]
    np.testing.assert_array_equal(codes, expected)


def test_bits_are_those_of_the_coarse_code_and_of_the_fine_one_given_it(case):
    coarse, fine = split(case.codes)
    parts = case.model.head.part_bits(case.outputs, case.codes, case.model.head.prepare())
    for row, time in np.ndindex(2, 16):
        outputs = case.outputs[row, time].astype("float64")
        of_coarse = bits_of(outputs[:COARSE], coarse[row, time])
        of_fine = bits_of(fine_logits(case.model, outputs, coarse[row, time]), fine[row, time])
        np.testing.assert_allclose([parts[0][row, time], parts[1][row, time]], [of_coarse, of_fine], atol=1e-3)


def test_a_score_is_the_bits_of_the_training_forward_and_int8_costs_few(case):
    expected = array(case.model.head.bits(case.outputs, case.codes))[0]
    scorer, conditions = Scorer(case.model, 5, 32), as_conditions(case.conditions[0])
    np.testing.assert_allclose(scorer.sound(case.codes[0], conditions), expected, atol=1e-3)
    narrow = build_variant(q_levels=LEVELS, head=CoarseFine(8), dims=[8, 8], sample_dim=8)
    weights = [narrow.generation_weights(precision) for precision in ("float32", "int8")]
    bits = [Scorer(narrow, 5, 32).sound(case.codes[0], weights=each).mean() for each in weights]
    assert bits[0] != bits[1] == pytest.approx(bits[0], rel=0.02)


def test_a_later_sample_changes_nothing_earlier_and_rows_are_independent(case):
    changed = case.codes.copy()
    changed[0, 20] = (changed[0, 20] + 1) % LEVELS  # by one fine step
    seen = outputs_of(case.model, changed, case.conditions, silence=5)
    difference = np.abs(seen - case.outputs).max(axis=-1)
    assert (difference[0, :21] < 1e-4).all() and not difference[1].any()
    assert difference[0, 21] > 1e-5  # the sample tier hears it by its share


def test_folded_weights_give_the_same_outputs(case):
    window = window_of(case.model, case.codes, 5)
    states = case.model.initial_states(2)
    seen, _ = case.model.forward(window, case.conditions, states, case.model.prepare())
    np.testing.assert_allclose(array(seen), case.outputs, atol=1e-4)


def test_without_shares_the_sample_tier_would_not_tell_fine_codes_apart(case):
    read = case.model.read(np.int32([[join(128, 3), join(128, 250)]]))
    assert array(read.codes).tolist() == [[128, 128]]
    assert array(read.shares)[0] == pytest.approx([3 / 128 - 1, 250 / 128 - 1])
    assert array(read.wave)[0, 0] < array(read.wave)[0, 1]


def test_guidance_contrasts_both_parts():
    """With strength 1 it is what is asked for; above, the log probabilities of each part are contrasted."""
    model = model_of(streams=(ClassesStream.of_count(2),))
    guidance = guidance_of(model.streams, None, True, "guidance")
    engine = GenerationEngine(model, 5, 1, 32, guidance=guidance)
    plain = engine_of(model, rows=1)
    uniforms = np.random.default_rng(5).random((1, 32, 2)).astype("float32")
    asked = np.ones((1, 32), "int32")
    ones = np.ones((1, engine.frames), "float32")
    begins = np.zeros((1, engine.frames), "int32")
    begins[:, 0] = 1

    def guided(strength):
        weights = engine.weights()
        start = engine.silent_start(weights)
        conditions = guidance.expand(as_conditions(asked), np.full((1, 32, 1), -1, "int32"))
        return engine.advance(weights, start, start, begins, conditions, uniforms, ones, strength * ones)[0]

    np.testing.assert_array_equal(guided(1.0), generate(plain, asked, uniforms, [1.0]))
    codes = guided(3.0)
    outputs = [
        outputs_of(model, codes, each, silence=5)[0].astype("float64") for each in (asked, np.full_like(asked, -1))
    ]

    def contrast(logits):
        scores = [each - np.log(np.exp(each).sum()) for each in logits]
        return scores[1] + 3.0 * (scores[0] - scores[1])

    for time in range(32):
        coarse = draw(contrast([each[time, :COARSE] for each in outputs]), uniforms[0, time, 0], 1.0)
        fine = draw(contrast([fine_logits(model, each[time], coarse) for each in outputs]), uniforms[0, time, 1], 1.0)
        assert codes[0, time] == min(max(join(coarse, fine), 0), LEVELS - 1), time


def test_the_uniforms_of_the_first_part_do_not_depend_on_how_many_parts_there_are():
    one, two = (UniformStream(7, "rain", parts).take(100) for parts in (1, 2))
    np.testing.assert_array_equal(two[:, :1], one)
    assert abs(np.corrcoef(two.T)[0, 1]) < 0.3
    stream = UniformStream(7, "rain", 2)
    np.testing.assert_array_equal(np.concatenate([stream.take(30), stream.take(70)]), two)


def test_keras_own_fit_trains_with_it():
    model = model_of()
    codes, _ = random_sound(model, 32, rows=4)
    inputs = {"codes": window_of(model, codes, 0)}
    model.compile("adam", jit_compile=False)
    losses = model.fit(inputs, codes, batch_size=2, epochs=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    assert classes_in(model) == 0


def test_its_tables_do_not_grow_with_the_levels():
    assert max(max(weight.shape) for weight in model_of().weights) < 1000
