"""Spans that are asked for at far greater length than training heard: a model loses itself in them."""

from collections.abc import Sequence

from keras_samplernn.conditions.streams import Streams, classes_streams
from keras_samplernn.conditions.stretches import longest_seconds
from keras_samplernn.generation.sound import Sound
from keras_samplernn.run_folder import LongestSpans

# Up to twice, a class mostly sounds as it was heard.
MOST_TIMES_LONGEST = 2.0


def long_spans(sounds: Sequence[Sound], streams: Streams, sample_rate: int, heard: LongestSpans) -> list[str]:
    """Return a line for each class that is asked for at more than twice the longest span of training.

    Args:
        sounds: with conditions.
        streams: of the run.
        sample_rate: in Hz.
        heard: the longest spans of training; what it does not have is not told.
    """
    lines = []
    tracks = {sound.stem: sound.columns.track for sound in sounds if sound.columns is not None}
    for stream in classes_streams(streams):
        asked = {stem: longest_seconds(stream, [track], sample_rate) for stem, track in tracks.items()}
        for name, longest in heard.get(stream.name, {}).items():
            over = {stem: of.get(name, 0.0) for stem, of in asked.items()}
            over = {stem: seconds for stem, seconds in over.items() if seconds > MOST_TIMES_LONGEST * longest > 0}
            if not over:
                continue
            stem = max(over, key=over.__getitem__)
            others = f" (and {len(over) - 1:,} more sounds)" if len(over) > 1 else ""
            lines.append(
                f'{stem}.wav{others}: asks for {over[stem]:.2f} s of "{name}" at a stretch,'
                f" {over[stem] / longest:.1f} times the longest in training ({longest:.2f} s), and may break up into"
                " noise; ask for shorter spans, or train on longer ones"
            )
    return lines
