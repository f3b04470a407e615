"""SIGINT, SIGTERM and SIGHUP stop a training: it finishes the step, writes a checkpoint and ends."""

import os
import signal
import threading


def not_ignored(*numbers: signal.Signals) -> list[signal.Signals]:
    """Return the signals that this process does not ignore; under `nohup`, for example, it ignores SIGHUP."""
    return [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]


class StopRequest:
    """Notes the first signal that arrives within the context; the second one ends the process at once.

    Python runs signal handlers between two of its instructions: if a step takes seconds, they come seconds late. So a
    second thread waits for signals while the main one computes. Only the main thread of a program can take signals:
    in another one, nothing is noted and they keep their effect.

    Attributes:
        signal_number: the first signal; None as long as none has arrived.
    """

    def __init__(self):
        self.signal_number: int | None = None

    def __enter__(self) -> "StopRequest":
        self._listens = threading.current_thread() is threading.main_thread()
        if not self._listens:
            return self
        self._told, self._tell = os.pipe()
        os.set_blocking(self._tell, False)
        self._fd_before = signal.set_wakeup_fd(self._tell, warn_on_full_buffer=False)
        # Without a handler, the signal would end the process.
        numbers = not_ignored(signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        self._before = {number: signal.signal(number, lambda *_: None) for number in numbers}
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        if not self._listens:
            return
        signal.set_wakeup_fd(self._fd_before)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._tell)
        self._thread.join()
        os.close(self._told)

    def _watch(self) -> None:
        while byte := os.read(self._told, 1):
            number = byte[0]
            if number not in self._before:
                continue
            if self.signal_number is None:
                self.signal_number = number
            # A terminal that is closed may send SIGHUP twice, itself and through its shell.
            elif number != signal.SIGHUP:
                # As in a power cut: unfinished files have hidden names only.
                os._exit(128 + number)


class Interrupted(Exception):
    """A signal stopped the training; a checkpoint is written.

    Args:
        signal_number: the signal.
        step: training steps that are in the checkpoint.
    """

    def __init__(self, signal_number: int, step: int):
        super().__init__(f"stopped by signal {signal_number} after step {step}")
        self.signal_number = signal_number
        self.step = step
