"""The registry against packages that were never installed: a dist-info folder on sys.path is all it reads."""

import subprocess
import sys

import pytest

from keras_samplernn.errors import UserError
from keras_samplernn.model.registry import Kind, installed, load_types

A_TIER = "import keras_samplernn\nclass Tier(keras_samplernn.Tier): pass"


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Return a function that puts a package with one module and one tier on sys.path."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def install(distribution, tier, source=A_TIER, value=None, version="1.2"):
        module = distribution.replace("-", "_")
        (tmp_path / f"{module}.py").write_text(source)
        info = tmp_path / f"{module}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[{Kind.TIER.group}]\n{tier} = {value or f'{module}:Tier'}\n")
        monkeypatch.delitem(sys.modules, module, raising=False)

    return install


def test_a_package_that_declares_an_entry_point_is_listed_with_its_name_and_version(install):
    install("my-tiers", "conv_stack")
    tier = installed(Kind.TIER)["conv_stack"]
    assert (tier.name, tier.value, tier.distribution, tier.version) == (
        "conv_stack",
        "my_tiers:Tier",
        "my-tiers",
        "1.2",
    )
    assert tier.load().__module__ == "my_tiers"


def test_tiers_are_listed_by_name(install):
    install("a-tiers", "zeta")
    install("b-tiers", "alpha")
    assert list(installed(Kind.TIER)) == sorted(installed(Kind.TIER))


def test_duplicate_tier_name_names_both_packages(install):
    install("b-tiers", "conv_stack", version="0.3")
    install("a-tiers", "conv_stack")
    with pytest.raises(UserError) as caught:
        installed(Kind.TIER)
    assert caught.value.lines == (
        'tier "conv_stack" is offered by a-tiers 1.2 and by b-tiers 0.3; uninstall all of these packages but one',
    )


BROKEN = [
    (
        "raise OSError('libcuda.so:\\n not found')",
        None,
        "cannot be loaded from my_tiers:Tier (OSError: libcuda.so: not found); repair, upgrade or uninstall my-tiers",
    ),
    (
        "",
        "my_tiers:Gone",
        "cannot be loaded from my_tiers:Gone (AttributeError: module 'my_tiers' has no attribute 'Gone'); "
        "repair, upgrade or uninstall my-tiers",
    ),
]


@pytest.mark.parametrize(("source", "value", "reason"), BROKEN)
def test_a_broken_plugin_is_named_with_its_package_and_the_reason(install, source, value, reason):
    install("my-tiers", "conv_stack", source, value)
    with pytest.raises(UserError) as caught:
        installed(Kind.TIER)["conv_stack"].load()
    assert caught.value.lines == (f'tier "conv_stack" of package my-tiers 1.2 {reason}',)


@pytest.mark.parametrize("source", ["Tier = 3", "class Tier: pass"])
def test_an_entry_point_that_is_no_tier_is_refused(install, source):
    install("my-tiers", "conv_stack", source)
    with pytest.raises(UserError) as caught:
        installed(Kind.TIER)["conv_stack"].load()
    assert caught.value.lines == (
        'tier "conv_stack" of package my-tiers 1.2: my_tiers:Tier is not a subclass of keras_samplernn.Tier; '
        "repair, upgrade or uninstall my-tiers",
    )


def test_all_broken_plugins_are_reported_together(install):
    install("a-tiers", "a", "1/0")
    install("b-tiers", "b", "1/0")
    with pytest.raises(UserError) as caught:
        load_types()
    assert [line.split(" cannot")[0] for line in caught.value.lines] == [
        'tier "a" of package a-tiers 1.2',
        'tier "b" of package b-tiers 1.2',
    ]


def test_listing_imports_neither_keras_nor_the_plugins():
    code = (
        "import sys; from keras_samplernn.model.registry import Kind, installed; [installed(kind) for kind in Kind];"
        "print([name for name in sys.modules if name.split('.')[0] in ('keras', 'tensorflow', 'plugins')"
        " or name.startswith('keras_samplernn.plugins')])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
