"""The average of the weights (EMA): what is saved and validated, beside a training that it does not change."""

import json
import shutil

import keras
import numpy as np
import pytest
from command_line import done, give, write_corpora, write_spec
from test_training_laws import TYPES, make_corpus, make_spec, make_trainer

from keras_samplernn import load_run
from keras_samplernn.model.assembly import assemble
from keras_samplernn.training.trainer import Trainer

pytestmark = pytest.mark.law


def trainer_of(**options):
    keras.utils.set_random_seed(3)
    spec = make_spec(**options)
    return Trainer(spec, assemble(spec), make_corpus([70, 33, 50]))


def arrays(variables):
    return [keras.ops.convert_to_numpy(each) for each in variables]


@pytest.mark.parametrize("decay", [0.5, 0.999])
def test_the_average_forgets_by_its_decay_and_sooner_at_the_start(decay):
    trainer = trainer_of(ema_decay=decay)
    expected = [each.astype(np.float64) for each in arrays(trainer.model.trainable_variables)]
    for step, batch in enumerate(trainer.batches(trainer.plan(0)), start=1):
        trainer.step(batch)
        keep = min(decay, (1 + step) / (10 + step))
        weights = arrays(trainer.model.trainable_variables)
        expected = [keep * mean + (1 - keep) * weight for mean, weight in zip(expected, weights, strict=True)]
    assert step > 3
    for mean, average in zip(expected, arrays(trainer.result.trainable_variables), strict=True):
        np.testing.assert_allclose(average, mean, rtol=1e-4, atol=1e-6)
    moved = zip(arrays(trainer.result.weights), arrays(trainer.model.weights), strict=True)
    assert max(np.abs(one - other).max() for one, other in moved) > 1e-5


def test_training_is_the_same_with_and_without_an_average():
    trained = []
    for decay in (0, 0.9):
        trainer = trainer_of(ema_decay=decay)
        for batch in trainer.batches(trainer.plan(0)):
            trainer.step(batch)
        trained.append(arrays(trainer.model.weights))
    for without, beside in zip(*trained, strict=True):
        np.testing.assert_array_equal(without, beside)


class CountingTier(TYPES.tiers["frame_rnn"]):
    """A frame tier that counts the windows it has heard."""

    def build(self, *shapes):
        super().build(*shapes)
        self.windows = self.add_weight(name="windows", shape=(), initializer="zeros", trainable=False)

    def sequence(self, *arguments, **options):
        self.windows.assign(self.windows + 1)
        return super().sequence(*arguments, **options)


def test_what_a_tier_notes_without_gradients_is_kept_beside_the_average(monkeypatch):
    monkeypatch.setitem(TYPES.tiers, "frame_rnn", CountingTier)
    trainer = trainer_of(ema_decay=0.9)
    plan = trainer.plan(0)
    for batch in trainer.batches(plan):
        trainer.step(batch)
    for model in (trainer.model, trainer.result):
        (windows,) = arrays(model.non_trainable_weights)
        assert windows == plan.steps


def test_without_an_average_the_result_is_the_model_itself():
    trainer = make_trainer()
    assert trainer.result is trainer.model
    assert not {id(each) for each in trainer.others} & {id(each) for each in trainer.model.weights}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("ema")
    write_corpora(home)
    write_spec(home, training={"ema_decay": 0.9, "keep_checkpoints": 9})
    write_spec(home, "plain.json", name="plain")
    done("fit spec.json --run whole", home)
    done("fit plain.json --run plain", home)
    return home


def test_a_stopped_training_goes_on_as_if_it_had_not_been(home):
    whole = load_run(home / "whole", "newest")
    halfway = int(whole.metrics["step"].iloc[1]) + 3
    done(f"fit spec.json --run halves --max-steps {halfway}", home)
    done("fit spec.json --run halves", home)
    name = whole.checkpoint
    for file in ("weights.npz", "training.npz"):
        halves, at_once = (home / run / "checkpoints" / name / file for run in ("halves", "whole"))
        assert halves.read_bytes() == at_once.read_bytes()


def test_the_average_is_what_a_run_generates_from_and_is_scored_with(home):
    averaged, plain = (load_run(home / run, "newest") for run in ("whole", "plain"))
    moved = zip(arrays(averaged.model.weights), arrays(plain.model.weights), strict=True)
    assert max(np.abs(one - other).max() for one, other in moved) > 1e-4
    bits = averaged.evaluate(home / "valid")["bits_per_sample"]
    assert bits == pytest.approx(averaged.metrics["validation_bits"].iloc[-1], abs=1e-6)


def test_the_raw_weights_can_be_taken_instead(home):
    raw, plain = load_run(home / "whole", "newest", raw_weights=True), load_run(home / "plain", "newest")
    for weight, expected in zip(arrays(raw.model.weights), arrays(plain.model.weights), strict=True):
        np.testing.assert_array_equal(weight, expected)
    asked = f"--conditions {next((home / 'valid').glob('*.csv'))} --seconds 0.2 --checkpoint newest"
    done(f"generate whole --raw-weights {asked} --out raw", home)
    done(f"generate plain {asked} --out plain_sounds", home)
    made = [next((home / folder).glob("*.wav")).read_bytes() for folder in ("raw", "plain_sounds")]
    assert made[0] == made[1]
    (line,) = done("evaluate whole --raw-weights --checkpoint newest --data valid --json", home)
    assert json.loads(line) == plain.evaluate(home / "valid")
    for command in ("evaluate plain", f"generate plain {asked} --out none"):
        answer = give(f"{command} --raw-weights", home)
        told = "keeps no average of its weights (training.ema_decay = 0), and they are raw anyway"
        assert (answer.status, answer.err.splitlines()[-1]) == (1, f"plain: {told}; do not ask for raw weights")


def test_a_run_that_starts_from_another_averages_from_there(home):
    write_spec(home, "next.json", name="next", training={"ema_decay": 0.9999, "learning_rate": 1e-9})
    shutil.rmtree(home / "next", ignore_errors=True)
    done("fit next.json --run next --init-from plain --max-steps 3", home)
    start, ended = (load_run(home / run).model.weights for run in ("plain", "next"))
    for before, after in zip(arrays(start), arrays(ended), strict=True):
        np.testing.assert_allclose(after, before, atol=1e-6)


def test_memory_for_the_average_is_counted(home):
    told = [done(f"check {spec}", home) for spec in ("spec.json", "plain.json")]
    with_adam = [
        float(next(line for line in lines if line.startswith("model")).split("Adam ")[1].split()[0]) for lines in told
    ]
    parameters = sum(np.prod(weight.shape) for weight in load_run(home / "plain").model.weights)
    np.testing.assert_allclose(with_adam, [20 * parameters / 1e6, 16 * parameters / 1e6], atol=0.06)
    assert json.loads((home / "whole/spec.json").read_text())["training"]["ema_decay"] == 0.9


def test_a_bundle_has_the_average_or_the_raw_weights(home):
    whole = home / "whole/checkpoints" / load_run(home / "whole", "newest").checkpoint
    done("bundle whole average.zip --checkpoint newest", home)
    done("bundle whole raw.zip --checkpoint newest --raw-weights", home)
    for name in ("average", "raw"):
        done(f"unbundle {name}.zip --run {name}_run", home)
    kept = [folder / "weights.npz" for folder in (home / "average_run/checkpoints" / whole.name, whole)]
    assert kept[0].read_bytes() == kept[1].read_bytes()
    taken, raw = load_run(home / "raw_run"), load_run(home / "whole", "newest", raw_weights=True)
    for weight, expected in zip(arrays(taken.model.weights), arrays(raw.model.weights), strict=True):
        np.testing.assert_array_equal(weight, expected)
    assert (
        "| weights | the moving average of the weights that training kept |"
        in (home / "average_run/README.md").read_text()
    )
    assert (
        "| weights | as training left them; the bits are those of their moving"
        in (home / "raw_run/README.md").read_text()
    )
    answer = give("evaluate average_run --raw-weights --data valid", home)
    told = "came out of a bundle, which holds one set of weights; bundle.json says which: do not ask for raw weights"
    assert (answer.status, answer.err) == (1, f"average_run: {told}\n")
