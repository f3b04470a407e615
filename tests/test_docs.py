"""What the documents say is there: generated pages, links, specs, commands and their options."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from keras_samplernn.commands import cli
from keras_samplernn.model import registry
from keras_samplernn.model.memory import outline, weights_in
from keras_samplernn.model.registry import load_types
from keras_samplernn.spec import Types, load_spec

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
page = pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())


def anchors(path: Path) -> set[str]:
    """Return the headings of a page as links name them."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def documented_commands() -> list[str]:
    """Return every call of the program that a page shows, without what runs it and without a comment."""
    texts = [path.read_text(encoding="utf-8").replace(" \\\n", " ") for path in PAGES if path.is_file()]
    call = re.compile(r"(?:^    |^|`)(?:python cli\.py|keras-samplernn) ([a-z][^`\n]*)", re.MULTILINE)
    shown = [line for text in texts for line in call.findall(text)]
    return sorted({line.partition("#")[0].partition(" > ")[0].strip() for line in shown})


def test_the_specs_reference_is_what_the_command_prints(monkeypatch):
    # Whatever else is installed, the page is about the tiers and heads of this project.
    shipped = Types(
        *({k: v for k, v in each.items() if "keras_samplernn" in v.__module__} for each in load_types()[:2])
    )
    monkeypatch.setattr(registry, "load_types", lambda: shipped)
    printed = CliRunner().invoke(cli, ["schema", "--markdown"], catch_exceptions=False).stdout
    written = (ROOT / "docs" / "spec.md").read_text(encoding="utf-8")
    assert written == printed, "write it anew: python cli.py schema --markdown > docs/spec.md"


@page
def test_every_relative_link_leads_somewhere(path):
    links = re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8"))
    for link in (link for link in links if "://" not in link):
        file, _, anchor = link.partition("#")
        target = path.parent / file if file else path
        assert target.exists(), f"{path.name}: {link}"
        assert not anchor or anchor in anchors(target), f"{path.name}: {link}"


@page
def test_every_example_that_is_named_exists(path):
    for name in re.findall(r"\bexamples/[\w/]+\.json", path.read_text(encoding="utf-8")):
        assert (ROOT / name).is_file(), name


def test_every_example_is_in_the_readme():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for spec in (ROOT / "examples").glob("*.json"):
        assert f"(examples/{spec.name})" in text, spec.name


@pytest.mark.parametrize("line", documented_commands())
def test_every_documented_call_is_one_that_the_program_takes(line):
    name, *arguments = shlex.split(line.partition(" | ")[0].replace("$SLURM_ARRAY_TASK_ID", "1"))
    cli.commands[name].make_context(name, arguments)  # raises click.UsageError where it would be refused


@page
def test_every_option_that_is_named_is_one_of_the_program(path):
    options = {name for command in cli.commands.values() for option in command.params for name in option.opts}
    named = set(re.findall(r"`(--[a-z-]+)", path.read_text(encoding="utf-8")))
    assert named <= options | {"--help"}, named - options


def test_every_command_is_in_the_readme():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in cli.commands:
        assert re.search(rf"^\| `{name}[ `]", text, re.MULTILINE), name


def test_what_check_prints_in_the_readme_is_of_the_spec_above_it(tmp_path):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for part in ("train", "valid", "test"):
        (tmp_path / part).mkdir()
    (tmp_path / "spec.json").write_text(re.search(r"```json\n(.*?)```", text, re.DOTALL)[1])
    spec = load_spec(tmp_path / "spec.json", load_types())
    assert f"    model: {weights_in(outline(spec)):,} parameters, " in text
    assert f" steps of {spec.training.batch_size} x {spec.training.seq_len} samples\n" in text
    assert f" for {spec.training.epochs} epochs, without validation\n" in text
