"""Training and scoring on several devices and hosts, with TensorFlow's `tf.distribute`."""
