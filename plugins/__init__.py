"""The tiers this project ships, registered through the same entry points as anybody's."""
