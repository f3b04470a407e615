"""A tier of somebody else's package, installed with pip and used by its name."""

import importlib
import inspect
import json
import re
import sys

import pytest
import soundfile
from plugin_install import PACKAGE
from toy import SAMPLE_RATE, command, write_conditions

import keras_samplernn
from keras_samplernn import ConditionEncoder, Linear
from keras_samplernn.model.memory import outline, weights_in
from keras_samplernn.model.registry import load_types
from keras_samplernn.spec import load_spec, parse_spec
from keras_samplernn.testing import check_tier
from keras_samplernn.testing.case import it_can_be_built
from keras_samplernn.testing.declared import declared_shapes_are_true, half_precision_keeps_its_dtypes
from keras_samplernn.testing.laws import LAWS, gradients_reach_every_weight, sequence_equals_repeated_step
from keras_samplernn.testing.process import another_process_gives_the_same_numbers
from keras_samplernn.testing.purity import a_spec_can_name_it
from keras_samplernn.training.corpora import prepare_named

ROWS = 1003  # not a whole number of frames
TUTORIAL = (PACKAGE.parents[1] / "docs" / "tiers.md").read_text(encoding="utf-8")


def block(language, words):
    """Return the first block of the tutorial in a language that has some words."""
    return next(text for text in re.findall(rf"```{language}\n(.*?)```", TUTORIAL, re.DOTALL) if words in text)


def test_an_installed_tier_is_listed_with_its_package(third_party_site):
    lines = command("tiers", environment={"PYTHONPATH": str(third_party_site)}).splitlines()
    assert "frame_conv\tframe-conv-tier 0.1.0\tframe_conv:FrameConv" in lines
    assert any(line.startswith("frame_rnn\tkeras-samplernn ") for line in lines)


@pytest.mark.fitted
def test_a_run_with_a_third_partys_tier_generates(fitted_run, tmp_path):
    assert '"frame_conv"' in (fitted_run.folder / "spec.json").read_text()
    write_conditions(tmp_path / "tune.csv", ["low", "high"] * (ROWS // 2) + ["low"])
    (tmp_path / "index.csv").write_text("tune.csv\n")
    arguments = "--conditioning-index", tmp_path / "index.csv", "--out", tmp_path / "out"
    command("generate", fitted_run.folder, *arguments, environment=fitted_run.environment)
    wave, rate = soundfile.read(tmp_path / "out" / "tune.wav")
    assert (len(wave), rate) == (ROWS, SAMPLE_RATE)
    assert wave.std() > 0


def test_the_example_is_a_complete_tier_of_fifty_lines():
    assert len((PACKAGE / "frame_conv.py").read_text(encoding="utf-8").splitlines()) <= 50


@pytest.mark.law
def test_the_example_package_keeps_the_laws(third_party_site, monkeypatch):
    monkeypatch.syspath_prepend(str(third_party_site))
    from frame_conv import FrameConv

    check_tier(FrameConv, frame_size=4, dim=6, kernel_size=3)


def test_the_tutorial_has_every_law():
    checked = [a_spec_can_name_it, it_can_be_built, *LAWS, another_process_gives_the_same_numbers]
    table = re.findall(r"^\| ([a-z ]+) \| .* \|$", TUTORIAL.partition("| Law |")[2].partition("\n\n")[0], re.MULTILINE)
    assert table == [law.__name__.replace("_", " ") for law in checked]


@pytest.fixture
def light_gru(tmp_path, monkeypatch):
    """The tier with a recurrence of its own that the page writes, in a module that other processes can import."""
    (tmp_path / "frame_light_gru.py").write_text(block("python", "FrameLightGRU"))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "frame_light_gru", raising=False)
    return importlib.import_module("frame_light_gru").FrameLightGRU


@pytest.mark.law
def test_the_recurrence_of_the_documents_keeps_the_laws(light_gru):
    check_tier(light_gru, frame_size=4, dim=6)


@pytest.mark.law
def test_the_weight_of_its_own_of_the_documents_keeps_the_laws_that_weights_can_break():
    written = {}
    exec(block("python", "FrameMean"), written)
    cases = it_can_be_built(written["FrameMean"], {"frame_size": 4, "dim": 6})
    for law in (
        declared_shapes_are_true,
        half_precision_keeps_its_dtypes,
        sequence_equals_repeated_step,
        gradients_reach_every_weight,
    ):
        law(cases[-1])


def test_the_signatures_of_the_tutorial_are_those_of_the_functions():
    rows = re.findall(r"^\| `(self\.)?(\w+)\((.*)\)` \| ", TUTORIAL.partition("| Signature |")[2], re.MULTILINE)
    assert len(rows) == 8
    layers = {"add_linear": Linear, "add_conditions": ConditionEncoder}
    for owner, name, arguments in rows:
        function = getattr(keras_samplernn.Tier if owner else keras_samplernn, name)
        parameters = [each for each in inspect.signature(function).parameters.values() if each.name != "self"]
        if name in layers:  # `options` are the layer's other arguments
            options = inspect.signature(layers[name]).parameters.values()
            taken = {"units", "streams", "kwargs"}
            parameters = [*parameters[:-1], *(each for each in options if each.name not in taken)]
        said = [each.name + (f"={each.default!r}" if each.default is not each.empty else "") for each in parameters]
        assert arguments == ", ".join(said).replace("'", '"'), name


def test_the_figures_of_the_tutorial_are_those_of_its_files(light_gru, third_party_site, tmp_path, monkeypatch):
    assert f"in {len(block('python', 'FrameLightGRU').splitlines())} lines" in TUTORIAL
    monkeypatch.syspath_prepend(str(third_party_site))
    types = load_types()
    types = types._replace(tiers=types.tiers | {"frame_light_gru": light_gru})
    document = json.loads(block("json", '"frame_conv"'))

    def spec_with(tier):
        top = {"type": tier, "frame_size": document["tiers"][0]["frame_size"]}
        return parse_spec(json.dumps(document | {"tiers": [top, *document["tiers"][1:]]}), "spec", types, tmp_path)

    weights = {tier: weights_in(outline(spec_with(tier))) for tier in ("frame_light_gru", "frame_conv", "frame_rnn")}
    own, conv, rnn = (f"{each:,}" for each in weights.values())
    said = f"a model of {own} parameters; with `frame_conv` it has {conv}, with a `frame_rnn` {rnn}."
    assert said in " ".join(TUTORIAL.split()), f"write it anew in docs/tiers.md: {said}"
    # Of the corpus that the page makes, the bits that `fit` falls from.
    monkeypatch.chdir(tmp_path)
    exec(block("python", "gliding tones"), {})
    corpus = prepare_named(spec_with("frame_conv"), "train", lambda line: None)
    assert f"from the {corpus.unigram_entropy_bits:.2f} bits of the codes' histogram" in TUTORIAL


@pytest.mark.law
def test_the_faster_tier_of_the_documents_keeps_the_laws(third_party_site, tmp_path, monkeypatch):
    page = (PACKAGE.parents[1] / "docs" / "lowering.md").read_text(encoding="utf-8")
    (tmp_path / "faster_frame_conv.py").write_text(re.search(r"```python\n(.*?)```", page, re.DOTALL)[1])
    monkeypatch.syspath_prepend(str(third_party_site))
    monkeypatch.syspath_prepend(str(tmp_path))
    from faster_frame_conv import FasterFrameConv

    check_tier(FasterFrameConv, frame_size=4, dim=8, kernel_size=3)


def test_the_example_packages_spec_is_valid(third_party_site, monkeypatch):
    monkeypatch.syspath_prepend(str(third_party_site))
    spec = load_spec(PACKAGE / "spec.json", load_types())
    assert [tier.type for tier in spec.tiers] == ["frame_conv", "frame_rnn", "sample_mlp"]


def test_the_tutorial_shows_the_files_of_the_example_package():
    for name in ("setup.py", "pyproject.toml", "frame_conv.py", "tests/test_frame_conv.py", "spec.json"):
        assert f"\n{(PACKAGE / name).read_text(encoding='utf-8')}```\n" in TUTORIAL, name
