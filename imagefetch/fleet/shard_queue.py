"""Which shard is fetched next: those of one big host take turns."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable

from imagefetch.fleet.split import Big


class Turns:
    """The shards that are still to be done, each given out once until it is put back."""

    def __init__(self, shards: int, big: Iterable[Big], done: Collection[int]) -> None:
        self._lane_of: dict[int, int] = {}
        self._lanes: list[deque[int]] = []
        self._free: list[int] = []
        """Of each lane, how many of its shards may be given out now."""
        for some in big:
            numbers = range(some.first, some.first + some.parts)
            self._lane_of.update(dict.fromkeys(numbers, len(self._lanes)))
            self._lanes.append(deque(n for n in numbers if n not in done))
            self._free.append(some.lanes)
        self._others = deque(n for n in range(shards) if n not in self._lane_of and n not in done)
        self.left = len(self._others) + sum(map(len, self._lanes))
        """Shards that are not done."""

    def next(self) -> int | None:
        """Return a shard that may be fetched now; None if there is none.

        The shards of big hosts come first, since they take longest.
        """
        for lane, waiting in enumerate(self._lanes):
            if waiting and self._free[lane]:
                self._free[lane] -= 1
                return waiting.popleft()
        return self._others.popleft() if self._others else None

    def ended(self, shard: int, *, done: bool) -> None:
        """Take *shard* back; if it isn't done, it is given out again."""
        lane = self._lane_of.get(shard)
        if lane is not None:
            self._free[lane] += 1
        if done:
            self.left -= 1
        else:
            (self._others if lane is None else self._lanes[lane]).appendleft(shard)
