"""Runs side by side, as a table and as a picture, without TensorFlow and Keras."""
