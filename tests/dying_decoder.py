"""A decoding worker whose native decoder is killed by one file. Light to import: the worker starts in no time."""

import os
import sys
import time
from types import SimpleNamespace

from keras_samplernn.data.worker import _serve


def run_pipeline(infos, parallel_files):
    for info in infos:
        if info.path.name == "deadly.ogg":
            os.abort()
        while info.path.name == "endless.ogg":
            pass
        if info.path.name == "waiting.ogg":
            time.sleep(60)
        yield f"one of {len(infos)}"


def serve(connection):
    sys.modules["keras_samplernn.data.pipeline"] = SimpleNamespace(run_pipeline=run_pipeline)
    _serve(connection)


def serve_badly(connection):
    sys.modules["keras_samplernn.data.pipeline"] = None
    _serve(connection)
