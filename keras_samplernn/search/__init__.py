"""Search: one run for each combination of some fields' values, by successive halving."""
