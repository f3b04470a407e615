"""A run's model as a SavedModel: what programs play that have TensorFlow, but neither this package nor Keras."""
