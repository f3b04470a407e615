"""Name, module and tier of the package; the entry point is all that keras_samplernn needs to find it."""

from setuptools import setup

setup(
    name="frame-conv-tier",
    version="0.1.0",
    description="A tier for keras_samplernn: a causal convolution over past frames",
    license="MIT",
    python_requires=">=3.11",
    py_modules=["frame_conv"],
    install_requires=["keras-samplernn"],
    entry_points={"keras_samplernn.tiers": ["frame_conv = frame_conv:FrameConv"]},
)
