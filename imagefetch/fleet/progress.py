"""Shows the progress of all workers together, in the form of a single run's progress."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping

from scrapy.settings import BaseSettings

from imagefetch.fleet.worker.task import Progress
from imagefetch.stats.progress import LONGEST, Rate, in_one_line, log_is_on_terminal, view_if_any
from imagefetch.stats.snapshot import Snapshot

logger = logging.getLogger(__name__)


class FleetView:
    """Progress of all shards, done and in progress.

    *lines* is the number of lines of the list, *before* the number of those that are done and in
    no shard, *outcomes* the outcomes of the shards that are done. Settings: PROGRESS,
    PROGRESS_INTERVAL.
    """

    def __init__(
        self, lines: int, before: int, outcomes: Mapping[int, Progress], settings: BaseSettings
    ) -> None:
        self.lines = lines
        self.before = before
        self._shards = {
            shard: (outcome.get("done", 0), outcome.get("kept", 0))
            for shard, outcome in outcomes.items()
        }
        self._rates = Rate(), Rate()
        self._begin = time.monotonic()
        self._begun_with = self.done, self.kept
        self._interval = settings.getfloat("PROGRESS_INTERVAL")
        self._due = self._begin + self._interval
        self._is_off = settings["PROGRESS"] == "off"
        self._view = None if self._is_off else view_if_any()
        self._writes_lines = not self._is_off and (self._view is None or not log_is_on_terminal())
        if self._view is not None:
            self._view.start()
            self.show(None)

    @property
    def done(self) -> int:
        """Number of lines that have a row."""
        return self.before + sum(done for done, _ in self._shards.copy().values())

    @property
    def kept(self) -> int:
        """Number of rows that name a file, of those in shards."""
        return sum(kept for _, kept in self._shards.copy().values())

    def update(self, progress: Progress) -> None:
        """Update the progress of a shard."""
        self._shards[progress["shard"]] = progress["done"], progress["kept"]

    def show(self, workers: int | None, *, ending: bool = False) -> None:
        """Draw the view, and log a progress line if one is due."""
        now, done, kept = time.monotonic(), self.done, self.kept
        for rate, amount, before in zip(self._rates, (done, kept), self._begun_with, strict=True):
            rate.update(now - self._begin, amount - before)
        snapshot = Snapshot(
            done=done,
            total=self.lines,
            kept=kept,
            failed=done - self.before - kept,
            workers=workers,
            lines_rate=self._rates[0].value,
            images_rate=self._rates[1].value,
            bytes_rate=None,
            ending=ending,
        )
        if self._view is not None:
            self._view.show(snapshot)
        if self._writes_lines and now >= self._due:
            self._interval = max(self._interval, min(self._interval * 2, LONGEST))
            self._due = now + self._interval
            logger.info("%s", in_one_line(snapshot))

    def close(self) -> None:
        """Remove the view and restore the terminal."""
        if self._view is not None:
            self._view.stop()
            self._view = None
