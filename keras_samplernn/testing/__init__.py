"""The laws of the tier contract, for the tests of whoever writes a tier."""

from keras_samplernn.testing.check import check_tier

__all__ = ["check_tier"]
