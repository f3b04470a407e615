"""SIGINT and SIGTERM as a wish: the step is finished and a checkpoint written before the program ends."""

import signal
from types import FrameType


class StopWish:
    """Notes the first signal that arrives within the context; the second one acts at once.

    Attributes:
        signal_number: the signal that arrived; None while there is none.
    """

    _SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self):
        self.signal_number: int | None = None

    def __enter__(self) -> "StopWish":
        self._before = {number: signal.signal(number, self._note) for number in self._SIGNALS}
        return self

    def __exit__(self, *_) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.signal_number = number
        for each in self._SIGNALS:
            signal.signal(each, signal.SIG_DFL)


class Interrupted(Exception):
    """Training stopped because a signal asked it to; its checkpoint is written.

    Args:
        signal_number: the signal.
        step: training steps that are done and kept.
    """

    def __init__(self, signal_number: int, step: int):
        super().__init__(f"stopped by signal {signal_number} after step {step}")
        self.signal_number = signal_number
        self.step = step
