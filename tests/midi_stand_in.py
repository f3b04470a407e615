"""A backend of mido with one port, for machines without MIDI: it plays the notes c4 and e4 as soon as it is heard."""

import threading
import time

import mido
from mido.ports import BaseInput

PORT = "stand-in piano"


def get_devices(**_):
    return [{"name": PORT, "is_input": True, "is_output": False}]


class Input(BaseInput):
    def _open(self, callback=None, **_):
        threading.Thread(target=self._play, args=(callback,), daemon=True).start()

    def _play(self, callback):
        for note in (60, 64):
            time.sleep(0.7)
            callback(mido.Message("note_on", note=note, velocity=80, channel=5))
