"""A judge of takes that learns from the training sounds of a spec."""

from collections.abc import Callable

from keras_samplernn.conditions.streams import stream_named, streams_of
from keras_samplernn.data.quantization import Quantizer
from keras_samplernn.listening.heard import HeardJudge
from keras_samplernn.listening.judging import learn_listener
from keras_samplernn.spec import Spec
from keras_samplernn.training.corpora import prepare_named


def learn_judge(spec: Spec, name: str, say: Callable[[str], None]) -> HeardJudge:
    """Return a judge of takes that has learned a stream of classes from the training sounds of a spec.

    Args:
        spec: of a run.
        name: of the stream.
        say: called with a line for each thing in the sounds that was assumed or left out.

    Raises:
        UserError: the sounds cannot be read, have fewer than two classes, or scikit-learn is not installed.
    """
    quantizer, stream = Quantizer.of(spec.audio), stream_named(streams_of(spec), name, "stream")
    train = prepare_named(spec, "train", say)
    return HeardJudge(learn_listener(train, quantizer, stream, spec.audio.sample_rate), quantizer)
