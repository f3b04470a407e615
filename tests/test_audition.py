"""The page of `audition`, in a browser too; and `generate --starred`, which makes its sounds again."""

import base64
import json
import re
import shutil

import keras
import numpy as np
import pytest
import soundfile
from browser import Browser, find_chromium
from command_line import RATE, bytes_of, done, give, listing, write_spec
from untrained import write_run

from keras_samplernn.audition.asked import scores_of_classes
from keras_samplernn.audition.page import page_of
from keras_samplernn.audition.picture import draw_spectrogram
from keras_samplernn.checkpoints.checkpoint import VALIDATED, save_checkpoint
from keras_samplernn.conditions.streams import ClassesStream, NumberStream, streams_of
from keras_samplernn.generation.starred import StarredSound
from keras_samplernn.model.assembly import assemble
from keras_samplernn.run_folder import open_run

CLASSES = ["<script>alert(1)</script>", "a'b&amp;<!--", "rest"]
STREAMS = {"kind": {"classes": CLASSES}, "loudness": {"number": {"low": -60, "high": 0, "unit": "dB"}}}
SECONDS = 0.3
OLD, NEW = "step-0000000002-validated", "step-0000000005-validated"


@pytest.fixture(scope="module")
def home(corpus_cache, tmp_path_factory):
    """A run of two checkpoints with classes that look like markup, a run without conditions, and a page."""
    home = tmp_path_factory.mktemp("audition")
    write_spec(home, conditioning={"classes": None, "streams": STREAMS})
    write_spec(home, "free.json", name="free", conditioning=None)
    write_run(home / "free", home / "free.json")
    run = write_run(home / "run", home / "spec.json")
    keras.utils.set_random_seed(7)
    rows = [{"step": 5, "validation_bits": 3.25}]
    save_checkpoint(run.checkpoints_folder, 5, VALIDATED, assemble(run.spec), [], {"best_step": 2, "rows": rows})
    (home / "fading.csv").write_text(
        f"start,stop,kind,loudness\n0.0,0.1,{CLASSES[1]},-30>-3.7\n0.08,0.25,rest,\n0.25,0.31,,-60\n"
    )
    (home / "plain.csv").write_text(f"start,stop,kind,loudness\n0.0,0.1,{CLASSES[1]},-0.1\n")
    options = "--checkpoint best --checkpoint newest --temperature 0.9 --temperature 1.25 --seed 0 --seed -5"
    assert done(f"audition run {options} --seconds {SECONDS} --out page.html", home) == ["page.html"]
    return home


def data_of(page):
    """Return what a page has in it."""
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page.read_text())[1])


def starred_of(data, numbers):
    """Return what the page saves when the sounds of these numbers are starred."""
    sounds = [data["sounds"][number] for number in numbers]
    said = [{**sound["entry"], "score": data["scores"][sound["score"]]["said"]} for sound in sounds]
    return json.loads(json.dumps({"format": data["format"], "sounds": said}))


def wavs_of(data, numbers):
    sounds = [data["sounds"][number] for number in numbers]
    return {f"{sound['entry']['name']}.wav": base64.b64decode(sound["wav"]) for sound in sounds}


def test_a_page_has_each_class_at_each_temperature_and_seed_from_each_checkpoint(home):
    data = data_of(home / "page.html")
    assert [score["title"] for score in data["scores"]] == CLASSES
    assert [each["label"] for each in data["checkpoints"]] == ["step 2, best", "step 5, newest"]
    assert data["checkpoints"][1]["about"] == "real sounds: 3.25 bits"
    found = [tuple(sound[axis] for axis in ("checkpoint", "score", "temperature", "seed")) for sound in data["sounds"]]
    assert len(found) == len({*found}) == 2 * len(CLASSES) * 2 * 2
    assert len({sound["entry"]["name"] for sound in data["sounds"]}) == len(found)
    waves = {base64.b64decode(sound["wav"]) for sound in data["sounds"]}
    assert len(waves) == len(found) and {len(wave) for wave in waves} == {44 + 2 * round(SECONDS * RATE)}


def test_level_peak_and_bits_are_those_of_the_sound(home, tmp_path):
    import keras_samplernn

    data = data_of(home / "page.html")
    run = keras_samplernn.load_run(home / "run", "newest")
    for number in (len(data["sounds"]) - 1, len(data["sounds"]) - 3):
        sound = data["sounds"][number]
        (tmp_path / "x.wav").write_bytes(base64.b64decode(sound["wav"]))
        wave, _ = soundfile.read(tmp_path / "x.wav", dtype="float32")
        level, peak = (20 * np.log10(each) for each in (np.sqrt(np.mean(wave.astype(float) ** 2)), np.abs(wave).max()))
        assert sound["level"] == f"{level:.1f} dBFS".replace("-", "\u2212")
        assert sound["peak"] == f"{peak:.1f}".replace("-", "\u2212")
        values = {"kind": CLASSES[sound["score"]]}
        if sound["score"] < 2:
            values["loudness"] = -30.0
        bits = run.score(wave, {name: np.repeat(value, len(wave)) for name, value in values.items()})
        assert float(sound["bits"]) == pytest.approx(bits.mean(), abs=0.006)


def test_starred_sounds_are_made_again_to_the_byte(home, tmp_path):
    data, numbers = data_of(home / "page.html"), [0, 5, 9, 14, 23]
    assert len({(s["checkpoint"], s["seed"]) for s in (data["sounds"][number] for number in numbers)}) == 4
    (tmp_path / "starred.json").write_text(json.dumps(starred_of(data, numbers)))
    command = f"generate run --starred {tmp_path}/starred.json --out {tmp_path}/out"
    listed = done(f"{command} --list", home)
    assert len(listed) == len(numbers) and all(line.endswith("0.300\tto make") for line in listed)
    assert len(done(command, home)) == len(numbers)
    assert bytes_of(tmp_path / "out") == wavs_of(data, numbers)
    assert done(command, home) == []  # finished


def test_starred_scores_that_fade_ramp_and_leave_out_are_made_again_to_the_byte(home, tmp_path):
    done(f"audition run --conditions fading.csv plain.csv --temperature 1 --out {tmp_path}/page.html", home)
    data = data_of(tmp_path / "page.html")
    assert [score["title"] for score in data["scores"]] == ["fading", "plain"]
    for numbers in ([0, 1], [0], [1]):
        (tmp_path / "starred.json").write_text(json.dumps(starred_of(data, numbers)))
        out = tmp_path / f"out{numbers}"
        done(f"generate run --starred {tmp_path}/starred.json --out '{out}'", home)
        assert bytes_of(out) == wavs_of(data, numbers)


def test_longer_a_starred_sound_begins_alike_and_repeats_its_score(home, tmp_path):
    done(f"audition free --temperature 1 --seconds 0.2 --seed 3 --out {tmp_path}/page.html", home)
    data = data_of(tmp_path / "page.html")
    (tmp_path / "starred.json").write_text(json.dumps(starred_of(data, [0])))
    done(f"generate free --starred {tmp_path}/starred.json --seconds 0.5 --out {tmp_path}/out", home)
    (name,) = wavs_of(data, [0])
    made = (tmp_path / "out" / name).read_bytes()
    assert len(made) == 44 + 2 * round(0.5 * RATE)
    assert made[44:].startswith(wavs_of(data, [0])[name][44:])
    # An unconditional run makes it without a page too.
    done(f"generate free --seconds 0.2 --seed 3 --batch-size 1 --out {tmp_path}/plain", home)
    assert bytes_of(tmp_path / "plain")["sound_000.wav"] == wavs_of(data, [0])[name]
    starred = StarredSound(**starred_of(data_of(home / "page.html"), [0])["sounds"][0])
    streams = streams_of(open_run(home / "run").spec)
    for samples, starts in {3000: [0, 1200, 2400], 1200: [0], 700: [0]}.items():
        spans = starred.sound(streams, RATE, samples, "sounds[0]").columns.track.spans
        assert spans["kind"].starts.tolist() == spans["loudness"].starts.tolist() == starts
        assert {*spans["kind"].values.tolist()} == {0} and {*spans["loudness"].targets.tolist()} == {-30.0}


def test_classes_have_notes_no_longer_than_in_training_and_other_streams_go_with_them():
    streams = (
        ClassesStream("string", ("struck", "rest"), named=True),
        ClassesStream("pitch", ("c4", "e4", "g4"), named=True),
        NumberStream("velocity", 0, 127),
    )
    longest = {"string": {"struck": 0.9, "rest": 3.0}, "pitch": {"c4": 2.0, "e4": 0.7, "g4": 1.0}}
    struck, rest = scores_of_classes(streams, 2800, 1000, longest)
    spans = struck.columns.track.spans
    assert spans["string"].starts.tolist() == spans["pitch"].starts.tolist() == [0, 700, 1400, 2100]
    assert spans["pitch"].values.tolist() == [0, 1, 2, 0] and {*spans["string"].values.tolist()} == {0}
    assert spans["velocity"].values.tolist() == [63.5]
    spans = rest.columns.track.spans
    assert spans["pitch"].values.tolist() == [-1] and np.isnan(spans["velocity"].values).all()
    (score,) = scores_of_classes(streams[2:], 2800, 1000, {})
    assert score.columns.track.spans["velocity"].values.tolist() == [63.5]
    assert scores_of_classes(streams, 2800, 1000, {})[0].columns.track.spans["string"].starts.tolist() == [0]


def test_a_picture_shows_a_tone_where_it_is():
    import tensorflow as tf

    for rate, hertz in ((8000, 1000), (44100, 11025)):
        wave = 0.5 * np.sin(2 * np.pi * hertz * np.arange(rate) / rate).astype(np.float32)
        image = tf.io.decode_png(draw_spectrogram(wave, rate)).numpy().astype(int)
        height = len(image)
        assert image.shape[2] == 3 and 100 < height <= 128
        share = 1 - image.sum(axis=(1, 2)).argmax() / height
        assert share == pytest.approx(hertz / (rate / 2), abs=0.02)
    assert draw_spectrogram(np.zeros(1, np.float32), 4000).startswith(b"\x89PNG")


def test_no_text_of_a_page_is_markup():
    text = page_of("<b>'\"{{data}}", {"x": "</script><!--<script>{{style}}"}).decode()
    assert text.count("<script") == 2 and text.count("</script") == 2 and "<!--" not in text
    assert "<title>&lt;b&gt;&#x27;&quot;{{data}}</title>" in text
    assert "{{style}}" in text


@pytest.mark.parametrize(
    "options, message",
    [
        ("--out page.html", "page.html: exists; give --overwrite to replace it, or give --out another file"),
        ("--out gone/x.html", "gone: does not exist; make the folder, or give --out another place"),
        ("--out x.html --seconds 0", "--seconds 0: is no length of a sound; give 0.1 or more"),
        (
            "--out x.html --seconds 3000 --checkpoint all",
            "x.html: would have about 577 MB, and a browser opens 80 MB well: 3 scores, 9000 s in all, at 3"
            " temperatures with 1 seed from 2 checkpoints; ask for fewer of these, for fewer --seconds, or for several"
            " pages",
        ),
        (
            "--out x.html --conditions gone.csv",
            "gone.csv: No such file or directory; give the path of a readable text file",
        ),
    ],
)
def test_what_cannot_be_made_is_refused_before_anything_is(home, options, message):
    before = listing(home)
    answer = give(f"audition run {options}", home)
    assert (answer.status, answer.out) == (1, "") and answer.err == f"{message}\n"
    assert listing(home) == before


def _changed(sound=0, **fields):
    def change(starred):
        starred["sounds"][sound] |= fields

    return change


def _span(**fields):
    def change(starred):
        starred["sounds"][0]["score"]["kind"][0] |= fields

    return change


BAD_STARS = {
    "not JSON": (lambda starred: None, "is not what `audition` saves: Invalid JSON: "),
    "another file": (lambda starred: starred.update(format="x"), "format: Input should be 'keras_samplernn starred"),
    "no star": (lambda starred: starred.update(sounds=[]), "has no sound in it; star one in the page, and save again"),
    "a field more": (_changed(x=1), "sounds[0].x: Extra inputs are not permitted"),
    "a path": (_changed(name="../../x"), "sounds[0].name: String should match pattern"),
    "a hidden file": (_changed(name=".x"), "sounds[0].name: String should match pattern"),
    "a name twice": (
        lambda starred: starred["sounds"][1].update(name=starred["sounds"][0]["name"].upper()),
        "is the name of sounds[0] too; rename one",
    ),
    "a checkpoint elsewhere": (_changed(checkpoint="../x"), "sounds[0].checkpoint: String should match pattern"),
    "a checkpoint that is gone": (
        _changed(checkpoint="step-0000000003"),
        "run/checkpoints/step-0000000003: is gone, since `fit` keeps the best and the newest checkpoints only"
        " (training.keep_checkpoints); put the folder back from a copy, or do without what needs it",
    ),
    "another model": (
        _changed(model_sha256="0" * 64),
        f"sounds of {OLD} were made by another model than run/checkpoints/{OLD} has now; give the run that the page is"
        " of, or make a page of this one with `audition`",
    ),
    "a temperature of text": (_changed(temperature="1"), "sounds[0].temperature: Input should be a valid number"),
    "a temperature below 0": (_changed(temperature=-1), "sounds[0].temperature: Input should be greater than or equal"),
    "many rows": (_changed(batch_size=10**6), "sounds[0].batch_size: Input should be less than or equal to 16"),
    "a seed of 100 digits": (_changed(seed=10**99), "sounds[0].seed: "),
    "no seconds": (_changed(seconds=0), "sounds[0].seconds: Input should be greater than 0"),
    "years": (_changed(seconds=1e9), "sounds[0].seconds = 1e+09: is no length of a WAV file"),
    "no score": (_changed(score=None), "sounds[0].score: has the streams none, and the run has kind, loudness"),
    "another stream": (_changed(score={"x": []}), 'sounds[0].score: has the streams "x", and the run has kind'),
    "no span": (
        lambda starred: starred["sounds"][0]["score"].update(kind=[]),
        'sounds[0].score["kind"]: its spans do not rise from sample 0 to the end at 1200',
    ),
    "a late span": (_span(start_sample=3), "its spans do not rise from sample 0"),
    "another class": (_span(value="rust"), 'sounds[0].score["kind"][0].value: "rust" is not a class; classes are'),
    "a class by number": (_span(target=1), 'sounds[0].score["kind"][0].target: 1.0 is not a class; classes are'),
}


@pytest.mark.parametrize("change, message", BAD_STARS.values(), ids=BAD_STARS)
def test_a_wrong_file_of_stars_is_refused_in_a_line(home, tmp_path, change, message):
    starred = starred_of(data_of(home / "page.html"), [0, 1])
    change(starred)
    text = "{" * 1000 if "JSON" in message else json.dumps(starred)
    (tmp_path / "starred.json").write_text(text)
    answer = give(f"generate run --starred {tmp_path}/starred.json --out {tmp_path}/out", home)
    assert (answer.status, answer.out) == (1, "")
    assert message in answer.err and len(answer.err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_what_a_starred_sound_says_already_is_not_asked_for_beside_it(home):
    for options in ("--temperature 1", "--seed 0", "--conditions plain.csv", "--prime x.wav", "--checkpoint best"):
        answer = give(f"generate run --starred x.json --out out {options}", home)
        assert answer.status == 2
        assert f"{options.split()[0]}: --starred says how each of its sounds is made; leave" in answer.err
    answer = give("generate run --starred x.json --out out", home)
    assert answer.err == (
        "x.json: cannot be read (No such file or directory); give the file that was saved from a page of `audition`\n"
    )


def test_a_checkpoint_that_fit_deletes_is_told(home, tmp_path):
    (tmp_path / "starred.json").write_text(json.dumps(starred_of(data_of(home / "page.html"), [0])))
    shutil.copytree(home / "run", tmp_path / "run")
    shutil.rmtree(tmp_path / "run/checkpoints" / OLD)
    answer = give(f"generate {tmp_path}/run --starred {tmp_path}/starred.json --out {tmp_path}/out", home)
    assert answer.status == 1 and f"{OLD}: is gone, since `fit` keeps" in answer.err


def test_of_all_checkpoints_a_damaged_one_is_left_out_and_one_step_is_there_once(home, tmp_path):
    shutil.copytree(home / "run", tmp_path / "run")
    checkpoints = tmp_path / "run/checkpoints"
    shutil.copytree(checkpoints / NEW, checkpoints / NEW.replace("-validated", ""))
    (checkpoints / OLD / "weights.npz").write_bytes(b"")
    command = f"audition {tmp_path}/run --checkpoint all --temperature 1 --seconds 0.05 --out {tmp_path}/page.html"
    answer = give(command, home)
    assert answer.status == 0, answer.err
    assert f"{OLD}/weights.npz: is damaged" in answer.err and answer.err.count("it is left out") == 1
    data = data_of(tmp_path / "page.html")
    assert [each["label"] for each in data["checkpoints"]] == ["step 5"]
    assert {sound["entry"]["checkpoint"] for sound in data["sounds"]} == {NEW}


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    program = find_chromium()
    if program is None:
        pytest.skip("no Chromium is installed: chromium, chromium-browser or google-chrome")
    with Browser(program, tmp_path_factory.mktemp("profile")) as browser:
        for domain in ("Runtime", "Log", "Network"):
            browser.ask(f"{domain}.enable")
        yield browser


@pytest.fixture
def page(home, browser):
    """The page in the browser; at the end, nothing has gone wrong in it, and nothing was asked for elsewhere."""
    browser.events.clear()
    browser.open((home / "page.html").as_uri())
    browser.wait_for("document.querySelectorAll('article').length")
    yield browser
    browser.evaluate("localStorage.clear()")
    told = [each for each in browser.events if each["method"] in ("Runtime.exceptionThrown", "Log.entryAdded")]
    told += [each for each in browser.events if each["method"] == "Runtime.consoleAPICalled"]
    assert not told
    asked = [
        each["params"]["request"]["url"] for each in browser.events if each["method"] == "Network.requestWillBeSent"
    ]
    assert {url.partition(":")[0] for url in asked} <= {"file", "data", "blob", "about"}
    assert {url for url in asked if url.startswith("file:")} == {(home / "page.html").as_uri()}


def click(browser, selector):
    """Click as a hand does: a script alone may not play a sound."""
    x, y = browser.evaluate(
        f"(element => {{ element.scrollIntoView({{block: 'center'}}); const {{x, y, width, height}} ="
        " element.getBoundingClientRect(); return [x + width / 2, y + height / 2] })"
        f"(document.querySelector({selector!r}))"
    )
    for kind in ("mousePressed", "mouseReleased"):
        browser.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)


def press(browser, key):
    for kind in ("keyDown", "keyUp"):
        browser.ask("Input.dispatchKeyEvent", type=kind, key=key, text=key if len(key) == 1 else "")


def test_the_browser_shows_names_as_they_are(page, home):
    data = data_of(home / "page.html")
    assert page.evaluate("[...document.querySelectorAll('h2')].map(each => each.textContent)") == CLASSES
    assert page.evaluate("document.querySelectorAll('script').length") == 2
    assert page.evaluate("document.querySelectorAll('article').length") == len(data["sounds"])
    widths = page.wait_for(
        "(images => images.every(image => image.complete) && images.map(image => image.naturalWidth))"
        "([...document.querySelectorAll('img')].map(image => (image.loading = 'eager', image)))"
    )
    assert min(widths) > 10
    for width in (1400, 360):
        page.ask("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=False)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.ask("Emulation.clearDeviceMetricsOverride")


def test_the_browser_decodes_and_plays_the_sounds(page):
    page.evaluate(
        "void Promise.all(data.sounds.map(sound => new OfflineAudioContext(1, 1, 8000).decodeAudioData("
        "bytesOf(sound.wav).buffer).then(buffer => buffer.duration))).then(found => { window.durations = found })"
    )
    assert page.wait_for("window.durations") == pytest.approx([SECONDS] * 24, abs=1e-3)
    click(page, "article .play")
    assert page.wait_for("player.duration") == pytest.approx(SECONDS, abs=0.01)
    page.wait_for("player.currentTime > 0")
    page.wait_for("player.ended && !document.querySelector('article.playing')")


def test_the_browser_saves_stars_that_generate_takes_and_keeps_them(page, home, tmp_path):
    page.ask("Page.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    assert page.evaluate("document.getElementById('save').disabled")
    data = data_of(home / "page.html")
    chosen = [2, 13]
    for number in chosen:
        click(page, f'article[data-name="{data["sounds"][number]["entry"]["name"]}"] .star')
    assert page.evaluate("document.getElementById('save').textContent") == "Save 2 stars"
    click(page, "#save")
    page.wait_for("true")
    file = tmp_path / "starred.json"
    for _ in range(100):
        if file.exists():
            break
        page.ask("Runtime.evaluate", expression="new Promise(done => setTimeout(done, 50))", awaitPromise=True)
    assert json.loads(file.read_text()) == starred_of(data, chosen)
    done(f"generate run --starred {file} --out {tmp_path}/out", home)
    assert bytes_of(tmp_path / "out") == wavs_of(data, chosen)
    page.open((home / "page.html").as_uri())
    page.wait_for("document.querySelectorAll('article').length")
    assert page.evaluate("document.querySelectorAll('article.starred').length") == 2
    click(page, "#only")
    assert page.evaluate("document.querySelectorAll('article').length") == 2


def test_keys_go_from_sound_to_sound_and_star(page):
    page.evaluate("document.querySelector('article').focus()")
    names = page.evaluate("[...document.querySelectorAll('article')].map(each => each.dataset.name)")
    press(page, "ArrowRight")
    assert page.evaluate("document.activeElement.dataset.name") == names[1]
    press(page, "s")
    assert page.evaluate("[...stars]") == [names[1]]
    press(page, "ArrowLeft")
    assert page.evaluate("document.activeElement.dataset.name") == names[0]
    press(page, "s")
    press(page, "s")
    assert page.evaluate("[...stars]") == [names[1]]
    click(page, "nav input[value=temperature] + *, nav label:nth-of-type(2)")
    assert page.evaluate("document.querySelectorAll('article').length") == len(names)
