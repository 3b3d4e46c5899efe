"""Extension: keeps the run's figures, which others show."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from scrapy import Spider
from scrapy import signals as scrapy_signals
from scrapy.crawler import Crawler
from scrapy.utils.asyncio import create_looping_call

from imagefetch import signals
from imagefetch.images.repeats import Repeats
from imagefetch.items import ImageRecord
from imagefetch.lists.count import count_lines, estimate_lines
from imagefetch.stats.run_info import About
from imagefetch.stats.run_stats import PHASES, Figures, add_record
from imagefetch.stats.sketches import Reservoir
from imagefetch.utils.threads import in_daemon_thread

if TYPE_CHECKING:
    from imagefetch.download.tracing import Timing
    from imagefetch.scheduling.scheduler import HostScheduler
    from imagefetch.spiders.images import ImagesSpider

TICK = 1.0
"""Seconds between two points in time."""

BUSY = 0.9
"""Of one processor, from which it is what holds the run back: all runs on one."""


class WrittenPage(Protocol):
    """A page of the run that another extension writes."""

    path: Path | None
    """None if it can't be written."""
    closed: asyncio.Event
    """Set once it is written for the last time."""


class Recorder:
    """Settings: CONTACT_SHEET, PLACEHOLDER_REPEATS, CONCURRENT_REQUESTS."""

    def __init__(self, crawler: Crawler) -> None:
        settings = crawler.settings
        self.crawler = crawler
        self.figures = Figures(sample=Reservoir(settings.getint("CONTACT_SHEET")))
        self.repeats = Repeats(settings.getint("PLACEHOLDER_REPEATS"))
        self.limit = settings.getint("CONCURRENT_REQUESTS")
        self.about = About()
        self.page: WrittenPage | None = None
        """The page for whose last version the summary waits."""
        self.under_way = self.retrying = 0
        self._closed = False

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Recorder:
        made = cls(crawler)
        connect = crawler.signals.connect
        connect(made.spider_opened, signal=scrapy_signals.spider_opened)
        connect(made.row_written, signal=signals.row_written)
        connect(made.download_timed, signal=signals.download_timed)
        return made

    @property
    def seconds(self) -> float:
        """Since the run began."""
        return (self._end if self._closed else time.monotonic()) - self._begin

    @property
    def how_far(self) -> str:
        """So many of so many lines done."""
        return self.about.how_far(self.figures.done)

    def spider_opened(self, spider: Spider) -> None:
        self.crawler.signals.connect(self.spider_closed, signal=scrapy_signals.spider_closed)
        self._begin = self._last = time.monotonic()
        self._cpu = time.process_time()
        self._shown = self.figures.kept, self.figures.bytes
        job = cast("ImagesSpider", spider).job
        self.about = About.of(self.crawler.settings, job)
        if self.about.total is None:
            self.about.total, self.about.estimated = estimate_lines(job.run.urls)
            if self.about.estimated:
                self._counting = asyncio.ensure_future(self._count(job.run.urls))
        self._call = create_looping_call(self.tick)
        self._call.start(TICK, now=False)

    def spider_closed(self, spider: Spider, reason: str) -> None:
        self.tick()
        self._end, self._closed = time.monotonic(), True
        self.about.finish(reason)
        if self._call.running:
            self._call.stop()

    async def _count(self, urls: Path) -> None:
        """Count the list in a thread: ten million lines take seconds."""
        total = await in_daemon_thread(count_lines, urls, lambda: self._closed)
        if total is not None:
            self.about.total, self.about.estimated = total, False

    def row_written(self, record: ImageRecord) -> None:
        add_record(record, self.figures, self.repeats)

    def download_timed(self, timing: Timing) -> None:
        phases = self.figures.phases
        for place, name in enumerate(PHASES):
            phases[place] += getattr(timing, name)
        phases[-1] += 1

    def tick(self) -> None:
        """Take in what has come since the last time."""
        now, cpu = time.monotonic(), time.process_time()
        seconds, used = now - self._last, cpu - self._cpu
        self._last, self._cpu = now, cpu
        figures, engine = self.figures, self.crawler.engine
        shown = figures.kept, figures.bytes
        came = [new - old for new, old in zip(shown, self._shown, strict=True)]
        self._shown = shown
        queued = waiting = 0
        if engine is not None and engine.scheduler is not None:
            scheduler = cast("HostScheduler", engine.scheduler)
            self.under_way, self.retrying = len(engine.downloader.active), scheduler.retrying
            queued, waiting = len(scheduler), scheduler.waiting
        figures.series.add(seconds, *came, self.under_way * seconds, waiting * seconds)
        held = self._held(used / max(seconds, 1e-9), queued, waiting)
        figures.held[held] += round(seconds * 1000)

    def _held(self, cpu: float, queued: int, waiting: int) -> str:
        """Say what keeps the run from being faster just now."""
        if cpu >= BUSY:
            return "processor"
        if self.under_way >= self.limit:
            return "requests"
        if queued:
            return "hosts"
        return "waiting" if waiting else "list"
