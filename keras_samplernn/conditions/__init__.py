"""What is asked for, sample by sample: streams, the tracks that files say of them, and columns for the model."""
