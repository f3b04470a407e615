"""What training must hold: validation leaves no trace, padding costs nothing, figures are totals over totals."""

import functools
import json
import shutil

import keras
import numpy as np
import pytest
from corpora import corpus_of
from variants import as_conditions, build_variant, random_sound, window_of

from keras_samplernn.checkpoints.checkpoint import VALIDATED, save_checkpoint
from keras_samplernn.checkpoints.shelf import choose_checkpoint, list_checkpoints, prune_checkpoints
from keras_samplernn.errors import UserError
from keras_samplernn.model.assembly import assemble
from keras_samplernn.model.head import bits_per_sample
from keras_samplernn.plugins.frame_rnn import FrameRNN
from keras_samplernn.plugins.sample_mlp import SampleMLP
from keras_samplernn.plugins.softmax import Softmax
from keras_samplernn.spec import Types, parse_spec
from keras_samplernn.training.evaluation import Evaluator
from keras_samplernn.training.optimizer import WarmedSchedule, apply_in_place
from keras_samplernn.training.step import Step, Values
from keras_samplernn.training.trainer import Trainer

pytestmark = pytest.mark.law

SILENCE = 6
TYPES = Types({"frame_rnn": FrameRNN, "sample_mlp": SampleMLP}, {"softmax": Softmax})


def make_corpus(lengths, q_levels=12, classes=3, seed=0):
    """Lay random sounds end to end as a prepared corpus has them."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, q_levels, sum(lengths)).astype(np.uint8)
    conditions = rng.integers(0, classes, sum(lengths)).astype(np.uint8) if classes else None
    return corpus_of(lengths, codes, conditions, classes)


def make_spec(**training):
    frame = {"type": "frame_rnn", "frame_size": 8, "dim": 5}
    tiers = [frame, {"type": "sample_mlp", "dim": 5, "emb_size": 3, "window": 8}]
    text = json.dumps(
        {
            "preset": "paper",
            "audio": {"q_levels": 12},
            "data": {"train": "train"},
            "conditioning": {"classes": 3},
            "tiers": tiers,
            "training": {"seq_len": 16, "batch_size": 2, **training},
        }
    )
    return parse_spec(text, "spec.json", TYPES, ".")


def make_trainer(ssm=(), **options):
    keras.utils.set_random_seed(3)
    model = build_variant(frames=(8, 2), classes=3, dropout=0.2, ssm=ssm)
    return Trainer(make_spec(**options), model, make_corpus([70, 33, 50]))


def values(trainer):
    """Return everything that training changes."""
    return [keras.ops.convert_to_numpy(each) for each in [*trainer.model.weights, *trainer.kept()]]


def test_an_evaluation_in_mid_epoch_leaves_training_bit_identical():
    results = []
    for evaluates in (False, True):
        trainer = make_trainer()
        evaluator = Evaluator(trainer.model, SILENCE, 2, 16)
        for number, batch in enumerate(trainer.batches(trainer.plan(0))):
            trainer.step(batch)
            if evaluates and number == 1:
                assert evaluator(make_corpus([40, 25], seed=1)).samples == 65
        assert number > 2
        results.append(values(trainer))
    for without, after in zip(*results, strict=True):
        np.testing.assert_array_equal(without, after)


@pytest.mark.parametrize(("lanes", "seq_len"), [(1, 16), (3, 8), (5, 64)])
def test_bits_are_total_bits_over_total_samples_however_batches_are_cut(lanes, seq_len):
    model = build_variant(frames=(8, 2), classes=3)
    corpus = make_corpus([70, 33, 50, 7])
    bits = Evaluator(model, SILENCE, lanes, seq_len)(corpus)
    expected = np.zeros(3)
    for sound in corpus.sounds:
        piece = slice(sound.start, sound.start + sound.samples)
        padding = -sound.samples % 8
        codes = np.pad(corpus.codes[piece].astype(np.int32), (0, padding), constant_values=SILENCE)[None]
        conditions = np.pad(corpus.conditions[piece].astype(np.int32), (0, padding), constant_values=-1)[None]
        logits, _ = model.forward(window_of(model, codes, SILENCE), conditions, model.initial_states(1))
        each = keras.ops.convert_to_numpy(bits_per_sample(codes, logits))[0, : sound.samples]
        expected += np.bincount(corpus.conditions[piece], each, minlength=3)
    assert bits.samples == 160
    np.testing.assert_allclose(bits.class_totals["class"], expected, rtol=1e-5)
    np.testing.assert_allclose(bits.per_sample, expected.sum() / 160, rtol=1e-5)
    np.testing.assert_array_equal(bits.class_samples["class"], np.bincount(corpus.conditions, minlength=3))
    assert set(bits.per_class(model.streams[0])) == {"0", "1", "2"}


def first_values(trainer):
    """Return the values that a trainer's first step begins with."""
    model, tensors = trainer.model, functools.partial(map, keras.ops.copy)
    states = [tuple(keras.ops.zeros((2, *shape)) for shape in tier.state_shapes) for tier in model.tiers]
    return Values(
        *map(list, map(tensors, (model.trainable_variables, model.non_trainable_variables))),
        list(tensors(trainer.optimizer.variables)),
        states,
    )


@pytest.mark.parametrize("weight_decay", [0, 0.9])
def test_the_step_in_place_is_the_pure_one(weight_decay):
    """What the trainer does to its variables is what the pure function returns, dropout and optimizer included."""
    trainer, twin = (make_trainer(clip_value=0.05, weight_decay=weight_decay) for _ in range(2))
    pure, given, steps = Step(twin.model, twin.optimizer), first_values(twin), 0
    for batch in trainer.batches(trainer.plan(0)):
        seen = trainer.step(batch)
        gradients, after, expected = pure.gradients(given, batch)
        twin.optimizer.apply(gradients, twin.model.trainable_variables)  # Keras' own
        given = after._replace(weights=list(map(keras.ops.copy, twin.model.trainable_variables)))
        np.testing.assert_allclose([*map(float, seen)], [*map(float, expected)], rtol=1e-5)
        steps += 1
    assert steps > 2
    carried = [*keras.tree.flatten(given.states), *given.others, *twin.optimizer.variables]
    for variable, tensor in zip(trainer.kept(), carried, strict=True):
        np.testing.assert_allclose(variable, tensor, rtol=1e-3, atol=1e-6)
    for variable, tensor in zip(trainer.model.trainable_variables, given.weights, strict=True):
        np.testing.assert_allclose(variable, tensor, atol=1e-5)


def test_dropout_is_active_in_training_alone():
    """Its random state moves with every step, and another state drops something else."""
    trainer = make_trainer()
    step, given = Step(trainer.model, trainer.optimizer), first_values(trainer)
    batch = next(iter(trainer.batches(trainer.plan(0))))
    _, after, sums = step.gradients(given, batch)
    assert len(given.others) == 2
    for before, moved in zip(given.others, after.others, strict=True):
        assert not np.array_equal(before, moved)
    _, _, others = step.gradients(after._replace(states=given.states), batch)
    assert float(others.bits) != float(sums.bits)
    scores = [Evaluator(trainer.model, SILENCE, 2, 16)(trainer.train).total for _ in range(2)]
    assert scores[0] == scores[1]


def test_a_steps_gradients_change_nothing():
    trainer = make_trainer()
    given, before = first_values(trainer), values(trainer)
    batch = next(iter(trainer.batches(trainer.plan(0))))
    once, again = (Step(trainer.model, trainer.optimizer).gradients(given, batch) for _ in range(2))
    for one, other in zip(keras.tree.flatten(once), keras.tree.flatten(again), strict=True):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(before, values(trainer), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    "options", [{}, {"rnn_type": "LSTM", "n_rnn": 3, "skip_conn": True}, {"ssm": (0,)}], ids=["GRU", "LSTM", "SSM"]
)
def test_carried_states_and_resets_are_exact_row_by_row(options):
    """A row that is reset goes on as from h0, its neighbour as if the window were the second half of a longer one."""
    model = build_variant(classes=3, **options)
    codes, conditions = random_sound(model, 64, rows=2)
    window, bits, states = window_of(model, codes, 0), [], model.initial_states(2)
    for start, reset in ((0, (1, 1)), (32, (0, 1))):
        batch = {
            "codes": window[:, start : start + model.lookback + 32],
            "conditions": as_conditions(conditions[:, start : start + 32]),
            "reset": np.array(reset, "int32"),
        }
        logits, states = model(batch, states=states)
        bits.append(keras.ops.convert_to_numpy(logits))
    whole, _ = model.forward(window, conditions, model.initial_states(2))
    alone, _ = model.forward(batch["codes"], batch["conditions"], model.initial_states(2))
    np.testing.assert_allclose(bits[0], whole[:, :32], atol=1e-5)
    np.testing.assert_allclose(bits[1][0], whole[0, 32:], atol=1e-5)
    np.testing.assert_allclose(bits[1][1], alone[1], atol=1e-5)


def test_padding_is_not_scored_and_gives_no_gradient():
    trainer = make_trainer()
    trainer.model = build_variant(frames=(8, 2), classes=3)
    codes, conditions = random_sound(trainer.model, 32, rows=2)
    window = window_of(trainer.model, codes, SILENCE)
    batch = {"codes": window, "reset": np.ones(2, "int32")}
    batch = {name: keras.ops.convert_to_tensor(array) for name, array in batch.items()}
    batch["conditions"] = as_conditions(conditions).map(keras.ops.convert_to_tensor)
    batch["valid"] = keras.ops.convert_to_tensor(np.array([32, 20], "int32"))
    step = Step(trainer.model, trainer.optimizer)
    gradients, _, sums = step.gradients(first_values(trainer), batch)
    logits, _ = trainer.model.forward(window, conditions, trainer.model.initial_states(2))
    bits = keras.ops.convert_to_numpy(bits_per_sample(codes, logits))
    assert int(sums.samples) == 52
    np.testing.assert_allclose(sums.bits, bits[0].sum() + bits[1, :20].sum(), rtol=1e-5)
    padded = (np.arange(window.shape[1]) < trainer.model.lookback + np.array([[32], [20]])).astype("int32")
    batch["codes"] = keras.ops.convert_to_tensor(window * padded)
    others, _, _ = step.gradients(first_values(trainer), batch)
    for one, other in zip(gradients, others, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_gradient_norm_is_taken_before_clipping_by_value():
    trainer = make_trainer(clip_value=1e-4)
    batch = next(iter(trainer.batches(trainer.plan(0))))
    gradients, _, sums = Step(trainer.model, trainer.optimizer).gradients(first_values(trainer), batch)
    norm = np.sqrt(sum(np.square(gradient, dtype="float64").sum() for gradient in gradients))
    np.testing.assert_allclose(sums.gradient_norm, norm, rtol=1e-5)
    assert max(np.abs(gradient).max() for gradient in gradients) > 1e-3


def test_training_is_the_same_whatever_keras_default_dtype():
    """`floatx` in keras.json, float16 here, changes neither sums nor values."""
    results = []
    for floatx in ("float32", "float16"):
        keras.config.set_floatx(floatx)
        try:
            trainer = make_trainer()
            sums = [trainer.step(batch) for batch in trainer.batches(trainer.plan(0))]
        finally:
            keras.config.set_floatx("float32")
        results.append([*keras.tree.flatten(sums), *values(trainer)])
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)


def test_adam_in_place_is_keras_adam():
    variables = [keras.Variable(np.zeros(2, "float32")) for _ in range(2)]
    ours, theirs = (keras.optimizers.Adam(0.1, epsilon=1e-8, clipvalue=1.0) for _ in range(2))
    ours.build(variables[:1])
    theirs.build(variables[1:])
    for gradient in ([3.0, 4.0], [0.5, -9.0]):
        apply_in_place(ours, [keras.ops.convert_to_tensor(gradient)], variables[:1])
        theirs.apply([keras.ops.convert_to_tensor(gradient)], variables[1:])
    np.testing.assert_allclose(variables[0], variables[1], rtol=1e-5)
    for one, other in zip(ours.variables, theirs.variables, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4)


def test_matrices_decay_apart_from_their_moments_and_nothing_else_does():
    """Loshchilov and Hutter 2019, algorithm 2: a first step differs from Adam's by learning rate x decay x weight."""
    rate, decay = 0.01, 0.5
    before = [keras.ops.convert_to_numpy(each) for each in make_trainer().model.trainable_variables]
    plain, decayed = (make_trainer(learning_rate=rate, weight_decay=each) for each in (0, decay))
    for trainer in (plain, decayed):
        trainer.step(next(iter(trainer.batches(trainer.plan(0)))))
    kept = set()
    for first, one, other in zip(
        before, plain.model.trainable_variables, decayed.model.trainable_variables, strict=True
    ):
        share = decay * rate
        if one.path.endswith(("embedding", "bias", "scale", "h0_0")) or "/conditions/" in one.path:
            share = 0
            kept.add(one.path.split("/")[-1])
        np.testing.assert_allclose(one - other, share * first, atol=1e-6, err_msg=one.path)
    assert kept == {"embedding", "bias", "recurrent_bias", "scale", "h0_0", "direction"}
    for one, other in zip(plain.optimizer.variables, decayed.optimizer.variables, strict=True):
        np.testing.assert_array_equal(one, other)


def test_epsilon_is_the_original_programs():
    trainer = make_trainer()
    assert trainer.optimizer.epsilon == 1e-8


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [("constant", [0.5, 1, 1, 1]), ("cosine", [0.5, 1, 0.5, 0]), ("exponential", [0.5, 1, 0.5, 0.25])],
)
def test_the_learning_rate_warms_up_and_then_follows_its_schedule(schedule, rates):
    decay_rate = 0.25
    rate = WarmedSchedule(schedule, 1.0, decay_steps=10, decay_rate=decay_rate, warmup_steps=2)
    steps = [0, 2, 7, 12]
    np.testing.assert_allclose([float(rate(step)) for step in steps], rates, atol=1e-6)


@pytest.mark.parametrize(
    ("ssm", "options"), [((), {}), ((0,), {}), ((), {"remat_samples": 8})], ids=["RNN", "SSM", "in chunks"]
)
def test_a_checkpoint_brings_back_everything_bit_for_bit(tmp_path, ssm, options):
    trainer = make_trainer(ssm, **options)
    batches = list(trainer.batches(trainer.plan(0)))
    trainer.step(batches[0])
    save_checkpoint(tmp_path, 1, "", trainer.model, trainer.kept(), {"step": 1})
    saved = values(trainer)
    trainer.step(batches[1])
    went_on = values(trainer)

    other = make_trainer(ssm, seed=9, **options)
    (checkpoint,) = list_checkpoints(tmp_path)
    checkpoint.load_weights(other.model)
    other.restore(checkpoint.read_training(other.shapes))
    assert checkpoint.read_state() == {"step": 1}
    for before, after in zip(saved, values(other), strict=True):
        np.testing.assert_array_equal(before, after)
    other.step(batches[1])
    for before, after in zip(went_on, values(other), strict=True):
        np.testing.assert_array_equal(before, after)


def test_the_newest_and_the_best_checkpoints_are_kept(tmp_path):
    model = make_trainer().model
    for step, best in ((1, 1), (2, 2), (3, 2), (4, 2)):
        save_checkpoint(tmp_path, step, VALIDATED, model, [], {"best_step": best})
        prune_checkpoints(tmp_path, keep=1, best_steps=(best, None))
    save_checkpoint(tmp_path, 4, "", model, [], {"best_step": 2})
    assert [each.folder.name[-12:] for each in list_checkpoints(tmp_path)] == [
        "02-validated",
        "p-0000000004",
        "04-validated",
    ]
    assert choose_checkpoint(tmp_path, "best", model, print).step == 2
    assert choose_checkpoint(tmp_path, "newest", model, print).step == 4


def test_the_half_deleted_twin_of_a_checkpoint_is_in_nobodys_way(tmp_path):
    model = make_trainer().model
    for step in (1, 2):
        save_checkpoint(tmp_path, step, "", model, [], {})
    shutil.copytree(tmp_path / "step-0000000001", tmp_path / ".step-0000000001.partial")
    prune_checkpoints(tmp_path, keep=1, best_steps=(None, None))
    assert [path.name for path in tmp_path.iterdir()] == ["step-0000000002"]


def test_half_precision_learns_and_keeps_its_weights_in_full(tmp_path):
    keras.utils.set_random_seed(0)
    spec = make_spec(precision="mixed_bfloat16", learning_rate=0.02)
    trainer = Trainer(spec, assemble(spec, spec.training.precision), make_corpus([600], classes=3))
    trainer.train.codes[:] = trainer.train.conditions  # the class gives the sample away
    sums = [trainer.step(batch) for batch in trainer.batches(trainer.plan(0))]
    bits = [float(step.bits) / int(step.samples) for step in sums]
    assert np.isfinite(bits).all()
    assert np.mean(bits[-3:]) < 0.7 * bits[0]
    twin = assemble(spec)
    save_checkpoint(tmp_path, 1, "", trainer.model, [], {}).load_weights(twin)
    codes, conditions = random_sound(twin, 32)
    window = window_of(twin, codes, SILENCE)
    half, full = (model.forward(window, conditions, model.initial_states(1))[0] for model in (trainer.model, twin))
    assert half.dtype == full.dtype == "float32"
    assert not np.array_equal(half, full)
    np.testing.assert_allclose(half, full, atol=0.1)


@pytest.mark.parametrize("name", ["weights.npz", "training.npz"])
def test_a_damaged_checkpoint_is_refused(tmp_path, name):
    trainer = make_trainer()
    checkpoint = save_checkpoint(tmp_path, 1, "", trainer.model, trainer.kept(), {})
    content = bytearray((checkpoint.folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (checkpoint.folder / name).write_bytes(content)
    with pytest.raises(UserError, match="damaged, its size or sha256 is not the manifest's"):
        checkpoint.load_weights(trainer.model)
        checkpoint.read_training(trainer.shapes)
