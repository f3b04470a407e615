"""The laws of the contracts of tiers and heads, for the tests of whoever writes one."""

from keras_samplernn.testing.check import check_head, check_tier

__all__ = ["check_head", "check_tier"]
