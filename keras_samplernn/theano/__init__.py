"""Checkpoints of the original SampleRNN program, which ran on Theano, into runs; nothing in them is ever executed."""
