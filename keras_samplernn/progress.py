"""Messages while a command works, and its progress with the time left."""

import contextlib
import sys
import time

PLAIN_SECONDS = 10.0


def say(line: str) -> None:
    """Print a message on stderr; ignore an error there, since the work goes on if the terminal is closed."""
    with contextlib.suppress(OSError):
        print(line, file=sys.stderr, flush=True)


class Progress:
    """Shows the progress of a long job on stderr: a bar in a terminal, plain lines elsewhere, as in a notebook.

    Args:
        label: the name of the job.
        total: amount of work in all; may be changed later.
        done: amount done before this job started.
        shown: whether anything is shown.
    """

    def __init__(self, label: str, total: int, done: int = 0, shown: bool = True):
        self.label = label
        self.total = total
        self.done = done
        self.shown = shown
        self._counted_from: tuple[float, int] | None = None
        self._told = time.monotonic()
        self._bar = None

    def __enter__(self) -> "Progress":
        if self.shown and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn
            from rich.progress import Progress as Bar

            columns = TextColumn("{task.description}"), BarColumn(bar_width=24), TextColumn("{task.fields[text]}")
            self._bar = Bar(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task(self.label, total=self.total, completed=self.done, text="")
            self._bar.start()
        return self

    def __exit__(self, *_) -> None:
        if self._bar:
            with contextlib.suppress(OSError):
                self._bar.stop()

    def update(self, done: int, text: str = "") -> None:
        """Set the amount done; `text` is shown beside it, for example speed or loss."""
        self.done = done
        speed = self.speed(done)
        left = f"{format_duration(max(self.total - done, 0) / speed)} left" if speed else ""
        text = "  ".join(part for part in (text, left) if part)
        if self._bar:
            with contextlib.suppress(OSError):
                self._bar.update(self._task, completed=done, total=self.total, text=text)
        elif self.shown and time.monotonic() - self._told >= PLAIN_SECONDS:
            self._told = time.monotonic()
            percent = 100 * done // max(self.total, 1)
            self.say(f"{self.label}  {percent}%  {text}".rstrip())

    def speed(self, done: int) -> float:
        """Return the amount done per second; 0 as long as it is not known.

        It is counted from the first call, so that starting and compiling do not count.
        """
        if self._counted_from is None:
            self._counted_from = time.monotonic(), done
        began, before = self._counted_from
        seconds = time.monotonic() - began
        return (done - before) / seconds if seconds else 0.0

    def say(self, line: str) -> None:
        """Print a line above the bar, or as it is without one."""
        if self._bar:
            with contextlib.suppress(OSError):
                self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            say(line)


def format_duration(seconds: float) -> str:
    """Write a duration as `4:05` or `1:02:09`."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
