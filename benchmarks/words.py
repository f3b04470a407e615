"""Count the words of 200 that are heard as asked: what position, neighbours, dropout and guidance do for real speech.

    python benchmarks/words.py FSDD_FOLDER --out words
    python benchmarks/words.py FSDD_FOLDER --out words --variants position --guidance 1 3

FSDD_FOLDER is the Free Spoken Digit Dataset, as for `real_speech.py`, which gives the corpus and the spec: three tiers,
frames of 16 and 4 samples, width 256, six epochs. Each variant tells the model more about the digit:

- classes: which one it is;
- position: and where in the word a sample stands;
- position_neighbours: and which digits come before and after.

The variants that end in `_noise` hear noise in training, and those in `_small` are trained as the preset `small` says;
`position_neighbours_small` is the preset itself. With `--fields faster.json`, whose fields of a spec change those of
each variant, they are called `VARIANT_faster`. Each is scored on the test files, and asked for the same 20 files of ten
digits, 2,800 to 4,200 samples a word, once for each strength of guidance, and with `--candidates` once for each number
of takes too. The listeners of `heard.py`, which know real recordings only, hear the words.

Every step is kept below `--out` and done once: if this is stopped, the same command continues, and further variants,
strengths or epochs add to what is there. The figures are in `words.json`; a table is printed, with the confusion matrix
of the best. `--minutes` ends each command's training early, to go on another time.
"""

import argparse
import itertools
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from heard import DIGITS, Trained, judge, read_words, table, train_listener
from measuring import machine, tell
from program import changed, command, fit, write_index, write_json
from real_speech import TIERS, join_recordings, spec_of

from keras_samplernn.spec.presets import PRESETS

CONDITIONINGS = {
    "classes": {},
    "position": {"position": True},
    "position_neighbours": {"position": True, "neighbours": True},
}
TRAININGS = {"": {}, "_noise": {"training": {"input_noise": 2}}, "_small": PRESETS["small"]}
VARIANTS = {
    f"{name}{suffix}": changed(sections, {"conditioning": {"position": False, "neighbours": False} | fields})
    for name, fields in CONDITIONINGS.items()
    for suffix, sections in TRAININGS.items()
}
GUIDANCE = 1.0, 2.0, 3.0, 6.0
EPOCHS = 6
SCORES, SHORTEST_WORD, LONGEST_WORD = 20, 2800, 4200


def write_scores(folder: Path) -> Path:
    """Write the condition files, the same ones always, and their index; return its path.

    Each asks for all ten digits in an order of its own, so that every digit is asked for equally often and never twice
    in a row.
    """
    random = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"score_{number:02d}.csv" for number in range(SCORES)]
    for path in paths:
        lengths = random.integers(SHORTEST_WORD, LONGEST_WORD, DIGITS, endpoint=True)
        np.savetxt(path, np.repeat(random.permutation(DIGITS), lengths), fmt="%d")
    return write_index(folder / "index.txt", paths)


def train(name: str, fields: dict[str, Any], out: Path, epochs: int, minutes: float | None) -> Path:
    """Train a variant up to a number of epochs, unless it has them already; return its run."""
    # Sounds are asked for below; a checkpoint every few minutes loses little if this is killed.
    kept = {"monitoring": {"every_epochs": 0}, "training": {"checkpoint_minutes": 3.0, "keep_checkpoints": 1}}
    spec = changed(changed(spec_of(name, TIERS["three_tier"], 256), kept), fields)
    run, written = out / "runs" / name, out / f"{name}.json"
    if run.is_dir() and (not written.is_file() or json.loads(written.read_text()) != spec):
        raise SystemExit(f"{run}: was trained with another spec; give another --out")
    if epochs_done(run) < epochs:
        write_json(written, spec)
        tell(f"{name}: training up to epoch {epochs}")
        fit(written, "--run", run, "--epochs", epochs, minutes=minutes)
    return run


def epochs_done(run: Path) -> int:
    """Return how many epochs a run has been trained for and validated."""
    metrics = run / "metrics.csv"
    rows = pd.read_csv(metrics).dropna(subset="training_bits") if metrics.is_file() else ()
    return int(rows["epoch"].max()) if len(rows) else 0


def generate(run: Path, index: Path, guidance: float, takes: int, by: str, seed: int, sounds: Path) -> None:
    """Have a run generate all scores, unless it has."""
    if len([*sounds.glob("*.wav")]) == SCORES and (sounds / "generation.json").is_file():
        return
    tell(f"{sounds}: generating")
    side_by_side = max(SCORES // takes, 1)
    options = ["--conditioning-index", index, "--out", sounds, "--batch-size", side_by_side, "--overwrite"]
    if takes > 1:
        options += ["--candidates", takes, "--by", by]
    if seed:
        options += ["--seed", seed]
    # Without guidance nothing is said of it, so that runs and programs that know none can be measured too.
    command("generate", run, *options, *(("--guidance", f"{guidance:g}") if guidance != 1 else ()))


def measure(
    variant: str, fields: dict[str, Any], arguments: argparse.Namespace, listener: Trained, results: dict[str, Any]
) -> None:
    """Train, score and hear a variant; note in its results what is not yet there, and keep them after every step.

    Args:
        variant: its name.
        fields: of its spec.
        arguments: of the command.
        listener: of the words.
        results: of all variants; this one's are added.
    """
    out, epochs = arguments.out, arguments.epochs
    run = train(variant, fields, out, epochs, arguments.minutes)
    if (done := epochs_done(run)) < epochs:
        tell(f"{variant}: {done} of {epochs} epochs are done; the same command continues")
        return
    if done > epochs:
        raise SystemExit(f"{run}: trained for {done} epochs already; --epochs {epochs} needs another --out")
    result = results.setdefault(variant, {}).setdefault(str(epochs), {"heard": {}})
    if "test_bits" not in result:
        scores = json.loads(command("evaluate", run, "--json"))
        metrics = pd.read_csv(run / "metrics.csv").dropna(subset="training_bits")
        result |= {
            "test_bits": scores["bits_per_sample"],
            "test_bits_of_class": scores.get("bits_per_sample_of_class"),
            "test_unigram_entropy_bits": scores["unigram_entropy_bits"],
            "validation_bits_by_epoch": metrics["validation_bits"].round(4).tolist(),
            "training_samples_per_second": float(metrics["samples_per_second"].median()),
            "load_average": round(os.getloadavg()[0], 2),
        }
        keep(out, listener, results)
    index = write_scores(out / "scores")
    for guidance, takes in itertools.product(arguments.guidance, arguments.candidates):
        name = f"{guidance:g}" if takes == 1 else f"{guidance:g}, {takes} takes by {arguments.by}"
        name += f", seed {arguments.seed}" if arguments.seed else ""
        if name not in result["heard"]:
            sounds = (
                out / "sounds" / variant / f"epoch_{epochs}" / f"guidance_{name.replace(', ', '_').replace(' ', '_')}"
            )
            generate(run, index, guidance, takes, arguments.by, arguments.seed, sounds)
            heard = judge(listener, read_words(sounds, index.parent))
            result["heard"][name] = heard | {"load_average": round(os.getloadavg()[0], 2)}
            keep(out, listener, results)
            tell(
                f"{variant}: guidance {name}: {heard['as_asked']} of {heard['words']} words heard as asked, "
                f"{heard['by_second']} by the second listener; {heard['voiced']:.2f} voiced"
            )


def keep(out: Path, listener: Trained, results: dict[str, Any]) -> None:
    """Write all results."""
    report = {
        "about": __doc__,
        "machine": machine(),
        "listener": {
            "right_of_takes_0_to_4": listener.right_of_test,
            "right_of_takes_5_to_9": listener.right_of_validation,
            "second_right_of_takes_0_to_9": listener.second_right,
        },
        "variants": results,
    }
    write_json(out / "words.json", report)


def describe(results: dict[str, Any]) -> str:
    """Return the table of all results, and the confusion matrix of the best."""
    rows = [
        {
            "variant": variant,
            "epochs": int(epochs),
            "test bits": f"{result['test_bits']:.3f}",
            **{
                f"guidance {name}": "/".join(str(heard[by]) for by in ("as_asked", "by_second") if by in heard)
                for name, heard in result["heard"].items()
            },
            "load average": result["load_average"],
        }
        for variant, by_epochs in results.items()
        for epochs, result in by_epochs.items()
        if "test_bits" in result
    ]
    if not rows:
        return "nothing is measured yet"
    frame = pd.DataFrame(rows).fillna("")
    strengths = sorted(
        (name for name in frame if name.startswith("guidance")), key=lambda name: float(name.split()[1].rstrip(","))
    )
    text = frame[["variant", "epochs", "test bits", *strengths, "load average"]].to_string(index=False)
    every = [
        (heard["as_asked"], f"{variant}, {epochs} epochs, guidance {guidance}", heard)
        for variant, by_epochs in results.items()
        for epochs, result in by_epochs.items()
        for guidance, heard in result["heard"].items()
    ]
    if not every:
        return text
    _, name, best = max(every, key=lambda each: each[0])
    heading = f"best: {name}: {best['as_asked']} of {best['words']} words heard as asked"
    title = f"words of {best['words']} heard as asked, by the first and the second listener:"
    return f"{title}\n{text}\n\n{heading}\n{table(best['confusion'])}"


def main() -> None:
    """Measure the variants that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of the Free Spoken Digit Dataset")
    parser.add_argument("--out", type=Path, default=Path("words"), help="folder for everything that is made")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=[*VARIANTS], help="default: all")
    parser.add_argument("--fields", type=Path, help="JSON file of fields of a spec, which change the variants")
    parser.add_argument("--seed", type=int, default=0, help="of generation (default: %(default)s)")
    parser.add_argument("--guidance", nargs="+", type=float, default=GUIDANCE, help="strengths; 1 is off")
    parser.add_argument("--candidates", nargs="+", type=int, default=(1,), help="numbers of takes; 1 is off")
    parser.add_argument("--by", default="heard", help="what takes are judged by (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="of training, in all (default: %(default)s)")
    parser.add_argument(
        "--minutes", type=float, help="stop the training of each variant after this time, to go on later"
    )
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    listener = train_listener(arguments.data / "recordings")
    tell(f"listener: {listener.right_of_test:.1%} of takes 0-4, {listener.right_of_validation:.1%} of takes 5-9")
    join_recordings(arguments.data / "recordings", arguments.out / "corpus")
    kept = arguments.out / "words.json"
    results = json.loads(kept.read_text())["variants"] if kept.is_file() else {}
    fields = json.loads(arguments.fields.read_text()) if arguments.fields else {}
    for variant in arguments.variants:
        name = f"{variant}_{arguments.fields.stem}" if fields else variant
        measure(name, changed(VARIANTS[variant], fields), arguments, listener, results)
    print(describe(results))


if __name__ == "__main__":
    main()
