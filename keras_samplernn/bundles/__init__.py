"""Runs passed on: a run directory into one zip file that names nothing of its maker's machine, and back."""
