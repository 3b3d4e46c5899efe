"""Extension that writes the HTML report of a run, next to its CSV report."""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import suppress

from scrapy import signals as scrapy_signals
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured

from imagefetch.context import SideFile, context_of
from imagefetch.html_report.writer import PageError, writer_of
from imagefetch.stats.recorder import recorder_of
from imagefetch.utils.processes.threads import in_daemon_thread

logger = logging.getLogger(__name__)

FIRST = 15.0
"""Seconds until the first write, unless HTML_REPORT_INTERVAL is shorter. A page with its
thumbnails costs a tenth of a second of CPU: less than a hundredth of the time before it."""

BUDGET = (0.2, 0.03, 5.0)
"""Time for thumbnails in each write: least seconds, share of the run's duration, most seconds.
The last bounds how long the end of a run waits for them."""


class HtmlReport:
    """Writes the page at intervals and at the end of the run.

    Settings: HTML_REPORT, HTML_REPORT_INTERVAL, MAX_IMAGE_PIXELS.
    """

    def __init__(self, crawler: Crawler) -> None:
        """:raises NotConfigured: if HTML_REPORT is off"""
        settings = crawler.settings
        if not settings.getbool("HTML_REPORT"):
            raise NotConfigured  # with a message, Scrapy would log a warning
        self.crawler = crawler
        self.interval = settings.getfloat("HTML_REPORT_INTERVAL")
        self.file = SideFile("page")
        self._ended = asyncio.Event()
        self._written = self._failed = False

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> HtmlReport:
        extension = cls(crawler)
        crawler.signals.connect(extension.spider_opened, signal=scrapy_signals.spider_opened)
        return extension

    def spider_opened(self) -> None:
        self.crawler.signals.connect(self.spider_closed, signal=scrapy_signals.spider_closed)
        context = context_of(self.crawler)
        run, self.recorder = context.job.run, recorder_of(self.crawler)
        self.writer = writer_of(self.crawler.settings, run.report, run.store)
        context.side_files.append(self.file)
        self._writing = asyncio.ensure_future(self._keep_writing())

    async def spider_closed(self) -> None:
        self._ended.set()
        try:
            await self._writing
            await self.write()
            if self.file.path is None and self._written:
                await in_daemon_thread(self.writer.withdraw)
        finally:
            self.file.closed.set()  # first: the summary waits for it even after an error
            self.writer.close()

    async def _keep_writing(self) -> None:
        with suppress(PageError):  # `write` reports it
            # Started early, so that the end of a short run does not wait for its imports.
            await in_daemon_thread(self.writer.begin)
        wait = min(FIRST, self.interval)
        while not self._ended.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), wait)
                return
            await self.write()
            wait = self.interval

    async def write(self) -> None:
        """Write the page. A failure is logged once, and does not end the run."""
        facts = {
            "run": self.recorder.run_info.to_json(),
            "seconds": self.recorder.seconds,
            "refresh": self.interval,
            "repeats": self.recorder.repeats.found()[:20],
            "figures": self.recorder.figures.to_json(),
        }
        least, share, most = BUDGET
        budget = min(most, max(least, share * self.recorder.seconds))
        try:
            # A copy: the statistics change while the thread sends them.
            await in_daemon_thread(self.writer.write, json.loads(json.dumps(facts)), budget)
            self.file.path, self._failed = self.writer.path, False
            self._written = True
        except PageError as error:
            self.file.path = None
            if not self._failed:
                logger.warning("%s can't be written: %s", self.writer.path, error)
            self._failed = True
