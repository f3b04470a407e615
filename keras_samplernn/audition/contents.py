"""What a page says: of each sound its figures and faults, and of all what they have in common."""

import base64
import hashlib
import json
import shlex
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_samplernn.audition.asked import Score
from keras_samplernn.audition.chosen import Chosen
from keras_samplernn.audition.picture import draw_spectrogram
from keras_samplernn.audition.rendering import Rendered
from keras_samplernn.audition.strips import strips_of
from keras_samplernn.conditions.streams import Streams, classes_streams, streams_of
from keras_samplernn.conditions.track import Track
from keras_samplernn.files import named
from keras_samplernn.generation.starred import FORMAT, spans_said
from keras_samplernn.run_folder import RunFolder

_HELP = (
    (
        "Level",
        "is the root mean square in dB below full scale (dBFS), without weighting: a sine of full scale has \u22123."
        " Peak is the loudest sample.",
    ),
    (
        "Bits",
        "per sample say how much a sound surprises the checkpoint that made it, at temperature 1 under what was asked"
        " for. Low temperatures give fewer bits. Far fewer than real sounds have is mostly a hum or silence, far more"
        " is mostly noise. In between they do not say which sound is better: listen.",
    ),
    (
        "Pictures",
        "are spectrograms: time to the right, frequency upwards, level as colour, from 80 dB below full scale. The"
        " strips below say what was asked for.",
    ),
)


def shown(rendered: Rendered, sample_rate: int) -> dict[str, Any]:
    """Return what the page shows of a sound."""
    wave = rendered.wave.astype(np.float64)
    return {
        "level": _decibels(float(np.sqrt(np.mean(wave**2)))),
        "peak": _decibels(float(np.abs(wave).max())).removesuffix(" dBFS"),
        "bits": f"{rendered.bits:.2f}",
        "faults": [*_faults_in_words(rendered.faults)],
        "picture": base64.b64encode(draw_spectrogram(rendered.wave, sample_rate)).decode(),
        "wav": base64.b64encode(rendered.wav).decode(),
    }


def _decibels(amplitude: float) -> str:
    return f"{20 * np.log10(amplitude):.1f} dBFS".replace("-", "\u2212") if amplitude > 0 else "\u2212\u221e dBFS"


def _faults_in_words(faults: dict[str, Any]) -> list[str]:
    words = []
    if "silent" in faults:
        words.append("silent: below \u221260 dBFS throughout")
    if "clipped_share" in faults:
        words.append(f"clipped: {faults['clipped_share']:.1%} at full scale")
    if "stuck_seconds" in faults:
        words.append(f"stuck for {faults['stuck_seconds']:.2f} s, from {faults['stuck_from_seconds']:.2f} s on")
    return words


def contents_of(
    run: RunFolder, scores: Sequence[Score], chosen: Sequence[Chosen], sounds: list[dict[str, Any]]
) -> dict[str, Any]:
    """Return what `page.js` reads."""
    rate, streams = run.spec.audio.sample_rate, streams_of(run.spec)
    entries = json.dumps([sound["entry"] for sound in sounds]).encode()
    # A page may be sent to others: it has no path of the machine that it was made on.
    place = name_of(run) if run.folder.is_absolute() else str(run.folder)
    classes = {name for stream in classes_streams(streams)[:1] for name in stream.classes}
    return {
        "id": hashlib.sha256(entries).hexdigest()[:16],
        "format": FORMAT,
        "run": name_of(run),
        "about": f"{len(sounds)} sounds of {_listed(chosen)}, at {rate / 1000:g} kHz. Star what you want to keep.",
        "help": [list(each) for each in _HELP],
        "word": "class" if classes >= {score.title for score in scores} else "score",
        "kilohertz": f"{rate / 2000:g} kHz",
        "command": f"keras-samplernn generate {shlex.quote(place)} --starred starred.json --out starred",
        "checkpoints": [
            {
                "label": ", ".join([f"step {each.checkpoint.step:,}", *each.asked_for]),
                "about": "" if each.validation_bits is None else f"real sounds: {each.validation_bits:.2f} bits",
            }
            for each in chosen
        ],
        "scores": [
            {
                "title": score.title,
                "seconds": round(score.samples / rate, 2),
                "strips": [] if score.columns is None else strips_of(score.columns.track, streams),
                "said": None if score.columns is None else _said(score.columns.track, streams),
            }
            for score in scores
        ],
        "sounds": sounds,
    }


def _listed(chosen: Sequence[Chosen]) -> str:
    if len(chosen) > 1:
        return f"{len(chosen)} checkpoints"
    step, bits = f"step {chosen[0].checkpoint.step:,}", chosen[0].validation_bits
    return step if bits is None else f"{step}, under which real sounds have {bits:.2f} bits per sample in validation"


def _said(track: Track, streams: Streams) -> dict[str, list[dict[str, Any]]]:
    return {name: [span.model_dump() for span in spans] for name, spans in spans_said(track, streams).items()}


def name_of(run: RunFolder) -> str:
    """Return the name of a run's folder."""
    return named(run.folder).name
