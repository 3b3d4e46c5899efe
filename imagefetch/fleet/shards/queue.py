"""Selects the next shard, within the number of lanes of each divided host."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable

from imagefetch.fleet.shards.plan import DividedGroup


class ShardQueue:
    """Queue of the shards that are not done. A shard returned by `next` is not returned again
    until `ended` puts it back."""

    def __init__(self, shards: int, big: Iterable[DividedGroup], done: Collection[int]) -> None:
        self._host_of: dict[int, int] = {}
        """Index of the divided host of a shard."""
        self._waiting: list[deque[int]] = []
        """By index of the divided host, its waiting shards."""
        self._free: list[int] = []
        """By index of the divided host, how many more of its shards may be fetched at once."""
        for host in big:
            numbers = range(host.first, host.first + host.parts)
            self._host_of.update(dict.fromkeys(numbers, len(self._waiting)))
            self._waiting.append(deque(n for n in numbers if n not in done))
            self._free.append(host.lanes)
        self._others = deque(n for n in range(shards) if n not in self._host_of and n not in done)
        self.left = len(self._others) + sum(map(len, self._waiting))
        """Number of shards that are not done."""

    def next(self) -> int | None:
        """Return a shard that may be fetched now; None if there is none.

        The shards of divided hosts come first, since those hosts take longest.
        """
        for host, waiting in enumerate(self._waiting):
            if waiting and self._free[host]:
                self._free[host] -= 1
                return waiting.popleft()
        return self._others.popleft() if self._others else None

    def ended(self, shard: int, *, done: bool) -> None:
        """Record that *shard* has ended; if it isn't *done*, put it back into the queue."""
        host = self._host_of.get(shard)
        if host is not None:
            self._free[host] += 1
        if done:
            self.left -= 1
        else:
            (self._others if host is None else self._waiting[host]).appendleft(shard)
