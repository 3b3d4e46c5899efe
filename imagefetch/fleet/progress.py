"""Shows the progress of all workers together, in the form of a single run's progress."""

from __future__ import annotations

import time
from collections.abc import Mapping

from scrapy.settings import BaseSettings

from imagefetch.fleet.worker.task import Progress
from imagefetch.stats.progress import Display
from imagefetch.stats.rate import Rate
from imagefetch.stats.snapshot import Snapshot


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
        self._display = Display(settings)
        self._due = self._begin + self._display.interval
        self._display.start()
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
        self._display.show(lambda: snapshot)
        if self._display.logs_lines and now >= self._due:
            self._display.log(snapshot)
            self._due = now + self._display.interval

    def close(self) -> None:
        """Remove the view and restore the terminal."""
        self._display.stop()
