"""Commands in processes of their own that have imported everything already: starting them takes no seconds.

As a program, the process that they are forked from: a line of JSON for each command in, a line of JSON for what has
begun and for what has ended out.
"""

import contextlib
import ctypes
import json
import os
import resource
import signal
import struct
import subprocess
import sys
from pathlib import Path

import faults


class Command:
    """A command that runs.

    Attributes:
        pid: of its process.
        messages: the file that its stdout and stderr go to.
    """

    def __init__(self, forks: "Forks", pid: int, messages: Path):
        self._forks, self.pid, self.messages = forks, pid, messages

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal, if it still runs."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def wait(self) -> tuple[int, int]:
        """Return the exit status, negative for a signal, and the most memory that it took, in kB."""
        return tuple(self._forks.receive())


class Forks:
    """Forks commands, one at a time."""

    def __enter__(self) -> "Forks":
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.receive()
        return self

    def __exit__(self, *_) -> None:
        self._process.stdin.close()
        self._process.wait()

    def start(
        self,
        command: str,
        folder: Path,
        messages: Path,
        most_bytes: int | None = None,
        fault: tuple[str, int] | None = None,
        privileged: bool = True,
    ) -> Command:
        """Start a command line, without the program's name.

        Args:
            folder: where it runs.
            messages: the file for its stdout and stderr.
            most_bytes: of any file that it writes.
            fault: one of `faults`, by name, and the number of the operation on the disk that it begins at.
            privileged: False where permissions are to hold for root as for anybody.
        """
        request = command.split(), str(folder), str(messages), most_bytes, fault, privileged
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return Command(self, self.receive(), messages)

    def receive(self):
        """Return what the process says next."""
        return json.loads(self._process.stdout.readline())


def _serve() -> None:
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    os.environ["KERAS_BACKEND"] = "tensorflow"
    # Under nohup the one would be ignored, and in a shell's background the other.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    import tensorflow  # noqa: F401

    import keras_samplernn.generation.files
    import keras_samplernn.training.fit
    import keras_samplernn.training.scoring  # noqa: F401
    from keras_samplernn.commands import main
    from keras_samplernn.model.registry import load_types

    load_types()
    say = os.fdopen(os.dup(1), "w")
    print(json.dumps("ready"), file=say, flush=True)
    for line in sys.stdin:
        arguments, folder, messages, most_bytes, fault, privileged = json.loads(line)
        pid = os.fork()
        if not pid:
            os.chdir(folder)
            stream = os.open(messages, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(stream, 1)
            os.dup2(stream, 2)
            if most_bytes is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))
            if not privileged:
                _give_up_privileges()
            sys.argv = ["keras-samplernn", *arguments]
            with getattr(faults, fault[0])(fault[1]) if fault else contextlib.nullcontext():
                main()
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(0)
        print(pid, file=say, flush=True)
        _, status, usage = os.wait4(pid, 0)
        print(json.dumps([os.waitstatus_to_exitcode(status), usage.ru_maxrss]), file=say, flush=True)


def _give_up_privileges() -> None:
    """Give up all capabilities of Linux (capabilities(7)) for the process, which is still of one thread."""
    header, none = struct.pack("Ii", 0x20080522, 0), bytes(24)
    if ctypes.CDLL(None).capset(header, none):
        raise OSError("capset failed")


if __name__ == "__main__":
    _serve()
