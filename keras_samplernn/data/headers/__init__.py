"""Readers of audio headers, which check a header against the size of its file before a native decoder reads it."""
