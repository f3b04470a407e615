"""Makes the page of an audition: everything is checked first, then rendered, then written whole."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_samplernn.audition.asked import Audition, Score, scores_asked_for
from keras_samplernn.audition.chosen import Chosen, choose
from keras_samplernn.audition.contents import contents_of, name_of, shown
from keras_samplernn.audition.page import page_of
from keras_samplernn.audition.picture import MOST_BYTES
from keras_samplernn.audition.rendering import Renderer
from keras_samplernn.conditions.streams import streams_of
from keras_samplernn.errors import UserError, collect
from keras_samplernn.files import replace_file
from keras_samplernn.generation.entry import model_digest
from keras_samplernn.generation.long_spans import long_spans
from keras_samplernn.generation.sound import Sound
from keras_samplernn.generation.starred import MOST_ROWS, StarredSound
from keras_samplernn.model.memory import check_generation_memory, outline, telling_exhaustion
from keras_samplernn.progress import Progress
from keras_samplernn.run_folder import RunFolder

MOST_MEGABYTES = 80
"""Of a page: browsers open larger ones slowly, or not at all."""
_WAV_HEADER, _ENTRY_BYTES = 44, 1500


def make_audition(run: RunFolder, asked: Audition, say: Callable[[str], None]) -> Path:
    """Write a page with sounds of a run: each score at each temperature and seed, from each checkpoint.

    Args:
        run: with a checkpoint.
        asked: the options of the command.
        say: called with each message.

    Returns:
        The page.

    Raises:
        UserError: one line for each problem, before anything is rendered: the page exists, or would be too large; a
            score cannot be read; there is no checkpoint.
    """
    spec, problems = run.spec, []
    collect(problems, _check_out, asked)
    scores = collect(problems, scores_asked_for, run, asked, say)
    outlined = outline(spec)
    collect(problems, check_generation_memory, spec, outlined)
    chosen = collect(problems, choose, run, asked.checkpoints, outlined, say)
    if scores and chosen:
        collect(problems, _check_size, run, asked, scores, chosen)
    if problems:
        raise UserError(*problems)
    rate, streams = spec.audio.sample_rate, streams_of(spec)
    tried = [(score, temperature) for score in range(len(scores)) for temperature in asked.temperatures]
    if asked.conditions:
        for line in long_spans(
            [_sound(score, score.stem, 1.0) for score in scores], streams, rate, run.longest_spans()
        ):
            say(line)
    # Powers of two, as `generate` takes them: a loop of this shape makes the starred ones again.
    rows = min(1 << (len(tried) - 1).bit_length(), MOST_ROWS)
    sounds: list[dict[str, Any]] = []
    samples = len(chosen) * len(asked.seeds) * sum(scores[score].samples for score, _ in tried)
    with (
        telling_exhaustion(run.folder, f"{rows} sounds side by side", "ask for fewer --temperature or --conditions"),
        Progress("audition", samples) as progress,
    ):

        def on_samples(number: int) -> None:
            done = progress.done + number
            progress.update(done, f"{progress.speed(done) / rate:.2f} x real time")

        renderer = Renderer(spec, rows)
        for number, each in enumerate(chosen):
            renderer.load(each.checkpoint)
            digest = model_digest(spec, each.checkpoint.digest())
            for seed in asked.seeds:
                wanted = [_sound(scores[score], f"{place}", at) for place, (score, at) in enumerate(tried)]
                made = {rendered.sound.name: rendered for rendered in renderer.render(wanted, seed, on_samples)}
                for place, (score, temperature) in enumerate(tried):
                    entry = StarredSound(
                        name=_file_name(score, scores[score], each, temperature, seed),
                        checkpoint=each.name,
                        model_sha256=digest,
                        temperature=temperature,
                        seed=seed,
                        stem=scores[score].stem,
                        batch_size=rows,
                        seconds=scores[score].samples / rate,
                        score=None,  # once for all sounds of it
                    )
                    where = {"checkpoint": number, "score": score, "temperature": temperature, "seed": seed}
                    figures = shown(made.pop(f"{place}"), rate)
                    sounds.append({**where, **figures, "entry": entry.model_dump(exclude={"score"})})
    content = page_of(f"{name_of(run)}: audition", contents_of(run, scores, chosen, sounds))
    replace_file(asked.out, content)
    say(f"{asked.out}: {len(sounds)} sounds, {len(content) / 1e6:.1f} MB; open it in a browser")
    return asked.out


def _check_out(asked: Audition) -> None:
    if os.path.lexists(asked.out) and not (asked.overwrite and asked.out.is_file()):
        remedy = "" if asked.out.is_dir() else "give --overwrite to replace it, or "
        raise UserError(f"{asked.out}: exists; {remedy}give --out another file")
    if not asked.out.parent.is_dir():
        raise UserError(f"{asked.out.parent}: does not exist; make the folder, or give --out another place")


def _check_size(run: RunFolder, asked: Audition, scores: Sequence[Score], chosen: Sequence[Chosen]) -> None:
    """Raise UserError if a page would be too large."""
    of_each = len(asked.temperatures) * len(asked.seeds) * len(chosen)
    # In base64, three bytes take four letters.
    size = sum((_WAV_HEADER + 2 * score.samples + MOST_BYTES) * 4 / 3 + _ENTRY_BYTES for score in scores) * of_each
    if size > 1e6 * MOST_MEGABYTES:
        seconds = sum(score.samples for score in scores) / run.spec.audio.sample_rate
        raise UserError(
            f"{asked.out}: would have about {size / 1e6:,.0f} MB, and a browser opens {MOST_MEGABYTES} MB well:"
            f" {_counted(scores, 'score')}, {seconds:g} s in all, at {_counted(asked.temperatures, 'temperature')} with"
            f" {_counted(asked.seeds, 'seed')} from {_counted(chosen, 'checkpoint')}; ask for fewer of these, for fewer"
            " --seconds, or for several pages"
        )


def _counted(things: Sequence, noun: str) -> str:
    return f"{len(things)} {noun}{'' if len(things) == 1 else 's'}"


def _sound(score: Score, name: str, temperature: float) -> Sound:
    return Sound(name, score.stem, score.samples, temperature, score.columns)


def _file_name(number: int, score: Score, chosen: Chosen, temperature: float, seed: int) -> str:
    """Return the name of a starred sound's file, which no other sound of the page has."""
    plain = "".join(
        letter if letter.isascii() and (letter.isalnum() or letter in "_-") else "_" for letter in score.title
    )
    told = np.format_float_positional(temperature, trim="-")
    return f"{number:02d}-{plain[:60]}_step{chosen.checkpoint.step}_t{told}_seed{seed}"
