"""Extension: the run's page, beside its report."""

from __future__ import annotations

import asyncio
import json
import logging
import random
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from scrapy import Spider
from scrapy import signals as scrapy_signals
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured
from scrapy.settings import BaseSettings

from imagefetch.child import Child
from imagefetch.names import stored_file
from imagefetch.page_file import is_ours, page_path
from imagefetch.partials import is_remote, local_path
from imagefetch.probe import FORMATS
from imagefetch.recorder import Recorder
from imagefetch.verify import beside

if TYPE_CHECKING:
    from imagefetch.spiders.images import ImagesSpider

logger = logging.getLogger(__name__)

MODULE = "imagefetch.page_process"
"""What the page's process runs."""

PATIENCE = 5
"""Seconds for one small copy."""

FIRST = 5.0
"""Seconds after which the page is there, if not after HTML_REPORT_INTERVAL."""

PLUGINS = {f.media_type: f.pillow for f in reversed(FORMATS) if f.pillow is not None}
"""Media type to the one Pillow plugin that may decode it."""

BUDGET = (0.2, 0.03, 5.0)
"""Seconds for small copies each time that the page is written: at least, of those that the run
has taken, and at most. A run's end doesn't wait for longer."""

NICENESS = 10
"""The run comes first."""


class PageError(Exception):
    """The page can't be written. The text says why."""


class PageWriter:
    """Writes the page time and again, in a process of its own.

    For threads: each call takes its time, and no two may overlap.
    """

    def __init__(self, path: Path, store: str, limit: int) -> None:
        """*limit*: pixels that are decoded of one picture."""
        self.path, self.limit = path, limit
        self.store = None if is_remote(store) else local_path(store)
        self._child: Child | None = None
        self._copies: dict[str, str] = {}
        """File to small copy, Base64; empty where there can be none."""

    def begin(self) -> None:
        """Begin the process, if there is none.

        :raises PageError: if that can't be
        """
        try:
            if self._child is None:
                self._child = Child(MODULE, self.limit, PATIENCE, niceness=NICENESS, lingers=True)
        except OSError as error:
            raise PageError(f"no process for it: {error.strerror}") from error

    def write(self, facts: dict[str, Any], budget: float) -> None:
        """Write what `imagefetch.page.render` makes of *facts* and small copies, for which
        there are *budget* seconds.

        :raises PageError: if it can't be written; a page of before is left as it is
        """
        if not is_ours(self.path):
            raise PageError("it is no page of this program's; move it away")
        pictures = facts["figures"]["sample"][2]
        if self.store is not None:
            self._copy(pictures, budget)
        facts = {**facts, "copies": self._copies, "folder": str(self.path.parent)}
        facts["store"] = None if self.store is None else str(self.store)
        error = self._ask(["page", facts, str(self.path)])
        if error != "":
            raise PageError(error or "its process ended over it")

    def _copy(self, pictures: list[dict[str, Any]], budget: float) -> None:
        wanted = {picture["file"]: picture for picture in pictures}
        self._copies = {file: copy for file, copy in self._copies.items() if file in wanted}
        end = time.monotonic() + budget
        missing = [picture for file, picture in wanted.items() if file not in self._copies]
        random.shuffle(missing)  # as many as there is time for are an even sample too
        for picture in missing:
            if time.monotonic() > end:
                break
            file = picture["file"]
            plugin, path = PLUGINS.get(picture["type"]), stored_file(cast("Path", self.store), file)
            copy = plugin and path and self._ask(["thumbnail", str(path), plugin])
            self._copies[file] = copy or ""

    def _ask(self, question: list[Any]) -> str | None:
        """Return the answer; None if the process ended over it."""
        self.begin()
        answer: str | None = cast("Child", self._child).ask(question)
        if answer is None:
            self.close()
        return answer

    def close(self) -> None:
        if self._child is not None:
            self._child.end()
            self._child = None


class HtmlReport:
    """Settings: HTML_REPORT, HTML_REPORT_INTERVAL, MAX_IMAGE_PIXELS."""

    def __init__(self, crawler: Crawler) -> None:
        """:raises NotConfigured: if HTML_REPORT is off"""
        settings = crawler.settings
        if not settings.getbool("HTML_REPORT"):
            raise NotConfigured("HTML_REPORT is off")
        self.crawler = crawler
        self.interval = settings.getfloat("HTML_REPORT_INTERVAL")
        self.path: Path | None = None
        """Where the page is; None as long as it can't be written."""
        self.closed = asyncio.Event()
        """Set once it is written for the last time."""
        self._failed = False

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> HtmlReport:
        made = cls(crawler)
        crawler.signals.connect(made.spider_opened, signal=scrapy_signals.spider_opened)
        crawler.signals.connect(made.spider_closed, signal=scrapy_signals.spider_closed)
        return made

    def spider_opened(self, spider: Spider) -> None:
        run = cast("ImagesSpider", spider).run
        self.recorder = cast("Recorder", self.crawler.get_extension(Recorder))
        self.writer = writer_of(self.crawler.settings, run.report, run.store)
        self._ended = asyncio.Event()
        self._writing = asyncio.ensure_future(self._keep_writing())

    async def spider_closed(self, spider: Spider) -> None:
        self._ended.set()
        try:
            await self._writing
            await self.write()
        finally:
            self.writer.close()
            self.closed.set()

    async def _keep_writing(self) -> None:
        with suppress(PageError):  # told when the page is written
            # A short run needn't wait at its end for what the process loads.
            await beside(self.writer.begin)
        wait = min(FIRST, self.interval)
        while not self._ended.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), wait)
                return
            await self.write()
            wait = self.interval

    async def write(self) -> None:
        """Write the page; that it can't be written is told once, and ends no run."""
        facts = {
            "about": self.recorder.about.to_json(),
            "seconds": self.recorder.seconds,
            "refresh": self.interval,
            "repeats": self.recorder.repeats.found()[:20],
            "figures": self.recorder.figures.to_json(),
        }
        least, part, most = BUDGET
        budget = min(most, max(least, part * self.recorder.seconds))
        try:
            # A copy: the figures go on changing while a thread hands them over.
            await beside(self.writer.write, json.loads(json.dumps(facts)), budget)
            self.path, self._failed = self.writer.path, False
        except PageError as error:
            self.path = None
            if not self._failed:
                logger.warning("%s can't be written: %s", self.writer.path, error)
            self._failed = True


def writer_of(settings: BaseSettings, report: Path, store: str) -> PageWriter:
    """Return what writes the page of *report*."""
    return PageWriter(page_path(report), store, settings.getint("MAX_IMAGE_PIXELS"))
