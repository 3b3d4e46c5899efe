"""Extension that shows the progress of a run: a live view on a terminal, else log lines."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from scrapy import signals as scrapy_signals
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured
from scrapy.settings import BaseSettings
from scrapy.utils.asyncio import create_looping_call

from imagefetch.context import context_of
from imagefetch.stats.rate import Rate
from imagefetch.stats.recorder import recorder_of
from imagefetch.stats.snapshot import Snapshot
from imagefetch.utils.formatting import duration
from imagefetch.utils.processes.shutdown import is_stopping

if TYPE_CHECKING:
    from imagefetch.stats.live_view import View

logger = logging.getLogger(__name__)

REDRAW = 0.5
"""Seconds between two updates of the live view."""

LONGEST = 600.0
"""Most seconds between two log lines, unless PROGRESS_INTERVAL is longer."""


class Display:
    """Shows snapshots: in the live view, and in log lines at growing intervals.

    Settings: PROGRESS, PROGRESS_INTERVAL.
    """

    def __init__(self, settings: BaseSettings) -> None:
        self.interval = settings.getfloat("PROGRESS_INTERVAL")
        """Seconds until the next log line."""
        self.logs_lines = False
        """Whether log lines are written."""
        self._is_on = settings["PROGRESS"] != "off"
        self._view = view_if_any() if self._is_on else None

    def start(self) -> None:
        self.logs_lines = self._is_on and (self._view is None or not log_is_on_terminal())
        if self._view is not None:
            self._view.start()

    def show(self, snapshot: Callable[[], Snapshot]) -> None:
        """Update the live view, if there is one, with what *snapshot* returns."""
        if self._view is not None:
            self._view.show(snapshot())

    def log(self, snapshot: Snapshot) -> None:
        """Write a log line, and double the interval."""
        self.interval = max(self.interval, min(self.interval * 2, LONGEST))
        logger.info("%s", in_one_line(snapshot))

    def stop(self) -> None:
        """Remove the live view and restore the terminal."""
        if self._view is not None:
            self._view.stop()
            self._view = None


class Progress:
    """Updates the live view, or writes log lines. Settings: PROGRESS, PROGRESS_INTERVAL."""

    def __init__(self, crawler: Crawler) -> None:
        """:raises NotConfigured: if PROGRESS is off"""
        settings = crawler.settings
        if settings["PROGRESS"] == "off":
            raise NotConfigured  # with a message, Scrapy would log a warning
        self.crawler = crawler
        self.display = Display(settings)
        self.long_wait = settings.getfloat("PROGRESS_INTERVAL")
        self.rates = Rate(), Rate(), Rate()
        self._waits_since = -1  # lines done when it was told that the others wait for hosts

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Progress:
        progress = cls(crawler)
        crawler.signals.connect(progress.spider_opened, signal=scrapy_signals.spider_opened)
        return progress

    def spider_opened(self) -> None:
        self.crawler.signals.connect(self.spider_closed, signal=scrapy_signals.spider_closed)
        self.context = context_of(self.crawler)
        self.recorder = recorder_of(self.crawler)
        self._updating = create_looping_call(self._update)
        self._updating.start(REDRAW, now=False)
        self.display.start()
        self._update()
        if self.display.logs_lines:
            self._schedule_line()

    def spider_closed(self) -> None:
        if self._updating.running:
            self._updating.stop()
        self.display.stop()
        if self.display.logs_lines:
            self._next_line.cancel()

    def _update(self) -> None:
        """Update the rates and the live view."""
        figures, seconds = self.recorder.figures, self.recorder.seconds
        amounts = figures.done, figures.kept, figures.bytes
        for rate, amount in zip(self.rates, amounts, strict=True):
            rate.update(seconds, amount)
        self.display.show(self._snapshot)
        if self._waits_since != figures.done and self._only_waits():
            self._tell_what_is_waited_for()

    def _only_waits(self) -> bool:
        """Return whether lines wait, no request is in flight and none may be sent."""
        scheduler = self.context.scheduler
        is_busy = self.crawler.engine.downloader.active or len(scheduler)
        return not is_busy and scheduler.metrics.waiting > 0

    def _tell_what_is_waited_for(self) -> None:
        """Log once, until a further line is done, if all remaining lines wait for hosts, for a
        long time."""
        metrics = self.context.scheduler.metrics
        for lines in filter(None, (metrics.blocked(), metrics.paused())):
            if metrics.retrying == 0 and lines.next_try >= self.long_wait:
                self._waits_since = self.recorder.figures.done
                logger.info("nothing else is left: %s%s", lines, lines.patience)

    def _snapshot(self) -> Snapshot:
        figures, info = self.recorder.figures, self.recorder.run_info
        lines, images, size = (rate.value for rate in self.rates)
        metrics = self.context.scheduler.metrics
        in_flight = len(self.crawler.engine.downloader.active)
        return Snapshot(
            done=info.done_before + figures.done,
            total=info.total,
            estimated=info.estimated,
            kept=info.kept_before + figures.kept,
            failed=info.done_before - info.kept_before + figures.failed,
            in_flight=in_flight,
            retrying=metrics.retrying,
            blocked=metrics.blocked(),
            paused=metrics.paused(),
            least_left=metrics.least_left(),
            only_waits=self._only_waits(),
            lines_rate=lines,
            images_rate=images,
            bytes_rate=size,
            hosts=figures.hosts,
            ending=is_stopping(self.crawler),
        )

    def _schedule_line(self) -> None:
        loop = asyncio.get_running_loop()
        self._next_line = loop.call_later(self.display.interval, self._log_line)

    def _log_line(self) -> None:
        self._update()
        self.display.log(self._snapshot())
        self._schedule_line()


def in_one_line(snapshot: Snapshot) -> str:
    """Return *snapshot* as one log line."""
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
    rates += map(str, filter(None, (snapshot.blocked, snapshot.paused)))
    return f"[{snapshot.done}/{total}] {', '.join(facts)}; {', '.join(rates)}"


def log_is_on_terminal() -> bool:
    """Whether a log handler writes to a terminal."""
    handlers = logging.root.handlers
    return any(isinstance(h, logging.StreamHandler) and h.stream.isatty() for h in handlers)


def view_if_any() -> View | None:
    """Return the live view if standard error is a terminal, else None."""
    if not sys.stderr.isatty():
        return None  # rich is not imported
    from imagefetch.stats.live_view import terminal_view

    return terminal_view()
