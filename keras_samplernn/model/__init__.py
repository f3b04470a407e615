"""From batches to logits: the tier contract, the registry and the model that assembles tiers."""
