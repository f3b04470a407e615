"""The tiers of this project, registered through entry points like those of any other package."""
