"""Extension: how far the run is, while it goes on: a view on a terminal, elsewhere lines."""

from __future__ import annotations

import asyncio
import logging
import math
import sys
from typing import TYPE_CHECKING, cast

from scrapy import signals as scrapy_signals
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured
from scrapy.utils.asyncio import create_looping_call

from imagefetch.stats.recorder import Recorder
from imagefetch.stats.snapshot import Snapshot
from imagefetch.utils.formatting import duration
from imagefetch.utils.shutdown import is_stopping

if TYPE_CHECKING:
    from imagefetch.scheduling.scheduler import HostScheduler
    from imagefetch.stats.terminal import View

logger = logging.getLogger(__name__)

REDRAW = 0.5
"""Seconds between two pictures of the view."""

LONGEST = 600.0
"""Seconds: no two lines are further apart, but where PROGRESS_INTERVAL is."""

SMOOTH = 20.0
"""Seconds after which what was weighs a third (1/e) as much as what is."""


class Rate:
    """How much comes a second, smoothed."""

    def __init__(self) -> None:
        self.value = 0.0
        self._weight = 0.0
        self._last = (0.0, 0.0)

    def update(self, now: float, amount: float) -> float:
        """Take in that there is *amount* at *now* (seconds); both began at 0."""
        seconds, came = now - self._last[0], amount - self._last[1]
        if seconds > 0:
            fresh = 1 - math.exp(-seconds / SMOOTH)
            self._weight += (1 - self._weight) * fresh  # the first values have no forerunners
            self.value += (came / seconds - self.value) * fresh / self._weight
            self._last = now, amount
        return self.value


class Progress:
    """Settings: PROGRESS, PROGRESS_INTERVAL."""

    def __init__(self, crawler: Crawler) -> None:
        """:raises NotConfigured: if PROGRESS is off"""
        settings = crawler.settings
        if settings["PROGRESS"] == "off":
            raise NotConfigured  # with a text, Scrapy would warn of it
        self.crawler = crawler
        self.interval = settings.getfloat("PROGRESS_INTERVAL")
        self.rates = Rate(), Rate(), Rate()
        self.view = view_if_any()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Progress:
        progress = cls(crawler)
        crawler.signals.connect(progress.spider_opened, signal=scrapy_signals.spider_opened)
        return progress

    def spider_opened(self) -> None:
        self.crawler.signals.connect(self.spider_closed, signal=scrapy_signals.spider_closed)
        self.recorder = cast("Recorder", self.crawler.get_extension(Recorder))
        self._look = create_looping_call(self.look)
        self._look.start(REDRAW, now=False)
        self.lines = self.view is None or not log_is_on_terminal()
        if self.view is not None:
            self.view.start()
            self.look()
        if self.lines:
            self._line = asyncio.get_running_loop().call_later(self.interval, self.tell)

    def spider_closed(self) -> None:
        if self._look.running:
            self._look.stop()
        if self.view is not None:
            self.view.stop()
        if self.lines:
            self._line.cancel()

    def look(self) -> None:
        """Take in what has come, and show it."""
        figures, seconds = self.recorder.figures, self.recorder.seconds
        amounts = figures.done, figures.kept, figures.bytes
        for rate, amount in zip(self.rates, amounts, strict=True):
            rate.update(seconds, amount)
        if self.view is not None:
            self.view.show(self.snapshot())

    def snapshot(self) -> Snapshot:
        figures, about = self.recorder.figures, self.recorder.about
        lines, images, size = (rate.value for rate in self.rates)
        scheduler = cast("HostScheduler", self.crawler.engine.scheduler)
        under_way = len(self.crawler.engine.downloader.active)
        return Snapshot(
            done=about.done_before + figures.done,
            total=about.total,
            estimated=about.estimated,
            kept=about.kept_before + figures.kept,
            failed=about.done_before - about.kept_before + figures.failed,
            under_way=under_way,
            retrying=scheduler.retrying,
            parked=scheduler.parked(),
            least_left=scheduler.least_left(),
            only_waits=not under_way and not len(scheduler) and scheduler.waiting > 0,
            lines_rate=lines,
            images_rate=images,
            bytes_rate=size,
            hosts=figures.hosts,
            ending=is_stopping(self.crawler),
        )

    def tell(self) -> None:
        """Log how far the run is; the next time after twice as long."""
        self.interval = max(self.interval, min(self.interval * 2, LONGEST))
        self._line = asyncio.get_running_loop().call_later(self.interval, self.tell)
        self.look()
        logger.info("%s", in_one_line(self.snapshot()))


def in_one_line(snapshot: Snapshot) -> str:
    """Return *snapshot* as a line of a log."""
    total = "?" if snapshot.total is None else f"{'~' * snapshot.estimated}{snapshot.total}"
    facts = [f"{snapshot.kept} kept", f"{snapshot.failed} not"]
    if snapshot.retrying is not None:
        facts.append(f"{snapshot.retrying} waiting to retry")
    rates = [f"{snapshot.lines_rate:.0f} lines/s"]
    if snapshot.bytes_rate is not None:
        rates.append(f"{snapshot.bytes_rate / 1e6:.1f} MB/s")
    if snapshot.left is not None:
        rates.append(f"{duration(snapshot.left)} left")
    if snapshot.waits:
        rates.append(snapshot.waits)
    if snapshot.workers is not None:
        rates.append(f"{snapshot.workers} workers")
    if snapshot.parked is not None:
        rates.append(str(snapshot.parked))
    return f"[{snapshot.done}/{total}] {', '.join(facts)}; {', '.join(rates)}"


def log_is_on_terminal() -> bool:
    """Whether the log is written where the view stands."""
    handlers = logging.root.handlers
    return any(isinstance(h, logging.StreamHandler) and h.stream.isatty() for h in handlers)


def view_if_any() -> View | None:
    """Return the view for the terminal that standard error is; None if it is none."""
    if not sys.stderr.isatty():
        return None  # and what draws a view isn't loaded
    from imagefetch.stats.terminal import terminal_view

    return terminal_view()
