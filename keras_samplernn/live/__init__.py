"""The model as an instrument: what performers say, in; blocks of sound, out."""
