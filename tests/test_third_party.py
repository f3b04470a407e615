"""A tier of somebody else's package, installed with pip and used by its name."""

import re

import pytest
import soundfile
from plugin_install import PACKAGE
from toy import SAMPLE_RATE, command, write_conditions

from keras_samplernn.model.registry import load_types
from keras_samplernn.spec import load_spec
from keras_samplernn.testing import check_tier

ROWS = 1003  # not a whole number of frames


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
    tutorial = (PACKAGE.parents[1] / "docs" / "tiers.md").read_text(encoding="utf-8")
    for name in ("setup.py", "pyproject.toml", "frame_conv.py", "tests/test_frame_conv.py", "spec.json"):
        assert f"\n{(PACKAGE / name).read_text(encoding='utf-8')}```\n" in tutorial, name
