"""SampleRNN on Keras 3: audio generated sample by sample by tiers of recurrent networks at different rates.

The journey of a sound: `data` turns wav/csv pairs into batches, `model` turns batches into logits, `training` turns
losses into checkpoints, `generation` turns a checkpoint and condition files into sound.
"""

__version__ = "0.1.0"
