"""The sounds in a bundle: what `generate` wrote, samples and nothing else, since other programs note where they ran."""

from pathlib import Path

from keras_samplernn.bundles.manifest import MOST_SOUND_BYTES, MOST_SOUNDS, SOUND
from keras_samplernn.data.wav_writer import wav_header
from keras_samplernn.errors import UserError
from keras_samplernn.files import open_file


def read_sounds(folder: Path, sample_rate: int) -> dict[str, bytes]:
    """Return the wavs in a folder as members of a bundle.

    Args:
        folder: those in folders below are left out.
        sample_rate: of the run, in Hz.

    Raises:
        UserError: one line for each that is not a sound that the run's `generate` may have written, or has a name that
            other systems do not take; or there is none, or too many.
    """
    paths = sorted(path for path in folder.glob("*.wav") if not path.name.startswith("."))
    if not 1 <= len(paths) <= MOST_SOUNDS:
        raise UserError(f"{folder}: holds {len(paths)} wavs; --sounds takes a folder with 1 to {MOST_SOUNDS}")
    sounds, problems = {}, []
    for path in paths:
        name = f"sounds/{path.name}"
        if not SOUND.fullmatch(name):
            problems.append(
                f"{path}: rename it to letters, digits, dots, dashes and underscores, which every system takes"
            )
            continue
        try:
            with open_file(path) as stream:
                sounds[name] = stream.read(MOST_SOUND_BYTES + 1)
        except OSError as error:
            problems.append(f"{path}: cannot be read ({error.strerror}); see to its permissions")
            continue
        if not is_plain(sounds[name], sample_rate):
            problems.append(
                f"{path}: is not a wav that `generate` wrote from this run: 16-bit PCM, mono, {sample_rate} Hz, at most"
                f" {MOST_SOUND_BYTES // 10**6} MB, and nothing else in the file; take it out of the folder"
            )
    if len({name.casefold() for name in sounds}) < len(sounds):
        problems.append(f"{folder}: two wavs differ in upper and lower case only; rename one")
    if problems:
        raise UserError(*problems)
    return sounds


def is_plain(content: bytes, sample_rate: int) -> bool:
    """Return whether a file is a WAV of 16-bit PCM, mono, of this rate, and not too large, with nothing else in it."""
    size = len(content) - len(wav_header(sample_rate, 0))
    fits = 0 <= size <= MOST_SOUND_BYTES - 100 and size % 2 == 0
    return fits and content.startswith(wav_header(sample_rate, size))
