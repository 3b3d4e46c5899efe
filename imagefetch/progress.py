"""Extension: a line in the log now and then, while the run goes on."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import cast

from scrapy import Spider
from scrapy import signals as scrapy_signals
from scrapy.crawler import Crawler
from scrapy.utils.asyncio import create_looping_call

from imagefetch import signals
from imagefetch.counts import Counts
from imagefetch.items import ImageRecord
from imagefetch.spiders.images import ImagesSpider
from imagefetch.urls import READ_ERRORS, read_lines

logger = logging.getLogger(__name__)


class Progress:
    """Settings: PROGRESS_INTERVAL."""

    def __init__(self, interval: float) -> None:
        self.interval = interval
        self.counts = Counts()
        self.total: int | None = None
        self.done_before = 0
        self._closed = False

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Progress:
        progress = cls(crawler.settings.getfloat("PROGRESS_INTERVAL"))
        crawler.signals.connect(progress.spider_opened, signal=scrapy_signals.spider_opened)
        crawler.signals.connect(progress.spider_closed, signal=scrapy_signals.spider_closed)
        crawler.signals.connect(progress.row_written, signal=signals.row_written)
        return progress

    def spider_opened(self, spider: Spider) -> None:
        self._last = time.monotonic()
        self._last_done = 0
        images_spider = cast("ImagesSpider", spider)
        self.done_before = images_spider.job.journal.done
        self.total = images_spider.job.journal.total
        if self.total is None:  # in a thread: ten million lines take seconds to count
            asyncio.get_running_loop().run_in_executor(None, self._count, images_spider)
        self._call = create_looping_call(self.tell)
        self._call.start(self.interval, now=False)

    def spider_closed(self, spider: Spider) -> None:
        self._closed = True
        if self._call.running:
            self._call.stop()

    def row_written(self, record: ImageRecord) -> None:
        self.counts.add(record)

    def tell(self) -> None:
        """Log how far the run is, and its pace since last told."""
        now = time.monotonic()
        rate = (self.counts.done - self._last_done) / (now - self._last)
        self._last, self._last_done = now, self.counts.done
        logger.info(
            "[%d/%s] %d kept, %d not; %.0f lines/s",
            self.done_before + self.counts.done,
            "?" if self.total is None else self.total,
            self.counts.kept,
            self.counts.done - self.counts.kept,
            rate,
        )

    def _count(self, spider: ImagesSpider) -> None:
        total = 0
        try:
            for _ in read_lines(spider.run.urls):
                total += 1
                if self._closed:
                    return
        except READ_ERRORS:
            return  # the spider meets it too, and tells
        self.total = total
