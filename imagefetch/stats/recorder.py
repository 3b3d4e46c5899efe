"""Extension that collects the statistics of a run for the other extensions."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from scrapy import signals as scrapy_signals
from scrapy.crawler import Crawler
from scrapy.utils.asyncio import create_looping_call

from imagefetch import signals
from imagefetch.context import context_of
from imagefetch.images.repeats import Repeats
from imagefetch.items import ImageRecord
from imagefetch.lists.count import count_lines, estimate_lines
from imagefetch.stats.kind_log import KindLog
from imagefetch.stats.run_info import RunInfo
from imagefetch.stats.run_stats import PHASES, Figures, add_record
from imagefetch.stats.sketches import Reservoir
from imagefetch.utils.processes.threads import in_daemon_thread

if TYPE_CHECKING:
    from imagefetch.download.tracing import Timing
    from imagefetch.job.run import Job

TICK = 1.0
"""Seconds between two points of the time series."""

BUSY = 0.9
"""Share of one CPU from which the CPU is the bottleneck: the program uses one CPU."""


class Recorder:
    """Adds up rows, timings and, every `TICK`, the scheduler's state.

    Settings: CONTACT_SHEET, PLACEHOLDER_REPEATS, CONCURRENT_REQUESTS."""

    def __init__(self, crawler: Crawler) -> None:
        settings = crawler.settings
        self.crawler = crawler
        self.context = context_of(crawler)
        self.figures = Figures(sample=Reservoir(settings.getint("CONTACT_SHEET")))
        self.repeats = Repeats(settings.getint("PLACEHOLDER_REPEATS"))
        self.limit = settings.getint("CONCURRENT_REQUESTS")
        self.run_info = RunInfo()
        self.in_flight = 0
        self.kind_log: KindLog | None = None
        self._closed = False

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Recorder:
        recorder = cls(crawler)
        connect = crawler.signals.connect
        connect(recorder.spider_opened, signal=scrapy_signals.spider_opened)
        connect(recorder.row_written, signal=signals.row_written)
        connect(recorder.download_timed, signal=signals.download_timed)
        return recorder

    @property
    def seconds(self) -> float:
        """Duration of the run so far."""
        return (self._end if self._closed else time.monotonic()) - self._begin

    @property
    def how_far(self) -> str:
        """The progress as text: ``5 of 10 lines done``."""
        return self.run_info.how_far(self.figures.done)

    def spider_opened(self) -> None:
        self.crawler.signals.connect(self.spider_closed, signal=scrapy_signals.spider_closed)
        self._begin = self._last = time.monotonic()
        self._cpu = time.process_time()
        self._totals = self.figures.kept, self.figures.bytes
        job = self.context.job
        if job.run.kinds is not None:
            self.kind_log = KindLog(job.run.kinds)
        self.run_info = RunInfo.of(self.crawler.settings, job)
        if self.run_info.total is None:
            self.run_info.total, self.run_info.estimated = estimate_lines(job.list)
            if self.run_info.estimated:
                self._counting = asyncio.ensure_future(self._count(job))
        self._call = create_looping_call(self.tick)
        self._call.start(TICK, now=False)

    def spider_closed(self, reason: str) -> None:
        self.tick()
        self._end, self._closed = time.monotonic(), True
        self.run_info.finish(reason)
        if self.kind_log is not None:
            self.kind_log.close()
        if self._call.running:
            self._call.stop()

    async def _count(self, job: Job) -> None:
        """Count the lines of the list in a thread: ten million lines take seconds."""
        total, urls = None, None
        while total is None and urls != job.list:  # it may be moved as the run begins
            urls = job.list
            total = await in_daemon_thread(count_lines, urls, lambda: self._closed)
        if total is not None:
            self.run_info.total, self.run_info.estimated = total, False

    def row_written(self, record: ImageRecord) -> None:
        add_record(record, self.figures, self.repeats)
        if self.kind_log is not None:
            self.kind_log.add(record)

    def download_timed(self, timing: Timing) -> None:
        phases = self.figures.phases
        for index, name in enumerate(PHASES):
            phases[index] += getattr(timing, name)
        phases[-1] += 1

    def tick(self) -> None:
        """Add what happened since the last tick to the time series."""
        now, cpu = time.monotonic(), time.process_time()
        seconds, used = now - self._last, cpu - self._cpu
        self._last, self._cpu = now, cpu
        figures, scheduler = self.figures, self.context.scheduler
        totals = figures.kept, figures.bytes
        added = [new - old for new, old in zip(totals, self._totals, strict=True)]
        self._totals = totals
        self.in_flight = len(self.crawler.engine.downloader.active)
        queued, waiting = len(scheduler), scheduler.metrics.waiting
        figures.series.add(seconds, *added, self.in_flight * seconds, waiting * seconds)
        bottleneck = self._bottleneck(used / max(seconds, 1e-9), queued, waiting)
        figures.bottlenecks[bottleneck] += round(seconds * 1000)

    def _bottleneck(self, cpu: float, queued: int, waiting: int) -> str:
        """Return what limits the speed of the run now: a key of `Figures.bottlenecks`."""
        if cpu >= BUSY:
            return "processor"
        if self.in_flight >= self.limit:
            return "requests"
        if queued:
            return "hosts"
        return "waiting" if waiting else "list"


def recorder_of(crawler: Crawler) -> Recorder:
    """Return the recorder of *crawler*'s run, once its extensions are built."""
    recorder = crawler.get_extension(Recorder)
    assert recorder is not None  # `imagefetch.config.needed_components` checks it
    return recorder
