"""Train on synthesised notes under two streams, pitch and loudness, and measure whether held-out scores are followed.

    python benchmarks/notes.py --out notes --minutes 5

Five minutes of notes are synthesised at 8 kHz: twelve pitches from c4 to b4 with six harmonics. The loudness lies
between -40 and -6 dB; it moves within a note and jumps between notes. The condition files are spans; the pitch is a
stream of classes, with the position in the note, the loudness one of numbers. A model of three tiers is trained for
`--minutes` of wall-clock time at most, starting and compiling included. Then it is asked for scores that it has not
seen. The pitch of each note is the one with the greatest sum of harmonics in the spectrum; the loudness is measured in
frames of 32 ms; and how far the harmonics stand above all else. The same analysis must be right on the synthesised
notes first.

`--guidance` and `--temperature` may be given several values; the sounds of each are heard apart. What is made is kept
below `--out`: a second call generates and measures anew, but trains only if it is given another `--out`. The figures
are in `notes.json`.
"""

import argparse
import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile
from measuring import machine, tell
from program import changed, command, fit, write_index, write_json

SAMPLE_RATE = 8000
PITCHES = "c4", "cs4", "d4", "ds4", "e4", "f4", "fs4", "g4", "gs4", "a4", "as4", "b4"
PITCHES_HZ = 440 * 2 ** ((np.arange(12) - 9) / 12)
HARMONICS = np.arange(1, 7)
AMPLITUDES = 1 / HARMONICS
# Schroeder's phases keep the peak below twice the level (root mean square), so that nothing clips at -6 dB.
PHASES = np.pi * HARMONICS * (HARMONICS - 1) / len(HARMONICS)
SHORTEST, LONGEST = 0.25, 0.6  # seconds of a note
SOFTEST_DB, LOUDEST_DB, CHANGE_DB = -40.0, -6.0, 12.0
ATTACK, RELEASE = 0.006, 0.01  # seconds
SOUNDS, SECONDS = 30, 10.0
HELD_OUT, HELD_OUT_SECONDS = 16, 6.0
FRAME, HOP = 256, 128  # samples in which loudness is heard: 32 ms, every 16 ms
SILENCE_DB = -70.0
LOBE_HZ = 5.0  # half of a tone's width in the spectrum of a note of a second, to 50 dB below its peak
STEPS = 1500  # two to four minutes on two cores
PITCH_AIM, LOUDNESS_AIM = 0.95, 0.9


class Note(NamedTuple):
    """A note of a score.

    Attributes:
        start: its first sample.
        stop: the sample after its last.
        pitch: number of its pitch in `PITCHES`.
        begin_db: its loudness at its start.
        end_db: its loudness at its end; between, it moves in a straight line.
    """

    start: int
    stop: int
    pitch: int
    begin_db: float
    end_db: float

    def loudness_db(self) -> np.ndarray:
        """Return what is asked for at each of its samples."""
        samples = self.stop - self.start
        return self.begin_db + (self.end_db - self.begin_db) * np.arange(samples) / samples


Score = list[Note]


def draw_score(random: np.random.Generator, seconds: float) -> Score:
    """Return notes end to end; a pitch never follows itself."""
    notes: Score = []
    start, samples = 0, round(seconds * SAMPLE_RATE)
    while start < samples:
        stop = start + round(random.uniform(SHORTEST, LONGEST) * SAMPLE_RATE)
        if samples - stop < SHORTEST * SAMPLE_RATE:
            stop = samples
        pitch = (notes[-1].pitch + random.integers(1, 12)) % 12 if notes else random.integers(12)
        begin = random.uniform(SOFTEST_DB, LOUDEST_DB)
        end = np.clip(begin + random.uniform(-CHANGE_DB, CHANGE_DB), SOFTEST_DB, LOUDEST_DB)
        # Rounded as the condition file has them.
        notes.append(Note(start, stop, int(pitch), round(float(begin), 2), round(float(end), 2)))
        start = stop
    return notes


def render(score: Score) -> np.ndarray:
    """Return the sound of a score, `(samples,)`."""
    return np.concatenate([_render_note(note) for note in score])


def _render_note(note: Note) -> np.ndarray:
    seconds = np.arange(note.stop - note.start) / SAMPLE_RATE
    angles = 2 * np.pi * PITCHES_HZ[note.pitch] * seconds[:, None] * HARMONICS + PHASES  # (samples, harmonics)
    tone = np.sin(angles) @ AMPLITUDES / np.sqrt((AMPLITUDES**2).sum() / 2)
    envelope = np.minimum(np.minimum(seconds / ATTACK, (seconds[-1] - seconds) / RELEASE), 1)
    return tone * envelope * 10 ** (note.loudness_db() / 20)


def write_score(path: Path, score: Score) -> None:
    """Write a score as a condition file of spans, exact to the sample and to a hundredth of a decibel."""
    lines = ["start,stop,pitch,loudness"]
    lines += [
        f"{note.start / SAMPLE_RATE:.6f},{note.stop / SAMPLE_RATE:.6f},{PITCHES[note.pitch]},"
        f"{note.begin_db:.2f}>{note.end_db:.2f}"
        for note in score
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def spec(steps: int) -> dict[str, Any]:
    """Return the spec; the learning rate falls to zero in `steps`.

    Few weights and small batches, so that there are many steps in a short time, even on two busy cores.
    """
    return {
        "name": "notes",
        "preset": "paper",
        "audio": {"sample_rate": SAMPLE_RATE, "q_type": "mu-law", "q_levels": 256},
        "data": {"train": "corpus"},
        "conditioning": {
            "streams": {
                "pitch": {"classes": list(PITCHES), "position": True},
                "loudness": {"number": {"low": -60, "high": 0, "unit": "dB"}},
            }
        },
        "tier_defaults": {"dim": 128},
        "tiers": [
            {"type": "frame_rnn", "frame_size": 16},
            {"type": "frame_rnn", "frame_size": 4},
            {"type": "sample_mlp", "emb_size": 64, "window": 16},
        ],
        "training": {
            "seq_len": 512,
            "batch_size": 16,
            "epochs": 1000,
            "learning_rate": 0.002,
            "schedule": "cosine",
            "decay_steps": steps,
            "keep_checkpoints": 1,
        },
        "monitoring": {"every_epochs": 0},
    }


def make_corpus(out: Path) -> tuple[list[Score], Path]:
    """Write the corpus and the held-out scores, the same ones always; return the held-out scores and their index."""
    random = np.random.default_rng(0)
    corpus, asked = out / "corpus", out / "scores"
    corpus.mkdir(parents=True, exist_ok=True)
    asked.mkdir(exist_ok=True)
    for number in range(SOUNDS):
        score = draw_score(random, SECONDS)
        soundfile.write(corpus / f"notes_{number:02d}.wav", render(score), SAMPLE_RATE, subtype="PCM_16")
        write_score(corpus / f"notes_{number:02d}.csv", score)
    scores = [draw_score(random, HELD_OUT_SECONDS) for _ in range(HELD_OUT)]
    paths = [asked / f"score_{number:02d}.csv" for number in range(HELD_OUT)]
    for path, score in zip(paths, scores, strict=True):
        write_score(path, score)
    return scores, write_index(out / "index.txt", paths)


def train(out: Path, fields: dict[str, Any], minutes: float, steps: int) -> dict[str, Any]:
    """Train for a number of steps, or until the time is over; return how many were done, and the seconds.

    A training that has ended is kept; one that was interrupted begins anew, so that its time is counted whole.
    """
    kept = out / "training.json"
    if not kept.is_file():
        write_json(out / "notes_spec.json", changed(spec(steps), fields))
        run = out / "run"
        tell(f"training: {steps} steps or {minutes:g} minutes")
        seconds = fit(out / "notes_spec.json", "--run", run, "--restart", "--max-steps", steps, minutes=minutes)
        newest = max((run / "checkpoints").iterdir())
        state = json.loads((newest / "state.json").read_text())
        write_json(
            kept,
            {
                "fields": fields,
                "steps": state["step"],
                "of_steps": steps,
                "minutes": round(seconds / 60, 2),
                "load_average": round(os.getloadavg()[0], 2),
            },
        )
    training = json.loads(kept.read_text())
    if training.get("fields", {}) != fields:
        raise SystemExit(f"{out}: was trained with other --fields; give another --out")
    return training


def pitch_heard(wave: np.ndarray) -> int:
    """Return the number of the pitch with the greatest sum of harmonics in a note `(samples,)`."""
    size = 1 << 14  # half a hertz a bin
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave)), size))
    harmonics = PITCHES_HZ[:, None] * HARMONICS  # (pitches, harmonics)
    # The root lets weak harmonics count beside strong ones, which several pitches may share.
    return int(np.argmax(np.sqrt(spectrum[np.rint(harmonics * size / SAMPLE_RATE).astype(int)]).sum(axis=1)))


def harmonics_to_noise_db(wave: np.ndarray, pitch: int) -> float:
    """Return the level of a note's harmonics over that of all else in a note `(samples,)`, in dB."""
    size = 1 << 14
    power = np.abs(np.fft.rfft(wave * np.hanning(len(wave)), size)) ** 2
    hertz = np.arange(len(power)) * SAMPLE_RATE / size
    # As wide as a tone is in the spectrum of a note of this length, and its attack and release.
    width = LOBE_HZ * SAMPLE_RATE / len(wave)
    near = np.abs(hertz[:, None] - PITCHES_HZ[pitch] * HARMONICS).min(axis=1) < width
    return float(10 * np.log10((power[near].sum() + 1e-12) / (power[~near].sum() + 1e-12)))


def loudness_heard_db(wave: np.ndarray) -> np.ndarray:
    """Return the level of the frames of a note `(samples,)`, in dB below full scale."""
    frames = np.lib.stride_tricks.sliding_window_view(wave, FRAME)[::HOP]
    return 10 * np.log10((frames**2).mean(axis=1) + 10 ** (SILENCE_DB / 10))


def hear(scores: list[Score], waves: list[np.ndarray]) -> dict[str, float]:
    """Compare sounds with the scores that were asked for.

    Args:
        scores: of the sounds.
        waves: the sounds, `(samples,)` each.

    Returns:
        notes: their number.
        right_pitch: share of the notes that have the pitch asked for.
        loudness_correlation: of the loudness asked for and heard, over all frames that lie in a note.
        loudness_error_db: the median distance between them.
        harmonics_to_noise_db: the median over the notes, for the pitch that was asked for.
    """
    right, clear_db, asked_db, heard_db = [], [], [], []
    for score, wave in zip(scores, waves, strict=True):
        if len(wave) != score[-1].stop:
            raise SystemExit(f"{len(wave)} samples were generated for a score of {score[-1].stop}")
        for note in score:
            sound = wave[note.start : note.stop]
            right.append(pitch_heard(sound) == note.pitch)
            clear_db.append(harmonics_to_noise_db(sound, note.pitch))
            asked_db.append(np.lib.stride_tricks.sliding_window_view(note.loudness_db(), FRAME)[::HOP].mean(axis=1))
            heard_db.append(loudness_heard_db(sound))
    asked, heard = np.concatenate(asked_db), np.concatenate(heard_db)
    return {
        "notes": len(right),
        "right_pitch": round(float(np.mean(right)), 4),
        "loudness_correlation": round(float(np.corrcoef(asked, heard)[0, 1]), 4),
        "loudness_error_db": round(float(np.median(np.abs(asked - heard))), 2),
        "harmonics_to_noise_db": round(float(np.median(clear_db)), 1),
    }


def main() -> None:
    """Make notes, train, generate and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("notes"), help="folder for everything that is made")
    parser.add_argument("--minutes", type=float, default=5.0, help="most time of the training (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=STEPS, help="most steps of the training (default: %(default)s)")
    parser.add_argument("--fields", type=Path, help="JSON file of fields of a spec that are other than they are here")
    parser.add_argument("--guidance", nargs="+", type=float, default=[1.0], help="strengths; 1 is off, the default")
    parser.add_argument("--temperature", nargs="+", type=float, default=[1.0], help="default: 1")
    arguments = parser.parse_args()
    out, fields = arguments.out, json.loads(arguments.fields.read_text()) if arguments.fields else {}
    scores, index = make_corpus(out)
    synthesised = hear(scores, [render(score) for score in scores])
    if synthesised["right_pitch"] < 1 or synthesised["loudness_correlation"] < 0.99:
        raise SystemExit(f"the analysis is wrong on the synthesised notes: {synthesised}")
    report = {
        "about": __doc__,
        "machine": machine(),
        "aim": {"right_pitch": PITCH_AIM, "loudness_correlation": LOUDNESS_AIM},
        "synthesised": synthesised,
        "training": train(out, fields, arguments.minutes, arguments.steps),
        "generated": [],
    }
    for guidance in arguments.guidance:
        for temperature in arguments.temperature:
            sounds = out / "sounds" / f"guidance_{guidance:g}_temperature_{temperature:g}"
            options = "--conditioning-index", index, "--out", sounds, "--checkpoint", "newest", "--overwrite"
            strength = ("--guidance", f"{guidance:g}") if guidance != 1 else ()
            command("generate", out / "run", *options, "--temperature", temperature, *strength)
            waves = [soundfile.read(path)[0] for path in sorted(sounds.glob("*.wav"))]
            heard = {"guidance": guidance, "temperature": temperature, **hear(scores, waves)}
            heard["met"] = heard["right_pitch"] >= PITCH_AIM and heard["loudness_correlation"] >= LOUDNESS_AIM
            report["generated"].append(heard)
            write_json(out / "notes.json", report)
    print(describe(report))


def describe(report: dict[str, Any]) -> str:
    """Return the figures as lines."""
    training = report["training"]
    lines = [
        f"training: {training['steps']} steps in {training['minutes']:.1f} min, load {training['load_average']:.2g}",
        f"synthesised: {_figures(report['synthesised'])}",
    ]
    for each in report["generated"]:
        met = "met" if each["met"] else "MISSED"
        name = f"guidance {each['guidance']:g}, temperature {each['temperature']:g}"
        lines.append(f"{name}: {_figures(each)}; aims {met}")
    return "\n".join(lines)


def _figures(heard: dict[str, float]) -> str:
    return (
        f"right pitch in {heard['right_pitch']:.1%} of {heard['notes']} notes, loudness asked and heard correlate with "
        f"{heard['loudness_correlation']:.3f} (median error {heard['loudness_error_db']:.1f} dB), harmonics stand"
        f" {heard['harmonics_to_noise_db']:.1f} dB above noise"
    )


if __name__ == "__main__":
    main()
