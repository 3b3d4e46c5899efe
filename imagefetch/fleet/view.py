"""How far the fleet is: a line in the log at growing intervals.

`View` knows the figures; what shows them may be another.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping

from imagefetch.fleet.attempt import Progress

logger = logging.getLogger(__name__)

GROWTH = 1.2  # each interval by the one before
INTERVAL_MAX = 300.0  # seconds


class View:
    """Figures of all shards, those that are done and those under way.

    *lines* of the list, *before* of them done before any shard; *outcomes* of shards
    that are done already; *interval* until the first line, in seconds.
    """

    def __init__(
        self, lines: int, before: int, outcomes: Mapping[int, Progress], interval: float
    ) -> None:
        self.lines = lines
        self.before = before
        self._shards = {
            shard: (outcome["done"], outcome["kept"]) for shard, outcome in outcomes.items()
        }
        self._interval = interval
        self._due = time.monotonic() + interval
        self._last = time.monotonic(), self.done

    @property
    def done(self) -> int:
        """Lines that have their rows."""
        return self.before + sum(done for done, _ in self._shards.copy().values())

    @property
    def kept(self) -> int:
        """Rows that name a file, those before any shard left out."""
        return sum(kept for _, kept in self._shards.copy().values())

    def tell(self, progress: Progress) -> None:
        """Take in how far a shard is."""
        self._shards[progress["shard"]] = progress["done"], progress["kept"]

    def show(self, workers: int, *, now: bool = False) -> None:
        """Write a line if one is due."""
        time_now = time.monotonic()
        if not now and time_now < self._due:
            return
        self._interval = min(self._interval * GROWTH, INTERVAL_MAX)
        self._due = time_now + self._interval
        done, (last, done_then) = self.done, self._last
        self._last = time_now, done
        logger.info(
            "[%d/%d] %d kept, %d not; %.0f lines/s; %d workers",
            done,
            self.lines,
            self.kept,
            done - self.before - self.kept,
            (done - done_then) / max(time_now - last, 1e-9),
            workers,
        )
