"""The choice of clips: windows of sounds in which, together, every class is heard."""

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from keras_samplernn.conditions.columns import Columns
from keras_samplernn.conditions.streams import NONE, ClassesStream
from keras_samplernn.conditions.track import Spans, settled

# So that the choice takes a second or so, however large the corpus.
MOST_WINDOWS = 10_000
MOST_NEEDED = 100


class _Entry(Protocol):
    samples: int
    columns: Columns | None


class Window(NamedTuple):
    """A stretch of a sound: `samples` from sample `first` on of the sound of this number."""

    sound: int
    first: int
    samples: int


class Choice(NamedTuple):
    """The windows that were chosen.

    Attributes:
        windows: as many as were asked for, or all that there are.
        unheard: names of the classes of the first stream that occur and are heard in none of them.
        needed: how many windows hear all of these classes; None: more than `MOST_NEEDED`, or than there are.
    """

    windows: list[Window]
    unheard: list[str]
    needed: int | None


class _Candidate(NamedTuple):
    window: Window
    heard: int  # a bit for each class of each stream


def choose_windows(
    sounds: Sequence[_Entry], streams: Sequence[ClassesStream], count: int, longest: int, enough: int
) -> Choice:
    """Choose windows, most of which begin with a span; each is the one with most classes that the ones before it lack.

    When every class is heard, the choice begins anew among the windows that share no sample with those chosen. Between
    windows that are as good, one of a sound not chosen yet comes first, then the longest, then the first.

    Args:
        sounds: have samples and conditions.
        streams: of classes; those of the first stream come first. None: the windows are spread over the sounds.
        count: number of windows; there are fewer if the sounds have no more.
        longest: most samples of a window.
        enough: a class is heard in a span of so many samples, or in one as long as its longest.
    """
    spans = [_Spans(sounds, stream) for stream in streams]
    candidates = list(_candidates(sounds, spans, longest, enough))
    if not candidates:
        return Choice(_spread([sound.samples for sound in sounds], count, longest), [], 0)
    first = (1 << len(streams[0].classes)) - 1
    chosen: list[Window] = []
    free, used = [True] * len(candidates), set()
    heard, anew = 0, False
    occurring = sum(1 << each for each in np.flatnonzero(spans[0].longest_of_class).tolist())
    # The classes of the first stream that each number of windows leaves out.
    lacking = [occurring]

    def worth(number: int) -> tuple:
        window, classes = candidates[number]
        new = classes & ~heard
        fresh = window.sound not in used
        of_first = (new & first).bit_count()
        return of_first, new.bit_count(), free[number], fresh, window.samples, -window.sound, -window.first

    while len(chosen) < count or (lacking[-1] and len(chosen) < MOST_NEEDED):
        best = max((number for number in range(len(candidates)) if free[number] or not anew), key=worth, default=None)
        if best is None or not candidates[best].heard & ~heard:
            if not heard:
                break
            heard, anew = 0, True
            continue
        window, classes = candidates[best]
        chosen.append(window)
        used.add(window.sound)
        heard |= classes
        lacking.append(lacking[-1] & ~classes)
        for number, (other, _) in enumerate(candidates):
            free[number] &= not _overlap(window, other)
    left = lacking[min(count, len(chosen))]
    unheard = [name for number, name in enumerate(streams[0].classes) if left >> number & 1]
    return Choice(chosen[:count], unheard, None if lacking[-1] else lacking.index(0))


class _Spans:
    """The spans of one stream in all sounds.

    Attributes:
        longest_of_class: `(classes,)` samples of the longest span of each class.
    """

    def __init__(self, sounds: Sequence[_Entry], stream: ClassesStream):
        self.stream = stream
        self._of_sound = [settled(sound.columns.track.spans[stream.name], sound.samples) for sound in sounds]
        self._samples = [sound.samples for sound in sounds]
        self.longest_of_class = np.zeros(len(stream.classes), np.int64)
        for number, (_, values, _) in enumerate(self._of_sound):
            known = values != NONE
            np.maximum.at(self.longest_of_class, values[known], self.lengths(number)[known])

    def __getitem__(self, number: int) -> Spans:
        return self._of_sound[number]

    def lengths(self, number: int) -> np.ndarray:
        """Return the samples of each span of a sound."""
        return np.diff(self._of_sound[number].starts, append=self._samples[number])

    def beginnings(self, longest: int, most: int) -> Iterator[tuple[int, int]]:
        """Yield sound and sample of the beginnings of spans, and of places within them that are `longest` apart.

        If a class has more than `most` of them, so many are taken, spread over the sounds.
        """
        sounds, firsts, classes = [], [], []
        for number, (starts, values, _) in enumerate(self._of_sound):
            times = np.maximum((self.lengths(number) + longest // 2) // longest, 1)
            within = np.arange(times.sum()) - np.repeat(np.cumsum(times) - times, times)
            sounds.append(np.full(len(within), number))
            firsts.append(np.repeat(starts, times) + longest * within)
            classes.append(np.repeat(values, times))
        sounds, firsts, classes = map(np.concatenate, (sounds, firsts, classes))
        order = np.argsort(classes, kind="stable")
        edges = np.searchsorted(classes[order], np.arange(len(self.stream.classes) + 1))
        for begin, end in itertools.pairwise(edges):
            places = np.unique(np.linspace(begin, end - 1, min(end - begin, most)).round().astype(np.int64))
            taken = order[places]
            yield from zip(sounds[taken].tolist(), firsts[taken].tolist(), strict=True)

    def heard(self, window: Window, enough: int) -> int:
        """Return the classes that are heard in a window, a bit for each."""
        starts, values, _ = self[window.sound]
        stop = window.first + window.samples
        begin = int(np.searchsorted(starts, window.first, side="right")) - 1
        end = int(np.searchsorted(starts, stop))
        edges = np.append(starts[begin:end], starts[end] if end < len(starts) else self._samples[window.sound])
        lengths = np.diff(np.clip(edges, window.first, stop))
        values = values[begin:end]
        known = values != NONE
        values, lengths = values[known], lengths[known]
        long_enough = lengths >= np.minimum(enough, self.longest_of_class[values])
        return sum(1 << each for each in {*values[long_enough].tolist()})


def _candidates(sounds: Sequence[_Entry], spans: Sequence[_Spans], longest: int, enough: int) -> Iterator[_Candidate]:
    """Yield each window in which a class is heard, at most about `MOST_WINDOWS` of them."""
    classes = sum(len(each.stream.classes) for each in spans)
    places = {place for each in spans for place in each.beginnings(longest, max(MOST_WINDOWS // classes, 1))}
    windows = {_window_from(sound, first, sounds[sound].samples, longest) for sound, first in places}
    for window in sorted(windows):
        heard = shift = 0
        for each in spans:
            heard |= each.heard(window, min(enough, longest)) << shift
            shift += len(each.stream.classes)
        if heard:
            yield _Candidate(window, heard)


def _window_from(sound: int, first: int, samples: int, longest: int) -> Window:
    """Return the window from a sample on; where it would be less than half as long as it may, it begins earlier."""
    if samples - first < longest // 2:
        first = max(samples - longest, 0)
    return Window(sound, first, min(longest, samples - first))


def _overlap(window: Window, other: Window) -> bool:
    return (
        window.sound == other.sound
        and window.first < other.first + other.samples
        and other.first < window.first + window.samples
    )


def _spread(lengths: Sequence[int], count: int, longest: int) -> list[Window]:
    """Return windows that are spread over sounds, and over each sound: one of a sound is in its middle."""
    if len(lengths) >= count:
        taken = {(2 * number + 1) * len(lengths) // (2 * count): 1 for number in range(count)}
    else:
        taken = dict.fromkeys(range(len(lengths)), 1)
        rooms = [max(samples // longest, 1) for samples in lengths]
        left = count - len(lengths)
        while left and (open_ones := [number for number in taken if taken[number] < rooms[number]]):
            for number in open_ones[:left]:
                taken[number] += 1
            left -= len(open_ones[:left])
    windows = []
    for sound, number in taken.items():
        samples = min(longest, lengths[sound])
        gap = (lengths[sound] - number * samples) // (number + 1)
        windows += [Window(sound, gap + place * (samples + gap), samples) for place in range(number)]
    return windows
