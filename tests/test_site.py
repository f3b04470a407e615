"""The documentation site is built without a warning, leads nowhere but to pages that are there, and can be searched."""

import html
import importlib.util
import json
import os
import re
import subprocess
import sys
import urllib.parse
from pathlib import Path

import pytest
from browser import Browser, find_chromium
from test_troubleshooting import QUOTED

ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.skipif(importlib.util.find_spec("mkdocs") is None, reason="mkdocs is not installed")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder]
    built = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    )
    assert (built.returncode, built.stdout, built.stderr) == (0, "", "")
    return folder


def test_the_site_is_built_without_a_warning(site):
    pages = {path.relative_to(site).as_posix() for path in site.rglob("*.html")}
    written = {
        path.relative_to(ROOT / "docs").with_suffix(".html").as_posix() for path in (ROOT / "docs").rglob("*.md")
    }
    assert pages - {"404.html"} == written
    # What is documented of the Python API is taken from the code.
    assert "keras_samplernn.api.load_run" in (site / "api.html").read_text(encoding="utf-8")


def test_each_message_is_a_heading_that_the_search_knows(site):
    index = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))
    found = [entry for entry in index["docs"] if entry["location"].startswith("troubleshooting.html#")]
    titles = [re.sub("<.*?>", "", html.unescape(entry["title"])).strip() for entry in found]
    assert [message for message in QUOTED if message not in titles] == []


def test_a_page_that_is_opened_as_a_file_is_searched_without_another_host(site, tmp_path):
    assert not re.findall(r'src="(?:https?:)?//[^"]*', (site / "index.html").read_text(encoding="utf-8"))
    if (program := find_chromium()) is None:
        pytest.skip("no Chromium is installed: chromium, chromium-browser or google-chrome")
    links = "[...document.querySelectorAll('.md-search-result__link')].map(link => link.href)"
    with Browser(program, tmp_path) as browser:
        for typed, target in {
            "a/x.wav: has no x.txt beside it; add the txt or move the sound away": "beside-it-add-the-or-move",
            "notebooks": "python.html",  # whose title has one notebook
        }.items():
            browser.open("about:blank")
            browser.open(f"{(site / 'index.html').as_uri()}?q={urllib.parse.quote(typed)}")
            browser.wait_for(f"(links => links.slice(0, 3).some(link => link.includes('{target}')))({links})")
