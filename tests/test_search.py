"""What a search plans and refuses, before anything is trained: rungs, values, combinations."""

import json

import pytest
from command_line import give, listing, write_corpora, write_spec

from keras_samplernn.errors import UserError
from keras_samplernn.model.registry import load_types
from keras_samplernn.search.grid import combine
from keras_samplernn.search.halving import Rung, best_of, plan_rungs, steps_in_all
from keras_samplernn.spec.changes import read_values


@pytest.mark.parametrize(
    ("combinations", "budget", "eta", "rungs"),
    [
        (4, 800, 2, [(4, 100), (2, 200), (1, 400)]),  # 4 * 100 + 2 * 100 + 1 * 200
        (4, 807, 2, [(4, 100), (2, 200), (1, 400)]),
        (5, 1000, 3, [(5, 142), (1, 426)]),
        (9, 21, 3, [(9, 1), (3, 3), (1, 9)]),
        (1, 70, 2, [(1, 70)]),
    ],
)
def test_a_rung_has_the_best_of_the_one_before_and_more_steps(combinations, budget, eta, rungs):
    assert plan_rungs(combinations, budget, eta) == tuple(Rung(*rung) for rung in rungs)


def test_the_steps_of_all_rungs_use_up_the_budget_and_stay_within_it():
    for eta in range(2, 6):
        for combinations in range(1, 40):
            least = steps_in_all(plan_rungs(combinations, 10**9, eta)) // plan_rungs(combinations, 10**9, eta)[0].steps
            for budget in (least, least + 1, 2 * least - 1, 2 * least, 1000 * least + 3):
                rungs = plan_rungs(combinations, budget, eta)
                assert budget - least < steps_in_all(rungs) <= budget
                assert rungs[-1].runs == 1 and rungs[0].runs == combinations
            with pytest.raises(UserError, match=rf"^--steps = {least - 1}: is too few for {combinations} combinations"):
                plan_rungs(combinations, least - 1, eta)


def test_the_lowest_bits_go_on_and_of_equal_ones_the_first_but_never_what_failed():
    scores = {1: 3.0, 2: None, 3: 2.5, 4: 3.0, 5: 2.0}
    assert [best_of(scores, count) for count in (1, 2, 3, 9)] == [[5], [3, 5], [1, 3, 5], [1, 3, 4, 5]]
    assert best_of({1: None}, 1) == []


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("0.001,2e-3", [0.001, 0.002]),
        ("256,true,null", [256, True, None]),
        ("cosine", ["cosine"]),
        ('cosine,"a,b",""', ["cosine", "a,b", ""]),
        ("1.5x,NaN,-Infinity", ["1.5x", "NaN", "-Infinity"]),
    ],
)
def test_values_are_json_or_plain_text(text, values):
    assert read_values(text) == values
    assert [type(value) for value in read_values(text)] == [type(value) for value in values]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", 'a value is missing; write FIELD=VALUE,VALUE, and "" for an empty text'),
        ("1,,2", 'a value is missing; write FIELD=VALUE,VALUE, and "" for an empty text'),
        ("1,2,", 'a value is missing; write FIELD=VALUE,VALUE, and "" for an empty text'),
        ("1,1", "1 is there twice; give each value once"),
        ("[1, 2],3", "[1, 2] is no single value; give numbers, text, true, false or null"),
    ],
)
def test_values_that_cannot_be_tried_are_told(text, told):
    with pytest.raises(ValueError) as raised:
        read_values(text)
    assert str(raised.value) == told


@pytest.fixture
def home(tmp_path):
    write_corpora(tmp_path)
    write_spec(tmp_path)
    return tmp_path


def combined(home, grid, **sections):
    write_spec(home, "base.json", **sections)
    return combine((home / "base.json").read_text(), "base.json", load_types(), home, grid)


def test_each_combination_has_a_number_a_name_and_a_spec(home):
    grid = {"training.augmentation.gain_db": [0, 6.0], "tiers.0.dim": [4, 5], "tiers.1.dim": [8]}
    name, combinations = combined(home, grid)
    assert name == "tiny"
    assert [each.spec.name for each in combinations] == [
        "1_gain_db-0_0.dim-4_1.dim-8",
        "2_gain_db-0_0.dim-5_1.dim-8",
        "3_gain_db-6.0_0.dim-4_1.dim-8",
        "4_gain_db-6.0_0.dim-5_1.dim-8",
    ]
    second = combinations[2].spec
    assert second.training.augmentation.gain_db == 6 and second.training.seq_len == 16
    assert [tier.config["dim"] for tier in second.tiers] == [4, 8]
    assert second.data.train == home / "train"


def test_names_are_safe_for_files_and_of_a_spec(home):
    (home / "a b" / "train").mkdir(parents=True)
    _, combinations = combined(home, {"data.train": ["train", "a b/train/ä" + "x" * 200], "training.seed": [1, 2]})
    assert combinations[0].spec.name == "1_train-train_seed-1"
    assert combinations[3].spec.name == ("4_train-a-b-train--" + "x" * 200)[:100]


PROBLEMS = [
    ("training.learn_rate=1,2", 'training.learn_rate is not a field of training; did you mean "learning_rate"?'),
    ("tiers.2.dim=8", "--vary tiers.2.dim: tiers has no entry 2, but 0 to 1"),
    ("tiers.first.dim=8", "--vary tiers.first.dim: tiers has no entry first, but 0 to 1"),
    ("audio.q_levels.x=8", "--vary audio.q_levels.x: audio.q_levels has nothing called x to change"),
    ("tier_defaults.0.dim=8", "--vary tier_defaults.0.dim: tier_defaults has nothing called 0 to change"),
    ("training..seed=8", "--vary training..seed: training has nothing called (nothing) to change"),
    (
        "audio.q_levels=8,16",
        "the combinations differ in their codes (audio, or the head's levels), so that their bits cannot be compared;"
        " search each apart",
    ),
    (
        "data.valid=valid,other",
        "the combinations differ in the sounds that they are validated on, so that their bits cannot be compared;"
        " search each apart",
    ),
    (
        "tier_defaults.dim=8,16",
        "combinations 1 and 2 are the same spec; what a tier says itself, tier_defaults does not change: vary"
        " tiers.0.dim and the like, or take it out of the tiers",
    ),
    (
        "data.valid=null",
        "data.valid is null, and a search compares validations; give a folder, or a share such as 0.1",
    ),
]


@pytest.mark.parametrize(("vary", "told"), PROBLEMS, ids=[vary for vary, _ in PROBLEMS])
def test_what_cannot_be_searched_is_told_before_anything_is_written(home, vary, told):
    before = listing(home)
    answer = give(f"search spec.json --vary {vary} --steps 100", home)
    assert (answer.status, answer.out, answer.err) == (1, "", f"spec.json: {told}\n")
    assert listing(home) == before


def test_all_problems_of_all_combinations_are_told_together_and_each_once(home):
    answer = give(
        "search spec.json --vary training.seq_len=16,6 --vary training.learning_rate=0.1,-1,x --steps 100", home
    )
    assert answer.status == 1
    told = answer.err.splitlines()
    assert len(told) == len(set(told)) == 3
    assert told[0] == "spec.json: training.learning_rate = -1 must be a number above 0, up to 10"
    assert told[1] == 'spec.json: training.learning_rate = "x" must be a number above 0, up to 10'
    assert told[2].startswith("spec.json: training.seq_len = 6 ")
    assert not (home / "runs").exists()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            "--vary training.seed",
            "'training.seed' is not FIELD=VALUE,VALUE, such as training.learning_rate=0.001,0.002",
        ),
        ("--vary training.seed=1,1", "training.seed: 1 is there twice; give each value once"),
        ("--vary training.seed=1 --vary training.seed=2", "--vary training.seed is given twice; give all its values"),
        ("--vary training.seed=1 --restart --shard 1/2", "--restart with --shard would move the runs of the other"),
    ],
)
def test_a_wrong_command_line_is_told(home, options, told):
    answer = give(f"search spec.json --steps 100 {options}", home)
    assert (answer.status, answer.out) == (2, "")
    assert told in answer.err


def test_the_search_names_its_runs_itself_and_its_sounds_must_be_sound(home):
    answer = give("search spec.json --vary name=a,b --steps 100", home)
    assert answer.err == "--vary name: the search names its runs itself; vary another field\n"
    (home / "valid/a.csv").write_text("0\n")
    answer = give("search spec.json --vary training.seed=1,2 --steps 100", home)
    assert answer.status == 1 and "a.csv" in answer.err.splitlines()[-1]
    assert not list((home / "runs/tiny-search").glob("[12]*"))
    assert json.loads((home / "runs/tiny-search/search.json").read_text())["vary"] == {"training.seed": [1, 2]}
