"""TensorBoard shows of a run what is promised: asked through its own server, and seen in a browser."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import soundfile
import tensorflow as tf
from browser import Browser, find_chromium
from toy import EPOCHS, MONITORED_SECONDS, MONITORED_SOUNDS, PITCH_HZ, SAMPLE_RATE, read_metrics

from keras_samplernn.monitoring.picture import HEIGHT, WIDTH
from keras_samplernn.training.points import is_point

pytestmark = pytest.mark.fitted

CURVES = {
    "bits/training",
    "bits/training_epoch",
    "bits/validation",
    *(f"bits_per_class/{name}" for name in PITCH_HZ),
    "gradient_norm",
    "samples_per_second",
    "learning_rate",
    "best_validation_bits",
}
# As TensorBoard calls the run if it is given its folder. If it were given `logs` itself, its HParams find no figures.
RUN = "logs"
WITHOUT_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))
# Custom elements keep what they show in trees of their own.
FIND_ALL = """
(selector => {
    const found = [];
    const search = root => {
        found.push(...root.querySelectorAll(selector));
        root.querySelectorAll('*').forEach(element => element.shadowRoot && search(element.shadowRoot));
    };
    search(document);
    return found;
})
"""


class TensorBoard:
    """A server's answers."""

    def __init__(self, url):
        self.url = url

    def read(self, path, **query):
        with WITHOUT_PROXY.open(f"{self.url}/data/{path}?{urllib.parse.urlencode(query)}", timeout=60) as answer:
            return answer.read()

    def ask(self, path, **query):
        return json.loads(self.read(path, **query))

    def tags(self, plugin):
        """What the run has for a plugin: names, with what the plugin says of them where it does."""
        return self.ask(f"plugin/{plugin}/tags").get(RUN, {})

    def latest(self, plugin, singular, tag):
        """The bytes of the last sound or picture under a tag."""
        pieces = self.ask(f"plugin/{plugin}/{plugin}", run=RUN, tag=tag, sample=0)
        return self.read(f"plugin/{plugin}/individual{singular}?{pieces[-1]['query']}&")


@pytest.fixture(scope="module")
def tensorboard(fitted_run, tmp_path_factory):
    """`tensorboard --logdir` on the shared run, at a free port, when it has read the log."""
    log = tmp_path_factory.mktemp("tensorboard") / "log.txt"
    program, folder = Path(sys.executable).with_name("tensorboard"), fitted_run.folder
    with log.open("w") as stream:
        process = subprocess.Popen(
            [program, "--logdir", folder, "--host", "localhost", "--port", "0"],
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        address = wait_for(lambda: re.search(r"http://localhost:\d+", log.read_text()), seconds=90)
        assert address, f"TensorBoard does not start:\n{log.read_text()}"
        server = TensorBoard(address.group())
        # The pictures are the last in the log. What is still missing then, the tests tell.
        wait_for(lambda: len(server.tags("images")) == 2 * MONITORED_SOUNDS, seconds=60)
        yield server
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # its data server too
        process.wait(30)


def wait_for(ready, seconds):
    """Return the first true answer, or the last one when the time is over."""
    deadline = time.monotonic() + seconds
    while not (answer := ready()) and time.monotonic() < deadline:
        time.sleep(0.25)
    return answer


def test_every_curve_is_there(tensorboard):
    assert set(tensorboard.tags("scalars")) == CURVES


def test_curves_of_the_validation_are_those_of_metrics(tensorboard, fitted_run):
    rows = read_metrics(fitted_run.folder)
    assert len(rows) == EPOCHS + 1
    for tag, column in {
        "bits/validation": "validation_bits",
        **{f"bits_per_class/{name}": f"validation_bits_{name}" for name in PITCH_HZ},
    }.items():
        points = tensorboard.ask("plugin/scalars/scalars", run=RUN, tag=tag)
        assert [step for _, step, _ in points] == [row["step"] for row in rows]
        assert [value for _, _, value in points] == pytest.approx([row[column] for row in rows])


def test_curves_of_whole_epochs_are_those_of_metrics(tensorboard, fitted_run):
    rows = [row for row in read_metrics(fitted_run.folder) if np.isfinite(row["training_bits"])]
    points = tensorboard.ask("plugin/scalars/scalars", run=RUN, tag="bits/training_epoch")
    assert [step for _, step, _ in points] == [row["step"] for row in rows]
    assert [value for _, _, value in points] == pytest.approx([row["training_bits"] for row in rows])


def test_points_stand_at_fixed_steps(tensorboard, fitted_run):
    last = int(read_metrics(fitted_run.folder)[-1]["step"])
    expected = [step for step in range(1, last + 1) if is_point(step)]
    for tag in ("bits/training", "gradient_norm", "learning_rate"):
        points = tensorboard.ask("plugin/scalars/scalars", run=RUN, tag=tag)
        assert [step for _, step, _ in points] == expected


def test_the_spec_and_the_machine_are_there_as_text_once(tensorboard):
    assert set(tensorboard.tags("text")) == {"spec", "about"}
    (text,) = tensorboard.ask("plugin/text/text", run=RUN, tag="spec")
    assert "<code" in text["text"] and "batch_size" in text["text"]
    (text,) = tensorboard.ask("plugin/text/text", run=RUN, tag="about")
    for name in ("parameters", "devices", "tensorflow"):
        assert f"<td>{name}</td>" in text["text"]


def test_training_and_validation_share_a_chart_and_so_do_all_classes(tensorboard):
    (category,) = tensorboard.ask("plugin/custom_scalars/layout")["category"]
    charts = {chart["title"]: chart["multiline"]["tag"] for chart in category["chart"]}
    shown = {
        title: {
            tag
            for expression in expressions
            for tag in tensorboard.ask("plugin/custom_scalars/scalars", run=RUN, tag=expression)["tag_to_events"]
        }
        for title, expressions in charts.items()
    }
    assert shown == {
        "bits": {"bits/training", "bits/training_epoch", "bits/validation"},
        "bits per class": {f"bits_per_class/{name}" for name in PITCH_HZ},
    }


def test_a_run_is_a_row_of_hyperparameters_with_its_best_bits(tensorboard, fitted_run):
    asked = {"allowedStatuses": ["STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_RUNNING"]}
    asked |= {"startIndex": 0, "sliceSize": 100}
    request = urllib.request.Request(
        f"{tensorboard.url}/data/plugin/hparams/session_groups",
        json.dumps(asked).encode(),
        {"Content-Type": "application/json"},
    )
    with WITHOUT_PROXY.open(request, timeout=60) as answer:
        (row,) = json.loads(answer.read())["sessionGroups"]
    assert row["name"].startswith(f"{fitted_run.folder.name} 2")
    training = json.loads((fitted_run.folder / "spec.json").read_text())["training"]
    assert row["hparams"]["training.learning_rate"] == pytest.approx(training["learning_rate"])
    assert row["hparams"]["tiers.0.kernel_size"] == 4
    best = min(row["validation_bits"] for row in read_metrics(fitted_run.folder))
    values = {each["name"]["tag"]: each["value"] for each in row["metricValues"]}
    assert values["best_validation_bits"] == pytest.approx(best)


@pytest.mark.parametrize("plugin", ["audio", "images"])
@pytest.mark.parametrize("kind", ["generated", "real"])
def test_sounds_generated_and_real_can_be_heard_and_seen(tensorboard, plugin, kind, tmp_path, fitted_run):
    with (fitted_run.folder / "samples" / "clips.csv").open(encoding="utf-8") as table:
        files = {row["name"]: row["file"] for row in csv.DictReader(table)}
    tags = {tag: about for tag, about in tensorboard.tags(plugin).items() if kind in tag}
    assert len(tags) == MONITORED_SOUNDS
    assert all(about["samples"] == 1 for about in tags.values())
    said = "Recorded: " if kind == "real" else "Generated under the conditions of "
    for tag, about in tags.items():
        clip = tag.split("/")[1].split()[0]
        assert f"{said}<code>{files[clip]}</code>, from 0." in about["description"]
    for tag in tags:
        if plugin == "audio":
            (tmp_path / "sound.wav").write_bytes(tensorboard.latest("audio", "Audio", tag))
            wave, sample_rate = soundfile.read(tmp_path / "sound.wav")
            assert (sample_rate, len(wave)) == (SAMPLE_RATE, round(MONITORED_SECONDS * SAMPLE_RATE))
            assert np.std(wave) > 0.05
        else:
            image = tf.io.decode_png(tensorboard.latest("images", "Image", tag)).numpy()
            assert image.shape == (HEIGHT, WIDTH, 3) and np.std(image) > 5


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    program = find_chromium()
    if program is None:
        pytest.skip("no Chromium is installed: chromium, chromium-browser or google-chrome")
    with Browser(program, tmp_path_factory.mktemp("profile")) as browser:
        yield browser


def test_the_browser_draws_the_curves(tensorboard, browser):
    # With a filter every card is shown; without one some groups are folded.
    browser.open(f"{tensorboard.url}/?tagFilter={urllib.parse.quote('|'.join(sorted(CURVES)))}#timeseries")
    shown = f"{FIND_ALL}('scalar-card').map(card => card.innerText.replace(/\\s/g, ''))"
    cards = browser.wait_for(f"(cards => cards.length >= {len(CURVES)} && cards.every(Boolean) && cards)({shown})")
    for tag in CURVES:
        assert any(card.startswith(tag) for card in cards)
    # Axes and grid are grey; what has a colour is a curve.
    rectangle = browser.evaluate(
        f"(({{x, y, width, height}}) => ({{x, y, width, height, scale: 1}}))"
        f"({FIND_ALL}('scalar-card line-chart')[0].getBoundingClientRect())"
    )
    deadline = time.monotonic() + 30
    while np.ptp(tf.io.decode_png(browser.screenshot(rectangle), 3).numpy(), axis=-1).max() <= 20:
        assert time.monotonic() < deadline, "no curve is drawn in the first chart"
        time.sleep(0.25)


def test_the_browser_plays_the_sounds(tensorboard, browser):
    browser.open(f"{tensorboard.url}/#audio")
    durations = browser.wait_for(
        f"(players => players.length == {2 * MONITORED_SOUNDS} && players.every(player => player.readyState > 0)"
        f" && players.map(player => player.duration))({FIND_ALL}('audio'))"
    )
    assert durations == pytest.approx([MONITORED_SECONDS] * 2 * MONITORED_SOUNDS, abs=0.01)


def test_the_browser_shows_the_spectrograms(tensorboard, browser):
    browser.open(f"{tensorboard.url}/#images")
    widths = browser.wait_for(
        f"(images => images.length == {2 * MONITORED_SOUNDS} && images.every(image => image.complete)"
        f" && images.map(image => image.naturalWidth))({FIND_ALL}('img'))"
    )
    assert widths == [WIDTH] * 2 * MONITORED_SOUNDS


def test_the_browser_draws_the_charts_of_the_layout(tensorboard, browser):
    browser.open(f"{tensorboard.url}/#custom_scalars")
    # Each with the number of curves that it says it has.
    shown = (
        f"{FIND_ALL}('tf-custom-scalar-multi-line-chart-card').map(card =>"
        " [card.title, ...(card.shadowRoot.textContent.match(/Matches\\s*\\((\\d+)\\)/) || []).slice(1)])"
    )
    expected = [["bits", "3"], ["bits per class", str(len(PITCH_HZ))]]
    browser.wait_for(f"JSON.stringify({shown}) == JSON.stringify({expected})")


def test_the_browser_shows_the_run_as_a_row_of_hyperparameters(tensorboard, browser, fitted_run):
    browser.open(f"{tensorboard.url}/#hparams")
    cells = f"{FIND_ALL}('vaadin-grid-cell-content').map(cell => cell.innerText.trim())"
    run = f"cells.some(cell => cell.startsWith('{fitted_run.folder.name} 2'))"
    browser.wait_for(f"(cells => {run} && cells.includes('best_validation_bits'))({cells})")
