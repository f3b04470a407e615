"""The demo: strings by physical modelling, scores for them, and the corpus that both make."""
