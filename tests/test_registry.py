"""The registry against packages that were never installed: a dist-info folder on sys.path is all it reads.

A package that is broken stops only specs that name what it offers.
"""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from keras_samplernn.commands import cli
from keras_samplernn.errors import UserError
from keras_samplernn.model.registry import Installed, Kind, clash, load_types, offers
from keras_samplernn.spec import parse_spec

SOURCES = {
    kind: f"import keras_samplernn\nclass {kind.capitalize()}(keras_samplernn.{kind.capitalize()}): frame_size = 4"
    for kind in Kind
}


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Return a function that puts a package with one module and one tier or head on sys.path."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def install(distribution, name, source=None, value=None, version="1.2", kind=Kind.TIER):
        module = distribution.replace("-", "_")
        (tmp_path / f"{module}.py").write_text(SOURCES[kind] if source is None else source)
        info = tmp_path / f"{module}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        target = value or f"{module}:{kind.capitalize()}"
        (info / "entry_points.txt").write_text(f"[{kind.group}]\n{name} = {target}\n")
        monkeypatch.delitem(sys.modules, module, raising=False)

    return install


def parse(*types, **fields):
    """Parse a spec of tiers of these types, the first of 4 samples a step."""
    tiers = [{"type": name, "frame_size": 4} if name.startswith("frame") else {"type": name} for name in types]
    spec = {"data": {"train": "corpus"}, "tiers": tiers, **fields}
    return parse_spec(json.dumps(spec), "spec.json", load_types(), "/")


def refused(*types, **fields):
    """Return the one line that such a spec is refused with."""
    with pytest.raises(UserError) as caught:
        parse(*types, **fields)
    (line,) = caught.value.lines
    return line


def test_a_package_that_declares_an_entry_point_is_listed_with_its_name_and_version(install):
    install("my-tiers", "conv_stack")
    (tier,) = offers(Kind.TIER)["conv_stack"]
    assert (tier.name, tier.value, tier.distribution, tier.version) == (
        "conv_stack",
        "my_tiers:Tier",
        "my-tiers",
        "1.2",
    )
    assert tier.load().__module__ == "my_tiers"
    assert parse("conv_stack", "sample_mlp").tiers[0].tier_class.__module__ == "my_tiers"


def test_tiers_are_listed_by_name(install):
    install("a-tiers", "zeta")
    install("b-tiers", "alpha")
    assert list(offers(Kind.TIER)) == sorted(offers(Kind.TIER))


REMEDY = "; repair, upgrade or uninstall my-tiers"
UNKNOWN_HINT = """
import numpy, keras_samplernn
class Tier(keras_samplernn.Tier):
    frame_size = 4
    def __init__(self, dim: int = 1, table: numpy.ndarray = None, **kwargs): super().__init__(**kwargs)
"""
# A module, where its entry point leads unless to `Tier`, and what is said of it.
BROKEN = {
    "an error": (
        "raise OSError('libcuda.so:\\n not found')",
        None,
        "my_tiers:Tier of my-tiers 1.2 cannot be loaded (FOLDER/my_tiers.py:1: OSError: libcuda.so: not found)",
    ),
    "a missing library": (
        "import keras\nimport no_such_library",
        None,
        "my_tiers:Tier of my-tiers 1.2 cannot be loaded (FOLDER/my_tiers.py:2: ModuleNotFoundError: No module named "
        "'no_such_library')",
    ),
    "an error in a library": (
        "import json\ndef read():\n    json.loads('')\nread()",
        None,
        "my_tiers:Tier of my-tiers 1.2 cannot be loaded (FOLDER/my_tiers.py:3: JSONDecodeError: Expecting value: line "
        "1 column 1 (char 0))",
    ),
    "a line that is no Python": (
        "import json\nclass Tier(:",
        None,
        "my_tiers:Tier of my-tiers 1.2 cannot be loaded (FOLDER/my_tiers.py:2: SyntaxError: invalid syntax)",
    ),
    "an exit": (
        "raise SystemExit(3)",
        None,
        "my_tiers:Tier of my-tiers 1.2 cannot be loaded (FOLDER/my_tiers.py:1: SystemExit: 3)",
    ),
    "a missing class": (
        "",
        "my_tiers:Gone",
        "my_tiers:Gone of my-tiers 1.2 cannot be loaded (AttributeError: module 'my_tiers' has no attribute 'Gone')",
    ),
    "no class": ("Tier = 3", None, "my_tiers:Tier of my-tiers 1.2 is not a subclass of keras_samplernn.Tier"),
    "another class": (
        "class Tier: pass",
        None,
        "my_tiers:Tier of my-tiers 1.2 is not a subclass of keras_samplernn.Tier",
    ),
    "a hint that is not JSON": (
        UNKNOWN_HINT,
        None,
        "my_tiers:Tier of my-tiers 1.2 has a constructor that a spec cannot fill (TypeError: its argument table has "
        "the hint <class 'numpy.ndarray'>, which JSON cannot give; hint it as number, text or list)",
    ),
    "a default that is not JSON": (
        UNKNOWN_HINT.replace(": numpy.ndarray = None", "=numpy.zeros(3)"),
        None,
        "my_tiers:Tier of my-tiers 1.2 has a constructor that a spec cannot fill (TypeError: its argument table has "
        "a default that JSON cannot hold (ndarray is no type of JSON); let it be a number, text, list or None, and "
        "make the rest of it in the constructor)",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_tier_stops_only_specs_that_name_it(install, tmp_path, name):
    source, value, reason = BROKEN[name]
    reason = reason.replace("FOLDER", str(tmp_path))
    install("my-tiers", "conv_stack", source, value)
    line = f'spec.json: tiers.0.type = "conv_stack" is installed, but broken: {reason}{REMEDY}'
    assert refused("conv_stack", "sample_mlp") == line
    assert [tier.type for tier in parse("frame_rnn", "sample_mlp").tiers] == ["frame_rnn", "sample_mlp"]
    # A mistake in a spec makes every type's fields known.
    assert "Installed: frame_rnn, frame_ssm, " in refused("frame_rn", "sample_mlp")


def test_a_broken_head_stops_only_specs_that_name_it(install, tmp_path):
    install("my-heads", "mixture", "1/0", kind=Kind.HEAD)
    assert refused("frame_rnn", "sample_mlp", head={"type": "mixture"}) == (
        'spec.json: head.type = "mixture" is installed, but broken: my_heads:Head of my-heads 1.2 cannot be loaded '
        f"({tmp_path}/my_heads.py:1: ZeroDivisionError: division by zero); repair, upgrade or uninstall my-heads"
    )
    assert parse("frame_rnn", "sample_mlp").head.type == "softmax"


def test_a_name_that_two_packages_offer_stops_only_specs_that_name_it(install):
    install("b-tiers", "conv_stack", version="0.3")
    install("a-tiers", "conv_stack")
    assert refused("conv_stack", "sample_mlp") == (
        'spec.json: tiers.0.type = "conv_stack" is installed, but broken: it is offered by a-tiers 1.2 and by b-tiers '
        "0.3; give it another name in the entry points (keras_samplernn.tiers) of all but one of a-tiers, b-tiers, or "
        "uninstall that"
    )
    assert len(parse("frame_rnn", "sample_mlp").tiers) == 2


def test_of_a_name_that_is_ours_too_the_other_package_is_to_change():
    ours = Installed(Kind.TIER, "frame_rnn", "keras_samplernn.plugins.frame_rnn:FrameRNN", "keras-samplernn", "0.1.0")
    theirs = Installed(Kind.TIER, "frame_rnn", "my_tiers:Tier", "my-tiers", "1.2")
    assert clash([ours, theirs]) == (
        "it is offered by keras-samplernn 0.1.0 and by my-tiers 1.2; give it another name in the entry points "
        "(keras_samplernn.tiers) of my-tiers, or uninstall that"
    )


def test_a_signal_while_a_plugin_is_imported_still_ends_the_program(install):
    install("my-tiers", "conv_stack", "raise SystemExit(128 + 15)")
    with pytest.raises(SystemExit):
        load_types()


def test_lists_and_schema_say_what_is_broken_and_go_on(install, tmp_path):
    install("a-tiers", "alpha", "print('Thank you for using a-tiers!')\nraise OSError('no licence')")
    install("b-tiers", "both")
    install("c-tiers", "both")
    install("d-heads", "mixture", "1/0", kind=Kind.HEAD)
    listed = CliRunner().invoke(cli, ["tiers"], catch_exceptions=False)
    lines = listed.stdout.splitlines()
    reason = (
        f"a_tiers:Tier of a-tiers 1.2 cannot be loaded ({tmp_path}/a_tiers.py:2: OSError: no licence); repair, upgrade "
        "or uninstall a-tiers"
    )
    clashing = (
        "broken: it is offered by b-tiers 1.2 and by c-tiers 1.2; give it another name in the entry points "
        "(keras_samplernn.tiers) of all but one of b-tiers, c-tiers, or uninstall that"
    )
    assert lines[:3] == [
        f"alpha\ta-tiers 1.2\ta_tiers:Tier\tbroken: {reason}",
        f"both\tb-tiers 1.2\tb_tiers:Tier\t{clashing}",
        f"both\tc-tiers 1.2\tc_tiers:Tier\t{clashing}",
    ]
    assert [line.split("\t")[0] for line in lines[3:]] == ["frame_rnn", "frame_ssm", "sample_mlp"]
    heads = CliRunner().invoke(cli, ["heads"], catch_exceptions=False).stdout.splitlines()
    assert ["broken" in line for line in heads] == [False, True, False]
    printed = CliRunner().invoke(cli, ["schema"], catch_exceptions=False)
    branches = json.loads(printed.stdout)["properties"]["tiers"]["items"]["oneOf"]
    assert [branch["properties"]["type"]["const"] for branch in branches] == ["frame_rnn", "frame_ssm", "sample_mlp"]
    assert f'tier "alpha" is left out, since it is broken: {reason}' in printed.stderr


def test_listing_imports_neither_keras_nor_the_plugins():
    code = (
        "import sys; from keras_samplernn.model.registry import Kind, offers; [offers(kind) for kind in Kind];"
        "print([name for name in sys.modules if name.split('.')[0] in ('keras', 'tensorflow', 'plugins')"
        " or name.startswith('keras_samplernn.plugins')])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
