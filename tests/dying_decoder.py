"""Decoding processes with faults. Nothing heavy is imported, so that they start at once."""

import functools
import os
import signal
import struct
import sys
import time
from types import SimpleNamespace

import numpy as np

from keras_samplernn.data import inspection
from keras_samplernn.data.worker import _serve


def decode_all(connection, infos, parallel_files):
    for info in infos:
        match info.path.stem:
            case "deadly":
                os.abort()
            case "endless":
                while True:
                    pass
            case "waiting":
                time.sleep(60)
            case "torn":
                # A message of 1,000 bytes, as `multiprocessing` sends it, of which four arrive.
                os.write(connection.fileno(), struct.pack("!i", 1000) + b"part")
                os.kill(os.getpid(), signal.SIGKILL)
        yield SimpleNamespace(wave=np.zeros((0, 1), np.float32), fault=f"one of {len(infos)}")


def serve(connection):
    inspection.has_tensorflow_io = lambda: False
    faulty = functools.partial(decode_all, connection)
    sys.modules["keras_samplernn.data.native"] = SimpleNamespace(decode_all=faulty)
    _serve(connection)


def serve_badly(connection):
    sys.modules["keras_samplernn.data.native"] = None
    _serve(connection)


def serve_never(connection):
    os._exit(3)
