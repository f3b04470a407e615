"""`--set` and `--name` change a spec for one command; the refusal of another spec says how to start a run of it."""

import contextlib
import json
import sys
from unittest import mock

import pytest
from command_line import give, listing, write_corpora, write_spec

from keras_samplernn import check, fit
from keras_samplernn.commands import main
from keras_samplernn.errors import UserError
from keras_samplernn.spec.changes import read_object, read_value, with_changes


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.0003", 0.0003),
        ("128", 128),
        ("true", True),
        ("null", None),
        ("cosine", "cosine"),
        ("1,2", "1,2"),
        ('["a", "b,c"]', ["a", "b,c"]),
        ('{"classes": 3}', {"classes": 3}),
        ('"3"', "3"),
        ("NaN", "NaN"),
        ("a/b=c", "a/b=c"),
    ],
)
def test_a_value_is_json_or_plain_text(text, value):
    assert read_value(text) == value and type(read_value(text)) is type(value)


def test_changes_leave_the_rest_and_add_the_objects_around_them():
    raw = read_object('{"data": {"train": "a"}, "tiers": [{"dim": 4}, {"dim": 5}]}', "spec.json")
    changed = json.loads(with_changes(raw, {"tiers.1.dim": 6, "training.seed": 1}, "spec.json", "--set"))
    assert changed == {"data": {"train": "a"}, "tiers": [{"dim": 4}, {"dim": 6}], "training": {"seed": 1}}
    assert raw["tiers"][1]["dim"] == 5 and "training" not in raw


def test_an_entry_of_a_list_may_be_written_as_in_python():
    raw = read_object('{"data": {"train": ["a", "b"]}, "tiers": [{"dim": 4}, {"dim": 5}]}', "spec.json")
    changed = json.loads(with_changes(raw, {"tiers[1].dim": 6, "data.train[0]": "c"}, "spec.json", "--set"))
    assert changed == {"data": {"train": ["c", "b"]}, "tiers": [{"dim": 4}, {"dim": 6}]}


def test_what_a_refusal_calls_a_field_can_be_set(tmp_path):
    write_spec(tmp_path)
    write_corpora(tmp_path)
    for field in ("tiers.0.dim", "tiers[0].dim"):
        answer = give(f"check spec.json --set {field}=x", tmp_path)
        told = answer.err.removeprefix("spec.json: ").partition(" = ")[0]
        assert (answer.status, told) == (1, "tiers.0.dim")


def test_tiers_of_a_preset_can_be_changed():
    raw = {"preset": "small", "tier_defaults": {"dim": 96}, "data": {"train": "a"}}
    changed = json.loads(with_changes(raw, {"tiers.0.dim": 64}, "spec.json", "--set"))
    assert [tier.get("dim") for tier in changed["tiers"]] == [64, None, None]
    assert changed["tier_defaults"]["dim"] == 96 and changed["tier_defaults"]["condition_dim"] == 256
    assert changed["preset"] == "small"


def test_a_key_that_is_there_twice_is_told_before_it_is_changed():
    with pytest.raises(UserError, match=r"^spec.json: name is given more than once; keep one of them$"):
        read_object('{"name": "a", "name": "b"}', "spec.json")


MISTAKES = [
    ("--set training.learn_rate=3", 'training.learn_rate is not a field of training; did you mean "learning_rate"?'),
    ("--set training.lr=3", 'training.lr is not a field of training; did you mean "learning_rate"?'),
    ("--set lr=3", 'lr is not a field of the spec; did you mean "training.learning_rate"?'),
    ("--set learn_rate=3", 'learn_rate is not a field of the spec; did you mean "training.learning_rate"?'),
    ("--set tier_defaults.units=3", 'tier_defaults.units is a field of none of the tiers; did you mean "dim"?'),
    ("--set tiers[0].hidden_size=3", 'tiers.0.hidden_size is not a field of frame_rnn; did you mean "dim"?'),
    ("--set trainin.seed=3", 'trainin is not a field of the spec; did you mean "training"?'),
    ("--set tiers.2.dim=3", "--set tiers.2.dim: tiers has no entry 2, but 0 to 1"),
    ("--set training.learning_rate=fast", 'training.learning_rate = "fast" must be a number above 0, up to 10'),
]


@pytest.mark.parametrize(("options", "told"), MISTAKES, ids=[options for options, _ in MISTAKES])
@pytest.mark.parametrize("command", ["fit", "check"])
def test_a_change_that_the_spec_cannot_have_is_told_in_one_line(tmp_path, command, options, told):
    write_spec(tmp_path)
    write_corpora(tmp_path)
    before = listing(tmp_path)
    answer = give(f"{command} spec.json {options}", tmp_path)
    assert (answer.status, answer.out, answer.err) == (1, "", f"spec.json: {told}\n")
    assert listing(tmp_path) == before


EARLY = {
    "--set training.lr=3": True,
    "--set training.learning_rate=fast": True,
    "--set tiers.2.dim=3": True,
    "--set conditioning.clases=3": True,
    "--name a --set name=b": True,
    # A field of a tier: what it is is known only with the tiers.
    "--set training.dropout=3": False,
    "--set tiers.0.dim=0": False,
    # The tiers and the sounds may be wrong too, and everything is told at once.
    "": False,
}


@pytest.mark.parametrize(("options", "early"), EARLY.items())
def test_what_is_known_without_tensorflow_is_told_without_it(tmp_path, options, early):
    write_spec(tmp_path, training={"epochs": 0})
    argv, started = ["keras-samplernn", "fit", "spec.json", *options.split()], "keras_samplernn.api.start_replicas"
    with (
        contextlib.chdir(tmp_path),
        mock.patch.object(sys, "argv", argv),
        mock.patch(started, side_effect=RuntimeError),
        pytest.raises(SystemExit if early else RuntimeError),
    ):
        main()


def test_a_text_that_is_no_json_is_told_without_tensorflow(tmp_path, monkeypatch):
    (tmp_path / "spec.json").write_text('{"name": }')
    monkeypatch.setattr("keras_samplernn.api.import_tensorflow", lambda *_: pytest.fail("TensorFlow is imported"))
    for function in (fit, check):
        with pytest.raises(UserError, match=r"spec.json:1:10: a value is expected here"):
            function(tmp_path / "spec.json")


def test_the_command_that_goes_on_is_told_where_steps_are_left(tmp_path):
    write_spec(tmp_path)
    write_corpora(tmp_path)
    answer = give("fit spec.json --max-steps=1 --restart --set training.seed=2", tmp_path)
    assert answer.err.count("stopped after step 1, at --max-steps. To go on:\n") == 1
    command = "keras-samplernn fit spec.json --set training.seed=2"
    assert f"\n{command}\n" in answer.err
    answer = give(f"{command.partition(' ')[2]} --max-steps 1000", tmp_path)
    assert answer.status == 0 and "To go on" not in answer.err


@pytest.mark.parametrize(
    ("options", "status", "told"),
    [
        ("--set training.seed", 2, "'training.seed' is not FIELD=VALUE, such as training.learning_rate=0.0003"),
        ("--set training.seed=", 2, 'training.seed: a value is missing; write FIELD=VALUE, and "" for an empty text'),
        ("--set training.seed=1 --set training.seed=2", 2, "--set training.seed is given twice; give one value"),
        ("--set tiers.0.dim=1 --set tiers[0].dim=2", 2, "--set tiers.0.dim is given twice; give one value"),
        ("--name a --set name=b", 1, "--name a: --set changes the name to b; give one of the two"),
    ],
)
def test_a_wrong_command_line_is_told(tmp_path, options, status, told):
    write_spec(tmp_path)
    answer = give(f"fit spec.json {options}", tmp_path)
    assert (answer.status, answer.out) == (status, "")
    assert told in answer.err


def test_a_run_of_a_changed_spec_has_its_own_name_spec_and_origin(home):
    answer = give(
        "fit spec.json --max-steps 1 --init-from run --name quieter --set training.learning_rate=0.0003", home
    )
    assert (answer.status, answer.out) == (0, "runs/quieter\n"), answer.err
    run = home / "runs/quieter"
    spec = json.loads((run / "spec.json").read_text())
    assert (spec["name"], spec["training"]["learning_rate"]) == ("quieter", 0.0003)
    assert spec["training"]["seq_len"] == 16
    origin = json.loads((run / "origin.json").read_text())
    (source,) = (home / "run/checkpoints").iterdir()
    manifest = json.loads((source / "manifest.json").read_text())
    assert (origin["run"], origin["checkpoint"]) == (str(home / "run"), source.name)
    assert origin["weights_sha256"] == manifest["weights.npz"]["sha256"]
    # The origin stays as the run goes on, whatever the command says, and goes with a run that begins anew.
    before = (run / "origin.json").read_bytes()
    again = "fit spec.json --name quieter --set training.learning_rate=0.0003"
    assert give(f"{again} --max-steps 2", home).status == 0
    assert (run / "origin.json").read_bytes() == before
    restarted = give(f"{again} --max-steps 1 --restart --init-from runs/quieter", home)
    assert restarted.status == 0, restarted.err
    (aside,) = (home / "runs").glob("quieter.*")
    assert json.loads((run / "origin.json").read_text())["run"] == str(aside)
    assert give(f"{again} --max-steps 1 --restart", home).status == 0
    assert not (run / "origin.json").exists()
