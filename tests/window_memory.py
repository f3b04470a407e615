"""As a program: the most memory that it has taken after steps on a short window, on a long one in chunks, and whole.

python tests/window_memory.py [DIM]
"""

import json
import re
import sys
from pathlib import Path

import numpy as np

SHORT, LONG = 1024, 65536


def peak_after_steps(seq_len, remat_samples, dim):
    """Take two steps on one lane; return the most bytes, on Linux, that this process has ever taken."""
    import keras
    import tensorflow as tf

    from keras_samplernn.model.assembly import assemble
    from keras_samplernn.plugins.frame_rnn import FrameRNN
    from keras_samplernn.plugins.sample_mlp import SampleMLP
    from keras_samplernn.plugins.softmax import Softmax
    from keras_samplernn.spec import Types, parse_spec
    from keras_samplernn.training.trainer import Trainer

    document = {
        "preset": "paper",
        "data": {"train": "train"},
        "tier_defaults": {"dim": dim},
        "tiers": [
            *({"type": "frame_rnn", "frame_size": frame_size} for frame_size in (256, 16, 4)),
            {"type": "sample_mlp", "emb_size": 64, "window": None},
        ],
        "training": {"seq_len": seq_len, "remat_samples": remat_samples, "batch_size": 1},
    }
    types = Types({"frame_rnn": FrameRNN, "sample_mlp": SampleMLP}, {"softmax": Softmax})
    spec = parse_spec(json.dumps(document), "spec", types, ".")
    keras.utils.set_random_seed(0)
    trainer = Trainer(spec, assemble(spec), None)
    codes = np.random.default_rng(0).integers(0, 256, (1, trainer.model.lookback + seq_len))
    batch = {"codes": codes, "reset": np.ones(1), "valid": np.array([seq_len])}
    for _ in range(2):
        trainer.step({name: tf.constant(array, "int32") for name, array in batch.items()}).read()
    # Not `ru_maxrss`: that of a new process begins with what its parent had taken.
    (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return 1024 * int(peak)


if __name__ == "__main__":
    dim = int(sys.argv[1]) if len(sys.argv) > 1 else 64
    print(json.dumps([peak_after_steps(SHORT, 512, dim), *(peak_after_steps(LONG, n, dim) for n in (SHORT, None))]))
