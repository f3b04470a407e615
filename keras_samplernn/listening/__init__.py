"""A listener that learns the classes from real sounds, and judges what a model makes of them."""
