"""All findings, in the order in which they are printed."""

from collections.abc import Iterator

from keras_samplernn.doctor.finding import Finding
from keras_samplernn.doctor.graphics import look_at_graphics
from keras_samplernn.doctor.libraries import look_at_libraries
from keras_samplernn.doctor.probing import run_probe
from keras_samplernn.doctor.surroundings import look_at_folders, look_at_locale, look_at_machine
from keras_samplernn.nvidia import asking_driver


def examine() -> Iterator[Finding]:
    """Yield what was found of libraries, machine and folders."""
    with asking_driver() as answer:
        probed = run_probe()
        gpus = answer()
    yield from look_at_libraries(probed)
    yield from look_at_machine()
    yield from look_at_graphics(gpus, probed)
    yield from look_at_folders()
    yield look_at_locale()
