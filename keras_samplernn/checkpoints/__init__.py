"""What a run needs to continue, in folders that appear whole or not at all."""
