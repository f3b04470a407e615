SUFFIXES = (".csv", ".txt", ".textgrid", ".mid", ".midi", ".npy")
from keras_samplernn.conditions.track import Track, runs


def read_track(path, streams, sample_rate, samples=None, said=""):
    from keras_samplernn.data.conditioning import read_conditions

    (stream,) = streams
    classes = stream.classes if stream.named else len(stream.classes)
    values = read_conditions(path, classes, samples, sample_rate, said)
    return Track(len(values), {stream.name: runs(values)})
