"""Readers of csv, label tracks, TextGrids, MIDI and arrays: each returns a track that is exact to the sample."""
