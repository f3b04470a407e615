"""Takes as sounds to generate: what was played live is made again."""

from collections.abc import Callable, Sequence
from pathlib import Path

from keras_samplernn.errors import UserError
from keras_samplernn.generation.entry import primer_digest
from keras_samplernn.generation.primer import read_primer
from keras_samplernn.generation.scores import Scored
from keras_samplernn.generation.sound import Primers, Sound
from keras_samplernn.generation.take import Take
from keras_samplernn.spec import Spec


def sounds_of_takes(spec: Spec, scored: Sequence[Scored], say: Callable[[str], None]) -> list[Sound]:
    """Return the sounds of takes, with the recordings that they go on from.

    Args:
        spec: of the run.
        scored: of takes.
        say: called with each message.

    Raises:
        UserError: one line: a take was played at another rate, or a recording is not what it was.
    """
    sounds = []
    for stem, samples, columns, file, take in scored:
        if take.sample_rate != spec.audio.sample_rate:
            raise UserError(
                f"{stem}: was played at {take.sample_rate} Hz, and the run has {spec.audio.sample_rate} Hz; give the"
                " run that it was played on"
            )
        say(f"{stem}: is made as it was played, with seed {take.seed}")
        primers = _primers_of(spec, stem, take, say)
        sounds.append(Sound(stem, stem, samples, take.temperature, columns, file, take, primers))
    return sounds


def _primers_of(spec: Spec, stem: str, take: Take, say: Callable[[str], None]) -> Primers:
    primers = {}
    for deed in (done.deed for done in take.deeds if done.deed.do == "prime"):
        if deed.sha256 not in primers:
            primer = read_primer(spec, Path(deed.value), say)
            if primer_digest(primer) != deed.sha256:
                raise UserError(
                    f"{deed.value}: is not the recording that {stem} went on from when it was played; put that back"
                )
            primers[deed.sha256] = primer
    return primers
