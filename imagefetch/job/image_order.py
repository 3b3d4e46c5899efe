"""Numbers the images of a list whose lines are shuffled, or have several images each."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable

from imagefetch.line import Line, LineKey

NO_INDEX = 2**62
"""Index of an image that the list doesn't have; past the end of every array."""


class ImageOrder:
    """The index of each image among those of the list, ordered by line and part.

    Memory: 12 bytes per image.
    """

    def __init__(self, lines: Iterable[Line]) -> None:
        self._numbers = array("q")
        self._parts = array("I")  # 0: the line has one image
        is_sorted, last = True, (0, 0)
        for line in lines:
            key = line.number, line.part or 0
            is_sorted &= last <= key
            self._numbers.append(key[0])
            self._parts.append(key[1])
            last = key
        if not is_sorted:  # that is a shard, which is short
            keys = sorted(zip(self._numbers, self._parts, strict=True))
            self._numbers = array("q", (number for number, _ in keys))
            self._parts = array("I", (part for _, part in keys))

    def index(self, key: LineKey) -> int:
        """Return the index of the image *key*; `NO_INDEX` if the list doesn't have it."""
        number, part = key[0], key[1] or 0
        first = bisect_left(self._numbers, number)
        index = first + max(0, part - 1)  # if no part is missing
        if not self._is_at(index, number, part):
            end = bisect_right(self._numbers, number, first)
            index = bisect_left(self._parts, part, first, end)
        return index if self._is_at(index, number, part) else NO_INDEX

    def _is_at(self, index: int, number: int, part: int) -> bool:
        return (
            index < len(self._numbers)
            and self._numbers[index] == number
            and self._parts[index] == part
        )
