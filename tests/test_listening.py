"""The listener: it tells real sounds apart, cuts sounds as they were asked for, and judges what a run generates."""

import builtins
import json
import signal
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from command_line import SPEC, done, give, write_corpora, write_spec
from untrained import write_run

from keras_samplernn import load_run
from keras_samplernn.commands.generate import generate as generate_command
from keras_samplernn.conditions.columns import Columns
from keras_samplernn.conditions.streams import NONE, ClassesStream
from keras_samplernn.conditions.track import Spans, Track
from keras_samplernn.data.corpus import SoundEntry
from keras_samplernn.errors import UserError
from keras_samplernn.generation.choosing import BY
from keras_samplernn.listening.excerpts import Excerpt, evenly_of, excerpts_of
from keras_samplernn.listening.judging import asked_of, describe
from keras_samplernn.listening.listener import Listener
from keras_samplernn.listening.spectra import BANDS, FRAMES, Spectra
from keras_samplernn.model.assembly import assemble
from keras_samplernn.monitoring import hearing
from keras_samplernn.monitoring.hearing import Hearing
from keras_samplernn.training.corpora import prepare_named

RATE = 4000
VOICES = "low", "high", "hiss"


def voice(name, seconds=0.2, seed=0, gain=0.3):
    """Return a sound of a class; each seed is another one."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    if name == "hiss":
        return (gain * 0.5 * rng.standard_normal(len(time))).astype(np.float32)
    hertz = {"low": 200, "high": 900}[name] * rng.uniform(0.95, 1.05)
    tone = sum(np.sin(2 * np.pi * hertz * k * time + rng.uniform(0, 6)) / k for k in (1, 2))
    return (gain * tone / 2 + 0.003 * rng.standard_normal(len(time))).astype(np.float32)


def excerpts(seeds, **options):
    return [Excerpt(voice(name, seed=seed, **options), number) for seed in seeds for number, name in enumerate(VOICES)]


# --- Spectra.


@pytest.mark.parametrize("rate", [4000, 8000, 16000, 44100])
@pytest.mark.parametrize("samples", [1, 300, 20_000])
def test_every_sound_is_heard_in_as_many_numbers(rate, samples):
    heard = Spectra(rate)(np.random.default_rng(0).standard_normal(samples))
    assert heard.shape == (FRAMES * BANDS,)
    assert np.isfinite(heard).all()


def test_neither_level_nor_silence_around_a_sound_is_heard():
    spectra, wave = Spectra(RATE), voice("low").astype(np.float64)
    around = np.zeros(40 * 10)  # whole frames
    np.testing.assert_allclose(spectra(wave / 100), spectra(wave), atol=1e-6)
    # The frames at its ends hear the silence in part.
    surrounded = np.abs(spectra(np.concatenate([around, wave, around])) - spectra(wave)).mean()
    assert surrounded < np.abs(spectra(voice("high")) - spectra(wave)).mean() / 5
    assert np.isfinite(spectra(np.zeros(500))).all()


# --- Excerpts.


def columns_of(starts, values, samples, targets=None):
    stream = ClassesStream("voice", VOICES)
    values = np.array(values, np.int32)
    spans = Spans(np.array(starts, np.int64), values, values if targets is None else np.array(targets, np.int32))
    return Columns(Track(samples, {"voice": spans}), [stream], RATE)


def test_a_sound_is_cut_into_its_spans_and_long_ones_into_equal_parts():
    wave = np.arange(20_000, dtype=np.float32)
    columns = columns_of([0, 1000, 1100, 2000, 11_000], [1, 2, 0, NONE, 2], 20_000)
    found = [
        (excerpt.wave[0], excerpt.wave[-1], excerpt.asked) for excerpt in excerpts_of(wave, columns, "voice", RATE)
    ]
    # 100 samples are too short, none is none, and 9,000 samples are three parts of at most a second.
    assert found == [
        (0, 999, 1),
        (1100, 1999, 0),
        *((11_000, 13_999, 2), (14_000, 16_999, 2), (17_000, 19_999, 2)),
    ]


def test_cross_fades_and_what_lies_behind_a_wave_are_passed_over():
    columns = columns_of([0, 1000, 2000, 3000], [1, 1, 0, 2], 9000, targets=[1, 0, 0, 2])
    found = list(excerpts_of(np.zeros(2500, np.float32), columns, "voice", RATE))
    assert [(len(excerpt.wave), excerpt.asked) for excerpt in found] == [(1000, 1), (500, 0)]


def test_of_each_class_as_many_excerpts_are_kept_the_same_ones_always():
    many = [Excerpt(np.array([number]), 0 if number % 10 else 1) for number in range(1000)]
    kept = evenly_of(iter(many), 200, 3)
    counts = np.bincount([excerpt.asked for excerpt in kept], minlength=3)
    assert counts.tolist() == [66, 66, 0]
    numbers = [int(excerpt.wave[0]) for excerpt in kept if excerpt.asked == 0]
    assert len(set(numbers)) == 66
    assert 300 < np.mean(numbers) < 700
    assert [int(excerpt.wave[0]) for excerpt in evenly_of(iter(many), 200, 3)] == [
        int(excerpt.wave[0]) for excerpt in kept
    ]
    assert len(evenly_of(many[:20], 200, 3)) == 20


# --- What a model is asked for.


def held_out(*sounds):
    """Return what is read of a corpus: sounds of spans `(seconds, class)`."""
    entries = []
    for number, spans in enumerate(sounds):
        lengths = [round(seconds * RATE) for seconds, _ in spans]
        columns = columns_of(np.cumsum([0, *lengths[:-1]]), [value for _, value in spans], sum(lengths))
        entries.append(SoundEntry(f"sound {number}", 0, sum(lengths), columns))
    return SimpleNamespace(sounds=entries)


def asked(corpus, seconds):
    found = asked_of(corpus, ClassesStream("voice", VOICES), seconds, RATE, "data.valid")
    return [(corpus.sounds.index(entry), samples / RATE) for entry, samples in found]


def test_all_classes_are_asked_for_whatever_the_order_of_the_sounds():
    by_class = held_out(*[[(4, value)] for value in (0, 0, 0, 0, 1, 1, 1, 1, 2, 2)])
    # A third of the time each, and no more of a sound than that.
    assert asked(by_class, 6) == [(0, 2), (4, 2), (8, 2)]
    assert asked(by_class, 27) == [(0, 4), (4, 4), (8, 4), (1, 4), (5, 4), (9, 4), (2, 3)]
    mixed = held_out([(1, 0), (1, 1)], [(1, 0)], [(2, 2)], [(3, NONE)])
    assert asked(mixed, 60) == [(0, 2), (2, 2), (1, 1)]


def test_a_class_that_no_sound_has_leaves_the_others_their_time():
    assert asked(held_out([(5, 1)], [(5, 1)]), 9) == [(0, 4.5), (1, 4.5)]


def test_a_class_that_comes_late_in_a_sound_is_asked_for_too():
    late = held_out(*[[(3, 0), (3, 1), (4, 2)]] * 4)
    assert asked(late, 9) == [(0, 3), (1, 4), (2, 7)]
    assert asked(held_out([(1.5, NONE), (2, 0)]), 0.5) == [(0, 2.5)]


@pytest.mark.parametrize("sounds", [[[(2, NONE)]], [[(11, NONE), (1, 0)]], [[(0.04, 1), (0.04, 2)]], []])
def test_sounds_in_which_nothing_can_be_heard_are_refused(sounds):
    with pytest.raises(UserError) as raised:
        asked(held_out(*sounds), 60)
    assert str(raised.value) == (
        "data.valid: no sound has a span of voice of 0.05 s or more in its first 10 s, and a listener hears nothing;"
        " give other sounds"
    )


# --- The listener.


def test_real_sounds_that_it_did_not_learn_are_heard_right():
    listener = Listener(excerpts(range(12)), len(VOICES), RATE)
    assert listener.confusion(excerpts(range(20, 30), seconds=0.3, gain=0.05)).tolist() == (10 * np.eye(3)).tolist()


def test_what_is_heard_is_counted_by_what_was_asked_for():
    listener = Listener(excerpts(range(12)), len(VOICES), RATE)
    counts = listener.confusion([Excerpt(voice("hiss", seed=50), 0), Excerpt(voice("low", seed=51), 0)])
    assert counts.tolist() == [[1, 0, 1], [0, 0, 0], [0, 0, 0]]
    found = describe(counts, ClassesStream("voice", VOICES))
    assert found == {
        "excerpts": 2,
        "heard_as_asked": 1,
        "share": 0.5,
        "share_of_class": {"low": 0.5},
        "confusion": counts.tolist(),
    }
    assert describe(listener.confusion([]), ClassesStream("voice", VOICES))["share"] == 0


def test_a_listener_needs_two_classes():
    with pytest.raises(UserError, match="have excerpts of 1 classes that are long enough to be heard"):
        Listener([excerpt for excerpt in excerpts(range(3)) if excerpt.asked == 1], 3, RATE)


def test_without_scikit_learn_the_extra_is_named(monkeypatch):
    plain = builtins.__import__

    def missing(name, *arguments, **options):
        if name.startswith("sklearn"):
            raise ImportError(name)
        return plain(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(UserError, match=r"pip install 'keras-samplernn\[listen\]'"):
        Listener(excerpts(range(3)), 3, RATE)


# --- Runs.


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Sounds of three voices in turn, and runs that have learned nothing."""
    home = tmp_path_factory.mktemp("listening")
    for seed, (folder, sounds) in enumerate({"train": 6, "valid": 2}.items()):
        (home / folder).mkdir()
        for number in range(sounds):
            order = np.random.default_rng(10 * seed + number).permutation([0, 1, 2, 0, 1, 2])
            waves = [voice(VOICES[each], seed=100 * seed + 10 * number + place) for place, each in enumerate(order)]
            soundfile.write(home / folder / f"{number}.wav", np.concatenate(waves), RATE, "PCM_16")
            labels = [f"{0.2 * place:.1f}\t{0.2 * place + 0.2:.1f}\t{VOICES[each]}" for place, each in enumerate(order)]
            (home / folder / f"{number}.txt").write_text("\n".join(labels) + "\n")
    voices = {"classes": list(VOICES)}
    conditionings = {
        "voices": voices,
        "streams": {"streams": {"loudness": {"number": {"low": -60, "high": 0}}, "voice": voices}},
        "loudness": {"streams": {"loudness": {"number": {"low": -60, "high": 0}}}},
        "plain": None,
    }
    for name, conditioning in conditionings.items():
        spec = SPEC | {"name": name, "conditioning": conditioning}
        spec["audio"] = spec["audio"] | {"q_levels": 256}
        spec["training"] = {"seq_len": 256, "batch_size": 4}
        (home / f"{name}.json").write_text(json.dumps({key: value for key, value in spec.items() if value}))
        write_run(home / name, home / f"{name}.json")
    return home


@pytest.mark.parametrize(
    "option", ["--listen-seconds 2", "--listen-stream class", "--guidance 1", "--guidance-stream a"]
)
def test_options_of_listening_without_it_are_refused(home, option):
    answer = give(f"evaluate voices {option}", home)
    name = option.split()[0]
    told = f"{name} says how to listen, and needs --listen; see keras-samplernn evaluate --help\n"
    assert (answer.status, answer.err) == (2, f"keras-samplernn evaluate: {told}")


@pytest.mark.parametrize(("run", "stream"), [("voices", "class"), ("streams", "voice")])
def test_real_and_generated_sounds_of_a_run_are_judged(home, run, stream):
    loaded = load_run(home / run)
    found = loaded.listen(seconds=3)
    assert found["stream"] == stream
    # Two sounds of six spans; an untrained model makes noise, which is one voice at most.
    assert found["real"]["excerpts"] == found["generated"]["excerpts"] == 12
    assert found["real"]["heard_as_asked"] == 12
    assert found["real"]["share_of_class"] == dict.fromkeys(VOICES, 1.0)
    assert found["generated"]["heard_as_asked"] <= 6
    assert found == loaded.listen(seconds=3)
    assert loaded.listen(seconds=0.5)["generated"]["excerpts"] == 3  # the last half of a span can be heard too


def test_what_is_heard_in_training_is_guided_as_the_spec_says(home, monkeypatch):
    """It is what the same model makes when the run is listened to with that guidance."""
    made = []
    confusion = Listener.confusion
    monkeypatch.setattr(Listener, "confusion", lambda self, found: confusion(self, made.append([*found]) or made[-1]))
    loaded, valid = load_run(home / "voices"), str(home / "valid")
    for guidance in (1.0, 3.0):
        monitoring = loaded.spec.monitoring.model_copy(update={"guidance": guidance, "listen_seconds": 2.0})
        spec = loaded.spec.model_copy(update={"monitoring": monitoring})
        train, held_out = (prepare_named(spec, name, print) for name in ("train", "valid"))
        Hearing(assemble(spec), spec, train, held_out)(loaded.model, lambda: None)
        loaded.listen(valid, seconds=2, seed=spec.training.seed, guidance=guidance)
    unguided, guided = ([each.wave for each in made[place]] for place in (1, 5))
    for heard, listened in ((unguided, made[2]), (guided, made[6])):
        np.testing.assert_array_equal(np.concatenate(heard), np.concatenate([each.wave for each in listened]))
    assert not np.array_equal(np.concatenate(unguided), np.concatenate(guided))


def test_the_listener_hears_what_was_generated(home, monkeypatch):
    """The codes of real sounds, in the place of those of the model, are heard as the real sounds are."""
    from keras_samplernn.listening import judging

    loaded = load_run(home / "voices")
    real = {f"sound_{number:03d}": soundfile.read(home / f"valid/{number}.wav")[0] for number in range(2)}

    def parts(engine, weights, start, sounds, seed, strength):
        for sound in sounds:
            codes = loaded._quantizer.encode(real[sound.stem])[: sound.samples]
            for begin in range(0, len(codes), 1000):
                yield sound, codes[begin : begin + 1000], begin + 1000 >= len(codes)

    monkeypatch.setattr(judging, "stream_parts", parts)
    found = loaded.listen(seconds=60)
    assert found["generated"] == found["real"]


def test_the_command_prints_what_is_heard(home):
    answer = give("evaluate voices --listen --listen-seconds 2 --guidance 2", home)
    assert answer.status == 0, answer.err
    real, generated = answer.out.splitlines()[-2:]
    assert real == "100.0% of 12 real excerpts are heard as their class: low 100%, high 100%, hiss 100%"
    assert " of 10 generated excerpts are heard as their class: low " in generated
    (line,) = done("evaluate voices --listen --listen-seconds 2 --json", home)
    assert json.loads(line)["heard"] == load_run(home / "voices").listen(seconds=2)
    (line,) = done("evaluate voices --json", home)
    assert "heard" not in json.loads(line)


def test_the_surest_class_is_the_one_that_is_heard():
    for classes in (3, 2):
        learned = [excerpt for excerpt in excerpts(range(6)) if excerpt.asked < classes]
        listener = Listener(learned, classes, RATE)
        waves = [voice(name, seed=99) for name in VOICES[:classes]]
        sure = np.stack([listener.sureness(waves, asked) for asked in range(classes)])  # (asked, waves)
        assert (np.sign(sure) == np.where(np.eye(classes), 1, -1)).all()
    assert [listener.knows(asked) for asked in range(3)] == [True, True, False]


@pytest.mark.parametrize("options", ["", "--by posterior --guidance 2", "--by likelihood"])
def test_takes_are_chosen_and_noted(home, tmp_path, options):
    line = f"generate voices --conditions train/0.txt --seconds 0.7 --out {tmp_path / 'sounds'}"
    done(f"{line} --candidates 3 {options}", home)
    wave, _ = soundfile.read(tmp_path / "sounds/0.wav", dtype="float32")
    noted = json.loads((tmp_path / "sounds/generation.json").read_text())["0.wav"]["candidates"]
    by = options.split()[1] if options else "heard"
    assert (noted["takes"], noted["by"], noted["stream"]) == (3, by, "class")
    assert [passage["start"] for passage in noted["passages"]] == [0, 768, 1536, 2304]
    for passage in noted["passages"]:
        scores = [-np.inf if score is None else score for score in passage["scores"]]
        assert len(scores) == 3
        assert scores[passage["kept"]] == max(scores)
    guidance = 2.0 if "guidance" in options else 1.0
    chosen = {"candidates": 3, "by": by, "guidance": guidance}
    again = load_run(home / "voices").generate(home / "train/0.txt", seconds=0.7, name="0", **chosen)
    np.testing.assert_array_equal(again, wave)


def test_a_run_learns_to_judge_once_and_compiles_once(home, monkeypatch):
    from keras_samplernn import run as run_module

    learned, scorers = [], []
    learn = run_module.learn_judge
    monkeypatch.setattr(run_module, "learn_judge", lambda *arguments: learned.append(1) or learn(*arguments))
    loaded = load_run(home / "voices")
    score = loaded._scorer._score
    loaded._scorer._score = lambda *arguments: scorers.append(1) or score(*arguments)
    for seed in (1, 2):
        loaded.generate("low", seconds=0.3, seed=seed, candidates=2, by="heard")
    assert len(learned) == 1
    assert len(scorers) == 2 * 5  # blocks of 256 of 1,200 samples


def test_a_listener_that_cannot_learn_is_told_with_what_else_takes_are_chosen_by(tmp_path):
    """It is the default, so nobody may have asked for it."""
    write_corpora(tmp_path)
    write_spec(tmp_path)
    write_run(tmp_path / "run", tmp_path / "spec.json")
    told = (
        "the training sounds have excerpts of 0 classes that are long enough to be heard; a listener tells two or more"
        ' apart\n{}: is "heard", and a listener has to learn the training sounds; give "likelihood" to do without one'
    )
    answer = give("generate run --conditions valid/a.csv --candidates 2 --out out", tmp_path)
    assert (answer.status, answer.err) == (1, told.format("--by") + "\n")
    with pytest.raises(UserError) as raised:
        load_run(tmp_path / "run").generate(tmp_path / "valid/a.csv", candidates=2)
    assert str(raised.value) == told.format("by")


def test_what_takes_are_judged_by_is_the_same_in_the_command():
    (option,) = (each for each in generate_command.params if each.name == "by")
    assert sorted(option.type.choices) == sorted(BY)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (
            "--candidates 2 --temperature 1 --temperature 0",
            "--candidates: at temperature 0 all takes are the same; leave one of the two out",
        ),
        ("--by heard", "--by: says how takes are chosen; give --candidates too, 2 or more"),
        ("--candidates 2 --by-stream pitch", '--by-stream: "pitch" is not a stream; streams are class'),
        (
            "--candidates 2 --precision int8",
            "--candidates: --precision int8 makes one row at a time; leave one of the two out",
        ),
    ],
)
def test_takes_that_cannot_be_chosen_are_refused(home, tmp_path, options, error):
    answer = give(f"generate voices --conditions train/0.txt --out {tmp_path / 'sounds'} {options}", home)
    assert (answer.status, answer.err.splitlines()[-1]) == (1, error)
    assert not (tmp_path / "sounds").exists()


def test_a_training_is_listened_to_and_goes_on_as_if_it_had_not_been_stopped(home, monkeypatch):
    spec = json.loads((home / "voices.json").read_text())
    spec["training"] |= {"epochs": 4, "keep_checkpoints": 1}
    spec["monitoring"] |= {"listen_epochs": 2, "listen_seconds": 2}
    for name, listens in (("heard", 2), ("deaf", 0)):
        spec["monitoring"]["listen_epochs"] = listens
        (home / f"{name}.json").write_text(json.dumps(spec))
    shares = iter([0.5, 1.0, 0.5, 0.25])
    monkeypatch.setattr(hearing, "_share", lambda counts: next(shares))
    done("fit heard.json --run heard --epochs 2", home)
    done("fit heard.json --run heard", home)
    monkeypatch.undo()
    done("fit deaf.json --run deaf", home)
    metrics = load_run(home / "heard", "newest").metrics
    # The real sounds are heard once a command, the generated ones after epochs 2 and 4.
    assert metrics["heard"].fillna(-1).tolist() == [-1, -1, 1.0, -1, 0.25]
    _, *steps = metrics["step"]
    assert {path.name for path in (home / "heard/checkpoints").iterdir()} == {
        f"step-{step:010d}-validated" for step in {steps[1], steps[-1], load_best(home / "heard")}
    }
    assert load_run(home / "heard", "heard").checkpoint == f"step-{steps[1]:010d}-validated"
    listened, deaf = (load_run(home / name, "newest") for name in ("heard", "deaf"))
    for ours, theirs in zip(listened.model.weights, deaf.model.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert load_run(home / "deaf", "heard").checkpoint == deaf.checkpoint  # none was heard: the newest


def test_a_validation_counts_once_where_its_hearing_was_stopped(home, monkeypatch):
    spec = json.loads((home / "voices.json").read_text())
    spec["training"] |= {"epochs": 1}
    spec["monitoring"] |= {"listen_epochs": 1}
    (home / "stopped.json").write_text(json.dumps(spec))

    def stop(self, trained, check_stop):
        signal.raise_signal(signal.SIGTERM)
        check_stop()

    monkeypatch.setattr(hearing.Hearing, "__call__", stop)
    assert give("fit stopped.json --run stopped", home).status != 0
    (checkpoint,) = (home / "stopped/checkpoints").iterdir()
    state = json.loads((checkpoint / "state.json").read_text())
    assert (state["epoch"], state["best_bits"], state["epochs_since_best"]) == (0, None, 0)
    assert [row["step"] for row in state["rows"]] == [0]


def load_best(folder):
    return int(load_run(folder).checkpoint.split("-")[1])


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("plain", "plain: has no stream of classes, and a listener hears classes only"),
        ("loudness", "loudness: has no stream of classes, and a listener hears classes only"),
        (
            "streams --listen-stream loudness",
            'stream: "loudness" is a stream of numbers; streams of classes are voice',
        ),
        (
            "streams --listen-stream voise",
            'stream: "voise" is not a stream; streams are loudness, voice; did you mean "voice"?',
        ),
        ("voices --precision int8", "listen: precision int8 makes one sound at a time; leave one of the two out"),
        ("voices --listen-seconds 0", "seconds = 0.0: is not a finite number above 0"),
    ],
)
def test_what_cannot_be_listened_to_is_refused_before_anything_is_scored(home, command, error):
    answer = give(f"evaluate {command} --listen", home)
    assert (answer.status, answer.out) == (1, "")
    assert answer.err.splitlines()[-1].endswith(error)
