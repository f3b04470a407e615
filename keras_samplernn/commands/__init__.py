"""The command line: a file for each command, and the program that runs them.

What is imported here and at the top of these files is light, so that `--help` answers at once; a command imports Keras
and NumPy when it is called.
"""

from keras_samplernn.commands.program import cli, main

__all__ = ["cli", "main"]
