"""What a run needs to go on, in folders that appear whole or not at all."""
