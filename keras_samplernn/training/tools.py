"""What `generate` takes from training: a listener that learns a run's sounds, and a run's raw weights."""

from keras_samplernn.generation.files import Tools
from keras_samplernn.training.judge import learn_judge
from keras_samplernn.training.raw_weights import check_raw_weights, load_raw_weights

TOOLS = Tools(learn_judge, check_raw_weights, load_raw_weights)
