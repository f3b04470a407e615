"""What `check` says of a spec beyond its problems: figures, and a verdict on them."""
