"""A run that is passed on plays as it did, its card tells its figures, and nothing of its maker's machine is in it."""

import csv
import getpass
import hashlib
import io
import json
import re
import shutil
import socket
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml
from bundle_files import members_of
from command_line import RATE, bytes_of, done, give, write_spec
from spoiling import nothing, refused
from tiny_home import LAST_STEP
from untrained import write_run

from keras_samplernn.bundles import bundling
from keras_samplernn.bundles.nameless import names_in
from keras_samplernn.data.wav_writer import WavWriter
from keras_samplernn.overview.metrics import read_metrics

BUNDLE = "bundle run model.zip"
SIGN = "zaphod"  # is in all that a maker's machine writes into the run of these tests
GENERATE = "--conditions valid/a.csv --seed 3"


def write_sounds(folder, rate=RATE):
    folder.mkdir()
    with WavWriter(folder / "one.wav", rate) as wav:
        wav.write(0.1 * np.sin(np.arange(200) / 9))


@pytest.fixture(scope="module")
def shared(tiny_home, tmp_path_factory):
    """A folder of the tiny run, marked as a machine would, its bundle, what was said of it, and the run in it."""
    home = tmp_path_factory.mktemp("bundles") / SIGN
    shutil.copytree(tiny_home, home)
    run = home / "run"
    spec = json.loads((run / "spec.json").read_text())
    spec["data"] |= {"train": str(home / "train"), "valid": 0.5, "hold_out": [f"{SIGN}.wav"]}
    spec["monitoring"]["index"] = str(home / "index.txt")
    (run / "spec.json").write_text(json.dumps(spec, indent=2))
    environment = json.loads((run / "environment.json").read_text())
    (run / "environment.json").write_text(json.dumps(environment | {"host": SIGN}))
    manifest = (run / "data_manifest.json").read_text()
    (run / "data_manifest.json").write_text(manifest.replace('"a.wav"', f'"{SIGN}.wav"'))
    origin = {"run": f"/home/{SIGN}/runs/old", "checkpoint": "step-0000000007-validated", "version": "0.1.0"}
    (run / "origin.json").write_text(json.dumps(origin | {"weights_sha256": "a" * 64, "spec_sha256": "b" * 64}))
    (run / "logs").mkdir(exist_ok=True)
    (run / "logs" / f"events.out.tfevents.1.{SIGN}.2").write_text(SIGN)
    write_sounds(home / "made")
    answer = give(f'{BUNDLE} --licence CC-BY-4.0 --about "Tones of one voice." --sounds made', home)
    assert (answer.status, answer.out) == (0, "model.zip\n"), answer.err
    assert done("unbundle model.zip --run passed", home) == ["passed"]
    return home, answer.err


@pytest.fixture
def home(shared, tmp_path):
    """A copy of the folder, for one test to change."""
    return shutil.copytree(shared[0], tmp_path / "home")


@pytest.fixture(scope="module")
def card(shared):
    return members_of(shared[0] / "model.zip")["README.md"].decode()


def test_an_unbundled_run_generates_the_same_bytes(shared):
    home, _ = shared
    for run in ("run", "passed"):
        done(f"generate {run} {GENERATE} --out {run}_sounds", home)
    made, again = (bytes_of(home / f"{run}_sounds") for run in ("run", "passed"))
    assert made == again and len(made) == 1


def test_an_unbundled_run_scores_sounds_that_are_given(shared):
    home, _ = shared
    (line,) = done("evaluate passed --data valid --json", home)
    noted = [row for row in read_metrics(home / "passed") if "validation_bits" in row][-1]
    assert json.loads(line)["bits_per_sample"] == pytest.approx(noted["validation_bits"], abs=1e-6)
    refused("evaluate passed", home, "passed: came out of a bundle, which holds no sounds to score; give --data")


def test_an_unbundled_run_does_not_go_on(home):
    refused(
        f"fit passed/spec.json --set data.train={home}/train --run passed",
        home,
        "passed: came out of a bundle, without the state of its optimizer, and cannot go on; start another run with its"
        " weights: give --run another folder, and --init-from passed",
    )


def test_an_unbundled_run_has_the_figures_of_the_run(shared):
    home, _ = shared
    assert (home / "passed/metrics.csv").read_bytes() == (home / "run/metrics.csv").read_bytes()
    assert (home / "passed/longest_spans.json").read_bytes() == (home / "run/longest_spans.json").read_bytes()
    runs = json.loads(done("runs run passed --json", home)[0])["runs"]
    assert runs[0]["validation_bits"] == runs[1]["validation_bits"] and runs[0]["steps"] == runs[1]["steps"]


def test_nothing_in_a_bundle_names_its_makers_machine(shared):
    home, _ = shared
    names = [SIGN, str(home), str(Path.home()), tempfile.gettempdir(), str(Path(__file__).parents[1])]
    content = (home / "model.zip").read_bytes()
    for name in names:
        assert name.encode() not in content, name
    members = members_of(home / "model.zip")
    weights = members.pop("weights.npz")
    assert weights == (home / f"run/checkpoints/{LAST_STEP}/weights.npz").read_bytes()
    text = b"\n".join(data for name, data in members.items() if not name.startswith("sounds/")).decode()
    for name in (socket.gethostname(), getpass.getuser()):
        assert not re.search(rf"\b{re.escape(name)}\b", text), name
    assert not [path for path in (home / "passed").rglob("*") if SIGN in path.name]


def test_what_is_left_out_is_said(shared):
    _, said = shared
    assert said.splitlines() == [
        f"run: the weights of {LAST_STEP} (best) went in",
        "left out: the optimizer's state, other checkpoints, logs, samples, and data_manifest.json, which names the"
        " sounds",
        "left out of spec.json: what data.train, data.hold_out, monitoring.index named",
    ]


def test_the_same_run_gives_the_same_bytes(home):
    (home / "run/checkpoints").touch()
    shutil.copytree(home / "run", home / "elsewhere/copy")
    texts = '--licence CC-BY-4.0 --about "Tones of one voice." --sounds made'
    done(f"bundle elsewhere/copy other.zip {texts}", home)
    assert (home / "other.zip").read_bytes() == (home / "model.zip").read_bytes()


def test_other_programs_read_a_bundle(shared):
    home, _ = shared
    with zipfile.ZipFile(home / "model.zip") as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert not any(entry.extra or entry.comment for entry in archive.infolist())
    assert names == ["README.md", "bundle.json", "sounds/one.wav", "spec.json", "state.json", "weights.npz"]


def test_the_manifest_has_the_sha256_of_each_member(shared):
    members = members_of(shared[0] / "model.zip")
    said = json.loads(members.pop("bundle.json"))
    assert said["format"] == 1
    assert said["members"] == {
        name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in members.items()
    }


def test_the_card_tells_what_the_run_knows(shared, card):
    home, _ = shared
    rows = list(csv.DictReader((home / "run/metrics.csv").open()))
    best = min((row for row in rows if row["training_bits"]), key=lambda row: float(row["validation_bits"]))
    assert f"| validation bits per sample | {float(best['validation_bits']):.4f} |" in card
    assert f"| training bits per sample | {float(best['training_bits']):.4f} |" in card
    manifest = json.loads((home / "run/data_manifest.json").read_text())
    for number, samples in enumerate(manifest["train"]["class_counts"]["class"]):
        bits = float(best[f"validation_bits_{number}"])
        assert f"| {number} | {samples / RATE:.1f} | {bits:.4f} |" in card
    seconds = manifest["train"]["samples"] / RATE
    assert f"| training | 2 | {seconds:.1f} s (0.00 hours) |" in card
    with np.load(home / f"run/checkpoints/{LAST_STEP}/weights.npz") as arrays:
        parameters = sum(arrays[name].size for name in arrays)
    assert f"| parameters | {parameters:,} |" in card
    assert f"| checkpoint | {LAST_STEP}: 2 steps, " in card
    assert "| seed of the training | 123 |" in card
    assert f"| began with the weights of sha256 | {'a' * 64} |" in card
    for package, version in json.loads((home / "run/environment.json").read_text()).items():
        assert (f"| {package} | {version} |" in card) is (package != "host")
    assert "\nTones of one voice.\n" in card and "\nLicence: CC-BY-4.0\n" in card
    assert "- [sounds/one.wav](sounds/one.wav)" in card


def test_the_card_begins_with_what_a_hub_reads(home, card):
    begin = yaml.safe_load(card.split("---\n")[1])
    tags = ["audio", "audio-generation", "samplernn", "keras"]
    hub = {"library_name": "keras-samplernn", "pipeline_tag": "text-to-audio", "tags": tags}
    assert begin == {"license": "cc-by-4.0"} | hub
    own = 'Mine: "as you like" 1.0'
    done(f"bundle run own.zip --licence '{own}' --title Bells", home)
    card = members_of(home / "own.zip")["README.md"].decode()
    assert yaml.safe_load(card.split("---\n")[1]) == {"license": "other", "license_name": "mine-as-you-like-1.0"} | hub
    assert f"\nLicence: {own}\n" in card
    assert "\n# Bells\n" in card
    answer = give("bundle run none.zip", home)
    assert answer.err.endswith("the card names no licence, so nobody knows what they may do with it; give --licence\n")
    assert "license" not in members_of(home / "none.zip")["README.md"].decode()


def test_how_to_play_it_can_be_done_as_the_card_says(home, card, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
    commands = re.findall(r"^    keras-samplernn (.*)$", card, re.MULTILINE)
    (home / "score.txt").write_text("".join(f"{line[4:]}\n" for line in re.findall(r"^    \d.*\t.*$", card, re.M)))
    assert commands[0] == "unbundle model.zip --run runs/tiny"
    assert done(commands[0], home) == ["runs/tiny"]
    assert done(commands[1], home) == ["sounds/score.wav"]
    assert commands[2] == "live runs/tiny --out live.wav --seconds 10"
    done("live runs/tiny --out live.wav --seconds 0.05", home)
    assert soundfile.info(home / "live.wav").frames == 0.05 * RATE
    assert done(commands[3].replace("/FOLDER/OF/SOUNDS", f"{home}/train --max-steps 1"), home) == ["runs/mine"]
    digest = hashlib.sha256((home / f"passed/checkpoints/{LAST_STEP}/weights.npz").read_bytes()).hexdigest()
    assert json.loads((home / "runs/mine/origin.json").read_text())["weights_sha256"] == digest


def test_a_run_that_came_out_of_a_bundle_can_be_passed_on_again(home):
    done("bundle passed again.zip --sounds made", home)
    one, other = (members_of(home / name) for name in ("model.zip", "again.zip"))
    assert one == other


def test_a_bundle_of_an_older_version_says_less(home):
    shutil.copytree(Path(__file__).parent / "older_runs/0.1.0/run", home / "older_run")
    answer = give("bundle older_run older.zip", home)
    assert answer.status == 0, answer.err
    assert "older_run/data_manifest.json: is missing, or of an older version" in answer.err
    done("unbundle older.zip --run again", home)
    weights = [next((home / run).glob("checkpoints/*/weights.npz")) for run in ("older_run", "again")]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_a_run_that_was_not_trained_here_is_passed_on(home):
    folder = home / "free/checkpoints" / LAST_STEP
    change_state(folder, lambda state: {"step": 2, "rows": []})
    done("bundle free free.zip", home)
    assert done("unbundle free.zip --run other", home) == ["other"]
    assert not (home / "other/metrics.csv").exists()
    change_state(folder, lambda state: {"step": 3, "rows": []})
    refused(
        "bundle free false.zip",
        home,
        f"free/checkpoints/{LAST_STEP}/state.json: does not fit the run's spec; the spec or the file was changed by"
        " hand: restore it, or train a new run",
    )


def change_state(checkpoint, change):
    """Change the state of a checkpoint, whose manifest agrees with it then."""
    path, manifest = checkpoint / "state.json", checkpoint / "manifest.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    said = json.loads(manifest.read_text())
    said["state.json"] = {"size": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    manifest.write_text(json.dumps(said, indent=1))


def test_without_conditions_the_card_asks_for_seconds(home):
    done("bundle free free.zip", home)
    card = members_of(home / "free.zip")["README.md"].decode()
    assert "    keras-samplernn generate runs/free --seconds 4 --out sounds\n" in card
    assert "What it can be asked for" not in card and "| validation bits per sample | - |" in card
    assert "seed of the training" not in card  # nobody has trained it


def test_tiers_of_others_are_named_and_missed_in_one_line(home, third_party_site, monkeypatch):
    with monkeypatch.context() as installed:
        installed.syspath_prepend(str(third_party_site))
        tiers = [{"type": "frame_conv", "frame_size": 4, "dim": 6}, {"type": "sample_mlp", "dim": 6, "emb_size": 4}]
        write_spec(home, "conv.json", name="conv", tiers=tiers)
        write_run(home / "conv", home / "conv.json")
        answer = give("bundle conv conv.zip --licence MIT", home)
        assert answer.status == 0, answer.err
        assert answer.err.endswith("who unpacks it needs frame-conv-tier 0.1.0 for the tier frame_conv, too\n")
        assert done("unbundle conv.zip --run has_it", home) == ["has_it"]
    members = members_of(home / "conv.zip")
    needs = {"kind": "tier", "type": "frame_conv", "package": "frame-conv-tier", "version": "0.1.0"}
    assert json.loads(members["bundle.json"])["requires"] == [needs]
    assert "It needs the tier `frame_conv` of the package frame-conv-tier 0.1.0: code of its author" in str(
        members["README.md"], "utf-8"
    )
    refused(
        "unbundle conv.zip --run lacks_it",
        home,
        "conv.zip: needs the tier frame_conv of the package frame-conv-tier 0.1.0, which is not installed; install it"
        " if you trust its author, then unbundle again",
    )


def other_rate(home):
    write_sounds(home / "faster", 2 * RATE)


def with_a_chunk(home):
    (home / "made/one.wav").write_bytes((home / "made/one.wav").read_bytes() + b"LIST\4\0\0\0INFO")


def with_a_blank(home):
    (home / "made/one.wav").rename(home / "made/one two.wav")


PLAIN = (
    "is not a wav that `generate` wrote from this run: 16-bit PCM, mono, 4000 Hz, at most 10 MB, and nothing else in"
)


def spans_below_0(home):
    (home / "run/longest_spans.json").write_text('{"class": {"0": -1}}')


MISTAKES = {
    "a file of the run that was changed": (
        spans_below_0,
        "bundle run new.zip",
        "run: its longest_spans.json or origin.json was changed by hand; restore it, or remove it",
    ),
    "a zip file that exists": (
        nothing(),
        "bundle run model.zip",
        "model.zip: exists; give another file, or --overwrite to replace it",
    ),
    "a folder in its place": (
        nothing(),
        "bundle run made --overwrite",
        "made: exists; give another file, or --overwrite to replace it",
    ),
    "no run": (
        nothing(),
        "bundle valid new.zip",
        "valid: is not a run directory, it holds no spec.json; give a folder that `fit` made",
    ),
    "two lines of title": (
        nothing(),
        "bundle run new.zip --title 'a\nb' --licence ''",
        ["--title: must be one line of 1 to 200 characters", "--licence: must be one line of 1 to 200 characters"],
    ),
    "raw weights of a run without an average": (
        nothing(),
        "bundle run new.zip --raw-weights",
        "run: keeps no average of its weights (training.ema_decay = 0), and they are raw anyway; do not ask for raw"
        " weights",
    ),
    "no sounds": (
        nothing(),
        "bundle run new.zip --sounds run",
        "run: holds 0 wavs; --sounds takes a folder with 1 to 32",
    ),
    "a sound of another rate": (
        other_rate,
        "bundle run new.zip --sounds faster",
        f"faster/one.wav: {PLAIN} the file; take it out of the folder",
    ),
    "a sound with something besides": (
        with_a_chunk,
        "bundle run new.zip --sounds made",
        f"made/one.wav: {PLAIN} the file; take it out of the folder",
    ),
    "a sound with a blank in its name": (
        with_a_blank,
        "bundle run new.zip --sounds made",
        "made/one two.wav: rename it to letters, digits, dots, dashes and underscores, which every system takes",
    ),
    "a run directory that exists": (
        nothing(),
        "unbundle model.zip --run run",
        "run: exists; give --run another folder",
    ),
}


@pytest.mark.parametrize("spoil, command, lines", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_and_nothing_is_written(home, spoil, command, lines):
    spoil(home)
    refused(command, home, lines)


def test_a_path_anywhere_in_the_arguments_of_a_tier_or_head_is_found():
    paths = ["/home/a/table.npy", "~/table", "C:\\table", "\\\\host\\table", "file:///table"]
    tiers = [{"type": "x", "tables": paths}, {"type": "sample_mlp", "word": "a/b", "dim": 6}]
    fields = {"data": {"train": "train", "valid": 0.1}, "tiers": tiers, "head": {"type": "y", "at": {"table": "/a"}}}
    assert names_in(fields) == [*(f"tiers.0.tables.{number}" for number in range(5)), "head.at.table"]


def test_what_needs_zip64_is_refused(home, monkeypatch):
    monkeypatch.setattr(bundling, "MOST_BYTES", 2000)
    told = "run: a bundle has 2,000 bytes at most, and this one has more; leave out sounds"
    refused("bundle run new.zip", home, told)


def test_a_text_that_names_the_run_is_refused(home):
    answer = give(f"bundle run new.zip --about 'from {home}/run'", home)
    told = f"run: README.md would name {home}/run, a folder of this machine; take it out of --title, --licence, --about"
    assert (answer.status, answer.err) == (1, f"{told} and the names in the spec\n")
    assert not (home / "new.zip").exists()
