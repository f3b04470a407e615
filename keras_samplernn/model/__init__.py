"""From windows to logits and bits: the tier contract, the registry of tiers, and the model that stacks them."""
