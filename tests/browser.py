"""A headless Chromium, driven through a pipe: no driver, no port, nothing but the browser itself."""

import base64
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time

# Chromium reads commands from descriptor 3 and answers on 4, each message ended by a NUL.
LAUNCH = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); os.execv(sys.argv[3], sys.argv[3:])"
)
FLAGS = [
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
    # So tall that pages which load what is in sight load everything.
    "--window-size=1400,4000",
]


def find_chromium():
    """Return the path of a Chromium or Chrome, or None."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class Browser:
    """One page of a headless Chromium; a context manager, which always ends the browser.

    Args:
        program: path of the browser.
        profile: an empty folder.

    Attributes:
        events: what the browser has told of the page, of the domains that were enabled.
    """

    def __init__(self, program, profile):
        command_end, self._commands = os.pipe()
        self._answers, answer_end = os.pipe()
        self._received, self._number, self._session = b"", 0, None
        self.events = []
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-c", LAUNCH, str(command_end), str(answer_end)),
                *(program, f"--user-data-dir={profile}", *FLAGS, "about:blank"),
            ],
            pass_fds=(command_end, answer_end),
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(command_end)
        os.close(answer_end)

    def __enter__(self):
        try:
            target = self.ask("Target.createTarget", url="about:blank")["targetId"]
            self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        os.killpg(self._process.pid, signal.SIGKILL)  # the browser's helpers too
        self._process.wait(30)
        os.close(self._commands)
        os.close(self._answers)

    def ask(self, method, timeout=60, **parameters):
        """Send a command of the DevTools protocol; return its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + timeout
        while True:
            answer = self._next_message(deadline)
            if answer.get("id") == self._number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]
            if "method" in answer:
                self.events.append(answer)

    def open(self, url):
        """Go to a page, loaded anew even where only its fragment is another."""
        self.ask("Page.navigate", url="about:blank")
        self.ask("Page.navigate", url=url)

    def evaluate(self, expression):
        """Return the value of a JavaScript expression in the page."""
        answer = self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_for(self, expression, timeout=60):
        """Return the first value of a JavaScript expression that is true of the page."""
        deadline = time.monotonic() + timeout
        while not (value := self.evaluate(expression)):
            assert time.monotonic() < deadline, f"after {timeout} s the page still lacks: {expression}"
            time.sleep(0.25)
        return value

    def screenshot(self, rectangle=None):
        """Return a PNG of the page, or of a rectangle of it."""
        clip = {} if rectangle is None else {"clip": rectangle}
        return base64.b64decode(self.ask("Page.captureScreenshot", format="png", **clip)["data"])

    def _next_message(self, deadline):
        while b"\0" not in self._received:
            ready, _, _ = select.select([self._answers], [], [], max(0, deadline - time.monotonic()))
            assert ready, "the browser does not answer"
            piece = os.read(self._answers, 1 << 16)
            assert piece, "the browser has ended"
            self._received += piece
        message, self._received = self._received.split(b"\0", 1)
        return json.loads(message)
