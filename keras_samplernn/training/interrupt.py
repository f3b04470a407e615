"""SIGINT and SIGTERM as a wish: the step is finished and a checkpoint written before the program ends."""

import os
import signal
import threading


class StopWish:
    """Notes the first signal that arrives within the context; the second one ends the process at once.

    Python runs its handlers between two lines of its own, seconds late where a step takes seconds. So a thread of its
    own is told of signals, while the main one computes.

    Attributes:
        signal_number: the signal that arrived; None while there is none.
    """

    _SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self):
        self.signal_number: int | None = None

    def __enter__(self) -> "StopWish":
        self._told, self._tell = os.pipe()
        os.set_blocking(self._tell, False)
        self._fd_before = signal.set_wakeup_fd(self._tell, warn_on_full_buffer=False)
        # A handler there must be, or the signals' own effect takes place.
        self._before = {number: signal.signal(number, lambda *_: None) for number in self._SIGNALS}
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        signal.set_wakeup_fd(self._fd_before)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._tell)
        self._thread.join()
        os.close(self._told)

    def _watch(self) -> None:
        while byte := os.read(self._told, 1):
            number = byte[0]
            if number not in self._SIGNALS:
                continue
            if self.signal_number is not None:
                # As after a power cut: what is half-written has no name yet.
                os._exit(128 + number)
            self.signal_number = number


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
