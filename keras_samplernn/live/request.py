"""The options of the command `live`."""

import dataclasses
from pathlib import Path

from keras_samplernn.errors import UserError
from keras_samplernn.generation.take import take_beside
from keras_samplernn.live.outputs import is_wav


@dataclasses.dataclass(frozen=True)
class LiveRequest:
    """The options of the command `live`.

    Attributes:
        out: "-" for raw PCM on stdout, the path of a wav, or the name of a sound device.
        osc: HOST:PORT or PORT that OSC is listened at; None: at none.
        midi: name of a MIDI port, or None.
        block: length of a block in samples of the model; rounded up to whole top frames.
        ahead: number of blocks that are generated ahead of what is played.
        rate: of the output in Hz; None: the model's.
        seconds: it ends after these; None: when it is told to.
        seed: of the uniforms, at the start.
        temperature: at the start.
        fade: length of the cross-fade from class to class, in milliseconds.
        voices: number of voices.
        channels: whether each voice is a channel of its own; else they are mixed.
        record: path of the csv that gets what was played, or None.
        checkpoint: "best", "heard" or "newest".
        raw_weights: whether the weights are taken as training left them, not their average.
        precision: "float32" or "int8".
    """

    out: str = "-"
    osc: str | None = None
    midi: str | None = None
    block: int = 128
    ahead: int = 2
    rate: int | None = None
    seconds: float | None = None
    seed: int = 0
    temperature: float = 1.0
    fade: float = 0.0
    voices: int = 1
    channels: bool = False
    record: Path | None = None
    checkpoint: str = "best"
    raw_weights: bool = False
    precision: str = "float32"

    def takes(self) -> list[Path]:
        """Return the path of the take of each voice; none if nothing is recorded."""
        if self.record is None:
            return []
        if self.voices == 1:
            return [self.record]
        record = self.record
        return [record.with_name(f"{record.stem}_{number}{record.suffix}") for number in range(1, self.voices + 1)]

    def check(self) -> None:
        """Raise UserError, a line for each problem, if options do not go together or a take would replace a file."""
        problems = []
        if self.precision == "int8" and self.voices > 1:
            problems.append(f"--voices {self.voices}: --precision int8 plays one voice; leave one of the two out")
        if self.record is not None and self.record.suffix.lower() != ".csv":
            problems.append(f"--record {self.record}: is not the name of a csv; give one that ends in .csv")
        if is_wav(self.out) and Path(self.out).exists():
            problems.append(f"--out {self.out}: exists; give another name")
        for take in self.takes():
            problems += [
                f"{path}: exists; give --record another name" for path in (take, take_beside(take)) if path.exists()
            ]
        if problems:
            raise UserError(*problems)
