"""The spec: one JSON file that says what is trained on what, validated whole before anything else happens."""

from keras_samplernn.spec.conditioning import CLASS_NUMBER
from keras_samplernn.spec.constructors import check_constructor, constructor_model
from keras_samplernn.spec.early import refuse_early
from keras_samplernn.spec.fields import DATA_PATHS, MOST_LEVELS, Audio, QType, Spec
from keras_samplernn.spec.loading import OF_WEIGHTS, differences, load_spec, parse_spec, read_spec_text
from keras_samplernn.spec.reference import spec_reference
from keras_samplernn.spec.schema import spec_schema
from keras_samplernn.spec.types import Types

__all__ = [
    "CLASS_NUMBER",
    "DATA_PATHS",
    "MOST_LEVELS",
    "OF_WEIGHTS",
    "Audio",
    "QType",
    "Spec",
    "Types",
    "check_constructor",
    "constructor_model",
    "differences",
    "load_spec",
    "parse_spec",
    "read_spec_text",
    "refuse_early",
    "spec_reference",
    "spec_schema",
]
