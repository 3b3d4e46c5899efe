"""What is kept of numbers that come without end: bounded, and plain enough for JSON."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any


class Histogram:
    """Counts by size: *steps* bins to each doubling, so that there are few whatever comes."""

    def __init__(self, steps: int = 1) -> None:
        self.steps = steps
        self.bins: Counter[int] = Counter()
        """By number; see `edge`."""

    def add(self, value: int) -> None:
        """Count *value*; what is less than 1 counts as 1."""
        self.bins[(max(value, 1) ** self.steps).bit_length() - 1] += 1

    def edge(self, number: int) -> float:
        """Return the least value of bin *number*."""
        return float(2 ** (number / self.steps))

    def to_json(self) -> Any:
        return [self.steps, sorted(self.bins.items())]

    @classmethod
    def from_json(cls, data: Any) -> Histogram:
        made = cls(data[0])
        made.bins.update(dict(data[1]))
        return made


class Series:
    """Sums over stretches of time; where there are too many, neighbours become one.

    So the points of a long run are as many as those of a short one, each for a
    longer time. Every value is a sum: an average level is one over its seconds.
    """

    def __init__(self, width: int, limit: int = 240, step: float = 1.0) -> None:
        """*width*: values of a point; *limit*: most points; *step*: seconds of one at first."""
        self.width, self.limit, self.step = width, limit, step
        self.points: list[list[float]] = []
        """Each its seconds, then its values."""

    def add(self, seconds: float, *values: float) -> None:
        """Add what came within the last *seconds*."""
        early = seconds / 2  # clocks are never exact
        if len(self.points) >= self.limit and self.points[-1][0] >= self.step - early:
            self._halve()
        if not self.points or self.points[-1][0] >= self.step - early:
            self.points.append([0.0] * (self.width + 1))
        point = self.points[-1]
        for place, value in enumerate((seconds, *values)):
            point[place] += value

    def _halve(self) -> None:
        pairs = zip(self.points[::2], [*self.points[1::2], [0.0] * (self.width + 1)], strict=False)
        self.points = [[a + b for a, b in zip(*pair, strict=True)] for pair in pairs]
        self.step *= 2

    def to_json(self) -> Any:
        points = [[round(value, 3) for value in point] for point in self.points]
        return [self.width, self.limit, self.step, points]

    @classmethod
    def from_json(cls, data: Any) -> Series:
        made = cls(*data[:3])
        made.points = data[3]
        return made


class Reservoir:
    """A sample in which everything that came stands with the same probability.

    Li, "Reservoir-Sampling Algorithms of Time Complexity O(n(1+log(N/n)))", 1994:
    what is not drawn costs a comparison.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.seen = 0
        self.sample: list[Any] = []
        self._weight = 1.0
        self._next = size or -1

    def wants(self) -> bool:
        """Count one more; say whether it is drawn, and `put` is to be called with it."""
        self.seen += 1
        return self.seen <= self.size or self.seen - 1 == self._next

    def put(self, thing: Any) -> None:
        """Take in what was drawn."""
        if len(self.sample) < self.size:
            self.sample.append(thing)
            if len(self.sample) == self.size:
                self._skip(self.size - 1)
        elif self.size:
            self.sample[random.randrange(self.size)] = thing
            self._skip(self._next)

    def _skip(self, place: int) -> None:
        self._weight *= math.exp(math.log(1 - random.random()) / self.size)
        gap = math.log(1 - random.random()) / math.log1p(-min(self._weight, 1 - 1e-12))
        self._next = place + int(min(gap, 1e15)) + 1

    def to_json(self) -> Any:
        return [self.size, self.seen, self.sample]

    @classmethod
    def from_json(cls, data: Any) -> Reservoir:
        made = cls(data[0])
        made.seen, made.sample = data[1], data[2]
        return made


class Tally:
    """Sums by key, of the most frequent keys: Manku and Motwani, "Approximate Frequency
    Counts over Data Streams", 2002.

    Where room is short the rarest are forgotten, so that counts are lower bounds.
    """

    def __init__(self, keys: int, width: int) -> None:
        """*keys*: most of them; *width*: sums for each, the first being how often it came."""
        self.keys, self.width = keys, width
        self.sums: dict[str, list[float]] = {}
        self.forgot = False
        """Whether any key was forgotten."""

    def of(self, key: str) -> list[float]:
        """Return the sums of *key*, to be added to."""
        sums = self.sums.get(key)
        if sums is None:
            if len(self.sums) >= self.keys:
                self._forget()
            sums = self.sums[key] = [0] * self.width
        return sums

    def _forget(self) -> None:
        self.forgot = True
        floor = sorted(sums[0] for sums in self.sums.values())[len(self.sums) // 2]
        self.sums = {key: sums for key, sums in self.sums.items() if sums[0] > floor}

    def top(self, number: int, place: int = 0) -> Iterator[tuple[str, list[float]]]:
        """Yield the keys whose sums at *place* are the most, if more than 0, and these sums."""
        order = sorted(self.sums.items(), key=lambda pair: (-pair[1][place], pair[0]))
        return (pair for pair in order[:number] if pair[1][place] > 0)

    def to_json(self) -> Any:
        return [self.keys, self.width, self.forgot, self.sums]

    @classmethod
    def from_json(cls, data: Any) -> Tally:
        made = cls(*data[:2])
        made.forgot, made.sums = data[2:]
        return made
