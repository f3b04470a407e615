"""From batches to trained weights, figures, checkpoints and sounds to listen to."""
