"""From a checkpoint, through the compiled loop, to wav files."""
