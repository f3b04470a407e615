"""A folder of runs with conditions, of scores and of a recording, and what goes with it."""

from pathlib import Path

import numpy as np
import soundfile
from command_line import write_spec
from condition_files import write
from untrained import write_run

RATE = 1000  # a row of the formats' tests is a millisecond
PITCH = {"classes": ["c4", "e4", "g4"]}
LOUDNESS = {"number": {"low": -60, "high": 0, "unit": "dB"}}


def streams(**streams):
    return {"classes": None, "streams": streams}


CONDITIONINGS = {
    "one": PITCH,
    "several": streams(pitch=PITCH, velocity={"number": {"low": 0, "high": 127}}),
    "loud": streams(loudness=LOUDNESS),
    "both": streams(pitch=PITCH, loudness=LOUDNESS),
    "free": None,
}


def waves_of(folder):
    return {path.name: soundfile.read(path, dtype="float32")[0] for path in sorted(folder.glob("*.wav"))}


def write_sounds(folder, *names):
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / name, 0.3 * np.sin(np.arange(400) * (0.1 + 0.05 * number)), 4000)


def make_score_home(home: Path) -> None:
    """Make the folder: runs that nobody has trained, some scores, and a recording."""
    home.mkdir()
    for name, conditioning in CONDITIONINGS.items():
        write_spec(home, f"{name}.json", name=name, audio={"sample_rate": RATE}, conditioning=conditioning)
        write_run(home / name, home / f"{name}.json")
    write(home / "a.txt", "0.0\t0.1\tc4\n0.1\t0.3\tpitch=e4 velocity=90\n")
    write(home / "b.csv", "start,stop,pitch,velocity\n0.0,0.25,c4,1>100\n")
    write(home / "index.txt", "b.csv\n")
    (home / "other").mkdir()
    write(home / "other/A.csv", "start,stop,pitch\n0.0,0.2,g4\n")
    tone = np.sin(np.arange(11025) / 20) * np.linspace(0, 0.9, 11025)
    soundfile.write(home / "door.wav", np.stack([tone, tone], axis=1), 44100)
