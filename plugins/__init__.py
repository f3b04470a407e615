"""The tiers and heads of this project; they are found by their entry points, like those of other packages."""
