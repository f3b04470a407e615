"""From wav/csv pairs to batches of windows."""
