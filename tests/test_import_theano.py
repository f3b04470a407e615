"""What the original program computed, runs that are imported compute too: its logits, its codes, for each variant."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
from command_line import done, give, listing, write_sound
from generations import generate
from theano_oracle import Original, random_arrays
from theano_pickles import checkpoint, words
from variants import window_of

from keras_samplernn.api import load_run
from keras_samplernn.generation.engine import GenerationEngine
from keras_samplernn.theano import importing

WRITTEN = Path(__file__).with_name("theano_checkpoints")
STEMS = ["p1_three_tier_gru1", "p2_three_tier_lstm2_skip"]
TWO, THREE, FOUR = (
    {"FrameLevel": 4},
    {"BigFrameLevel": 8, "FrameLevel": 2},
    {"BigFrameLevel": 12, "FrameLevel_1": 4, "FrameLevel_2": 2},
)
# Each option of the original with each number of tiers, and with each kind of layer, somewhere.
VARIANTS = {
    "two tiers, GRU": (TWO, {}),
    "two tiers, LSTM, odd levels": (TWO, {"rnn_type": "LSTM", "q_levels": 17}),
    "two tiers, three GRU with skips, odd levels": (TWO, {"n_rnn": 3, "skip_conn": True, "q_levels": 7}),
    "two tiers, two LSTM, one-hot, no weight norm, odd levels": (
        TWO,
        {"rnn_type": "LSTM", "n_rnn": 2, "emb_size": 0, "weight_norm": False, "q_levels": 5},
    ),
    "two tiers as wide as a frame": (TWO, {"dim": 4, "n_rnn": 2, "skip_conn": True}),
    "three tiers, odd levels": (THREE, {"q_levels": 9}),
    "three tiers, two GRU with skips": (THREE, {"n_rnn": 2, "skip_conn": True}),
    "three tiers, five LSTM with skips, no weight norm": (
        THREE,
        {"rnn_type": "LSTM", "n_rnn": 5, "skip_conn": True, "weight_norm": False},
    ),
    "three tiers, two LSTM, one-hot": (THREE, {"rnn_type": "LSTM", "n_rnn": 2, "emb_size": 0}),
    "three tiers, GRU, no weight norm, odd levels": (THREE, {"weight_norm": False, "q_levels": 3}),
    "four tiers of a fork": (FOUR, {"n_rnn": 2, "skip_conn": True, "q_levels": 11}),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory, corpus_cache):
    """The runs of both checkpoints that the original wrote."""
    home = tmp_path_factory.mktemp("theano")
    for stem in STEMS:
        done(f"import-theano {WRITTEN / stem}.pkl --run {stem}", home)
    return home


def forward(model, window, states=None):
    logits, states = model.forward(window, None, states or model.initial_states(len(window)))
    return keras.ops.convert_to_numpy(logits), states


@pytest.mark.law
@pytest.mark.parametrize("stem", STEMS)
def test_two_windows_have_the_logits_and_the_state_that_the_original_computed(stem, home):
    model, there = load_run(home / stem).model, np.load(WRITTEN / f"{stem}.npz")
    seq_len, lookback = int(there["seq_len"]), int(there["lookback"])
    assert lookback == model.lookback
    states, found = None, []
    for start in (0, seq_len):
        logits, states = forward(model, there["codes"][:, start : start + lookback + seq_len], states)
        found.append(logits)
    np.testing.assert_allclose(np.concatenate(found, axis=1), there["logits"], rtol=0, atol=1e-5)
    for name, state in zip(("state_big_h", "state_h"), states, strict=False):
        theirs = there[name][-1].reshape(2, -1)  # (B, layers, D or [h | c])
        ours = np.stack([keras.ops.convert_to_numpy(each) for each in state], axis=1).reshape(2, -1)
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)


@pytest.mark.law
@pytest.mark.parametrize("stem", STEMS)
def test_generation_draws_every_code_that_the_original_drew(stem, home):
    model, there = load_run(home / stem).model, np.load(WRITTEN / f"{stem}.npz")
    rows, samples = there["gen_uniforms"].shape
    more = ((0, 0), (0, -samples % model.top_frame_size))  # the engine makes whole frames
    engine = GenerationEngine(model, model.q_levels // 2, rows, samples + more[1][1])
    codes = generate(engine, None, np.pad(there["gen_uniforms"], more), [1.0] * rows)
    np.testing.assert_array_equal(codes[:, :samples], there["gen_codes"])
    logits, _ = forward(model, window_of(model, codes, model.q_levels // 2))
    np.testing.assert_allclose(logits[:1, :samples], there["gen_logits"], rtol=0, atol=1e-5)


@pytest.mark.law
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_computes_what_the_formulas_of_the_original_do(variant, tmp_path):
    tiers, options = VARIANTS[variant]
    arrays = random_arrays(tiers, **options)
    (tmp_path / "x.pkl").write_bytes(checkpoint(arrays))
    answer = give("import-theano x.pkl --run run --q-type linear", tmp_path)
    assert answer.status == 0, answer.err
    assert ("forks" in answer.err) == (tiers is FOUR)
    model = load_run(tmp_path / "run").model
    original = Original(
        arrays, tiers, **{"rnn_type": "GRU", "n_rnn": 1, "skip_conn": False, "dim": 12, "q_levels": 16, **options}
    )
    codes, expected = np.random.default_rng(1).integers(model.q_levels, size=48), []
    for code in codes:
        expected.append(original.logits())
        original.codes.append(int(code))
    expected = np.stack(expected)
    assert np.ptp(expected) > 1  # weights large enough to tell
    window = np.concatenate([[model.q_levels // 2] * model.lookback, codes])[None].astype(np.int32)
    half = model.lookback + 24
    first, states = forward(model, window[:, :half])
    second, _ = forward(model, window[:, 24:], states)
    np.testing.assert_allclose(np.concatenate([first, second], axis=1)[0], expected, rtol=0, atol=1e-5)


def test_an_imported_run_generates_is_scored_and_is_trained_on(tmp_path):
    run = tmp_path / "run"
    (tmp_path / "x.pkl").write_bytes(checkpoint(random_arrays(TWO, rnn_type="LSTM")))  # few tiers compile soon
    done("import-theano x.pkl --run run --batch-size 2 --seq-len 16", tmp_path)
    assert len(done("generate run --seconds 0.05 --count 2 --seed 3 --out sounds", tmp_path)) == 2
    (tmp_path / "more").mkdir()
    write_sound(tmp_path / "more" / "a.wav", 900)
    (tmp_path / "more" / "a.csv").unlink()
    figures = json.loads(done("evaluate run --data more --json", tmp_path)[-1])
    assert figures["samples"] > 900  # at 16 kHz
    changes = f"--set data.train={tmp_path / 'more'} --set monitoring.every_epochs=0"
    answer = give(f"fit run/spec.json {changes} --run second --init-from run --max-steps 1", tmp_path)
    assert answer.status == 0, answer.err
    assert "starts with the weights of run/checkpoints/step-0000000000" in answer.err
    assert json.loads((tmp_path / "second" / "origin.json").read_text())["checkpoint"] == "step-0000000000"
    # It has the weights alone.
    before = listing(run)
    answer = give(f"fit run/spec.json --set data.train={tmp_path / 'more'} --run run --max-steps 1", tmp_path)
    assert answer.status == 1
    assert answer.err.splitlines()[-1] == (
        "run/checkpoints/step-0000000000: holds weights alone, from which no training continues; start another run from"
        " them: give --run another folder, and this run by --init-from"
    )
    assert {name: digest for name, digest in listing(run).items() if name != ".lock"} == before


def test_of_a_results_folder_the_best_checkpoint_and_the_command_line_are_taken(tmp_path):
    results = tmp_path / "results" / "params"
    results.mkdir(parents=True)
    arrays = random_arrays(TWO, rnn_type="LSTM", q_levels=256)
    for name, seed in {
        "params_e0_i100_t0.01_tr5.1000_v5.2000_best": 1,
        "params_e1_i20000_t1.50_tr4.1000_v4.1000_best": 2,
        "params_e2_i30000_t2.50_tr3.9000_v4.3000": 3,
        "params_e3_i40000_t3.50_trnan_vnan": 4,
    }.items():
        arrays["SampleLevel.Output.b"] = np.full(256, seed, "f4")
        (results / f"{name}.pkl").write_bytes(checkpoint(arrays))
    line = "two_tier.py --exp X --n_frames 6 --frame_size 4 --dim 12 --q_type mu-law --batch_size 64 --debug"
    (results.parent / "args.pkl").write_bytes(words(*line.split()))
    (results.parent / "train_log.pkl").write_bytes(b"no checkpoint")
    answer = give("import-theano results --run runs/a.b", tmp_path)
    assert (answer.status, answer.out) == (0, "runs/a.b\n")
    best = "results/params/params_e1_i20000_t1.50_tr4.1000_v4.1000_best.pkl"
    assert answer.err == f"{best}: is taken of 4 checkpoints, with the lowest validation loss, 4.1 bits\n"
    spec = json.loads((tmp_path / "runs/a.b/spec.json").read_text())
    assert spec["audio"] == {"sample_rate": 16000, "q_type": "mu-law", "q_levels": 256, "preemphasis": 0.0, "mu": None}
    assert (spec["training"]["seq_len"], spec["training"]["batch_size"], spec["name"]) == (24, 64, "a.b")
    loaded = load_run(tmp_path / "runs/a.b")
    assert loaded.checkpoint == "step-0000020000"
    np.testing.assert_array_equal(loaded.model.tiers[-1].output_linear.bias, np.full(256, 2.0))
    record = json.loads((tmp_path / "runs/a.b/theano.json").read_text())
    assert (record["checkpoint"], record["assumed"]) == (Path(best).name, [])
    assert str(tmp_path) not in json.dumps(record)


def test_what_no_file_tells_is_assumed_and_said_and_options_tell_it(tmp_path):
    (tmp_path / "x.pkl").write_bytes(checkpoint(random_arrays(THREE)))
    answer = give("import-theano x.pkl --run run --batch-size 3 --sample-rate 8000", tmp_path)
    assert answer.err.splitlines()[-1] == (
        "assumed: --q-type linear, --seq-len 512, as in the published command lines, since args.pkl is not there to say"
        " it; give them if they differ"
    )
    spec = json.loads((tmp_path / "run/spec.json").read_text())
    assert spec["audio"]["sample_rate"] == 8000
    assert (spec["audio"]["q_type"], spec["training"]["seq_len"], spec["training"]["batch_size"]) == ("linear", 512, 3)
    assert json.loads((tmp_path / "run/theano.json").read_text())["assumed"] == ["q_type", "seq_len"]
    (tmp_path / "args.pkl").write_bytes(words("x.py", "--q_type=linear", "--batch_size", "64"))
    answer = give("import-theano x.pkl --run other --batch-size 3 --seq-len 16 --q-type mu-law", tmp_path)
    assert answer.err.splitlines()[-2:] == [
        "args.pkl: has --q_type linear; --q-type mu-law is taken",
        "args.pkl: has --batch_size 64; --batch-size 3 is taken",
    ]


def test_initial_states_that_are_zero_are_weights_only_if_they_were_trained(tmp_path):
    arrays = random_arrays(THREE)
    for name in ("FrameLevel.h0", "BigFrameLevel.h0"):
        arrays[name][:] = 0.0
    (tmp_path / "x.pkl").write_bytes(checkpoint(arrays))
    for learns in ("False", "true"):
        (tmp_path / "args.pkl").write_bytes(words("x.py", "--learn_h0", learns))
        done(f"import-theano x.pkl --run {learns}", tmp_path)
        spec = json.loads((tmp_path / learns / "spec.json").read_text())
        assert [tier.get("learn_h0") for tier in spec["tiers"]] == [learns == "true", learns == "true", None]
        load_run(tmp_path / learns)


def test_a_run_is_there_whole_or_not_at_all(tmp_path, monkeypatch):
    (tmp_path / "x.pkl").write_bytes(checkpoint(random_arrays(TWO)))
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "a").touch()
    answer = give("import-theano x.pkl --run taken", tmp_path)
    assert (answer.status, answer.err) == (
        1,
        "taken: exists already, and nothing is written over; give --run another folder\n",
    )
    before = listing(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(
            importing, "save_checkpoint", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device"))
        )
        answer = give("import-theano x.pkl --run run", tmp_path)
    assert (answer.status, answer.err.splitlines()[-1]) == (
        1,
        "run: cannot be written: No space left on device; free space on its disk or choose another folder",
    )
    assert listing(tmp_path) == before
    (tmp_path / "empty").mkdir()
    done("import-theano x.pkl --run empty", tmp_path)
    load_run(tmp_path / "empty")
