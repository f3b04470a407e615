"""One page to listen to a run: its checkpoints, temperatures and classes side by side, and stars for the best."""
