"""From losses to checkpoints and TensorBoard."""
