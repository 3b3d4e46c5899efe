"""Statistics of data streams in bounded memory, serializable as JSON."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterator
from operator import itemgetter
from typing import Any

from imagefetch.utils.bounded.approximate_counts import without_rarest


class Histogram:
    """A histogram with logarithmic bins: *steps* bins for each doubling of the value."""

    def __init__(self, steps: int = 1) -> None:
        self.steps = steps
        self.bins: Counter[int] = Counter()
        """Count by number of the bin; see `edge`."""

    def add(self, value: int) -> None:
        """Count *value*; values below 1 count as 1."""
        self.bins[(max(value, 1) ** self.steps).bit_length() - 1] += 1

    def edge(self, number: int) -> float:
        """Return the lower bound of bin *number*."""
        return float(2 ** (number / self.steps))

    def to_json(self) -> Any:
        return [self.steps, sorted(self.bins.items())]

    @classmethod
    def from_json(cls, data: Any) -> Histogram:
        histogram = cls(data[0])
        histogram.bins.update(dict(data[1]))
        return histogram


class Series:
    """A time series of sums; at the limit, neighbouring points are merged.

    A long run has as many points as a short one, each covering a longer interval. Every
    value is a sum; divided by the point's seconds it gives a mean.
    """

    def __init__(self, width: int, limit: int = 240, step: float = 1.0) -> None:
        """*width*: values per point; *limit*: most points; *step*: initial seconds per point."""
        self.width, self.limit, self.step = width, limit, step
        self.points: list[list[float]] = []
        """Each point is its seconds, then its values."""

    def add(self, seconds: float, *values: float) -> None:
        """Add the *values* of the last *seconds*."""
        tolerance = seconds / 2  # ticks are never exactly *step* apart
        if len(self.points) >= self.limit and self.points[-1][0] >= self.step - tolerance:
            self._halve()
        if not self.points or self.points[-1][0] >= self.step - tolerance:
            self.points.append([0.0] * (self.width + 1))
        point = self.points[-1]
        for index, value in enumerate((seconds, *values)):
            point[index] += value

    def _halve(self) -> None:
        pairs = zip(self.points[::2], [*self.points[1::2], [0.0] * (self.width + 1)], strict=False)
        self.points = [[a + b for a, b in zip(*pair, strict=True)] for pair in pairs]
        self.step *= 2

    def to_json(self) -> Any:
        points = [[round(value, 3) for value in point] for point in self.points]
        return [self.width, self.limit, self.step, points]

    @classmethod
    def from_json(cls, data: Any) -> Series:
        series = cls(*data[:3])
        series.points = data[3]
        return series


class Reservoir:
    """A uniform random sample of a stream.

    Li, "Reservoir-Sampling Algorithms of Time Complexity O(n(1+log(N/n)))", 1994:
    an item that is not drawn costs one comparison.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.seen = 0
        self.sample: list[Any] = []
        self._weight = 1.0
        self._next = size or -1

    def wants(self) -> bool:
        """Count one item; return whether it is drawn. If so, call `put` with it."""
        self.seen += 1
        return self.seen <= self.size or self.seen - 1 == self._next

    def put(self, item: Any) -> None:
        """Store the *item* that was drawn."""
        if len(self.sample) < self.size:
            self.sample.append(item)
            if len(self.sample) == self.size:
                self._skip(self.size - 1)
        elif self.size:
            self.sample[random.randrange(self.size)] = item
            self._skip(self._next)

    def _skip(self, index: int) -> None:
        """Choose the next item to draw after that at *index*."""
        self._weight *= math.exp(math.log(1 - random.random()) / self.size)
        gap = math.log(1 - random.random()) / math.log1p(-min(self._weight, 1 - 1e-12))
        self._next = index + int(min(gap, 1e15)) + 1

    def to_json(self) -> Any:
        return [self.size, self.seen, self.sample]

    @classmethod
    def from_json(cls, data: Any) -> Reservoir:
        reservoir = cls(data[0])
        reservoir.seen, reservoir.sample = data[1], data[2]
        return reservoir


class FrequentKeys:
    """Sums for the most frequent keys of a stream.

    At the limit, the rarest keys are dropped (`imagefetch.utils.bounded.approximate_counts`);
    counts are lower bounds from then on.
    """

    def __init__(self, keys: int, width: int) -> None:
        """*keys*: most keys; *width*: sums per key, the first of which is its frequency."""
        self.keys, self.width = keys, width
        self.sums: dict[str, list[float]] = {}
        self.forgot = False
        """Whether a key was dropped."""

    def of(self, key: str) -> list[float]:
        """Return the mutable sums of *key*."""
        sums = self.sums.get(key)
        if sums is None:
            if len(self.sums) >= self.keys:
                self.forgot = True
                self.sums = without_rarest(self.sums, itemgetter(0))
            sums = self.sums[key] = [0] * self.width
        return sums

    def top(self, number: int, index: int = 0) -> Iterator[tuple[str, list[float]]]:
        """Yield the keys with the largest sums at *index*, if above 0, and all their sums."""
        order = sorted(self.sums.items(), key=lambda pair: (-pair[1][index], pair[0]))
        return (pair for pair in order[:number] if pair[1][index] > 0)

    def to_json(self) -> Any:
        return [self.keys, self.width, self.forgot, self.sums]

    @classmethod
    def from_json(cls, data: Any) -> FrequentKeys:
        tally = cls(*data[:2])
        tally.forgot, tally.sums = data[2:]
        return tally
