"""Watches the start of a run; if it fails, reports one line and removes what was created."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Awaitable
from difflib import get_close_matches

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.settings import BaseSettings
from scrapy.spiderloader import get_spider_loader
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure as TwistedFailure

from imagefetch.config.components import changed, component_of
from imagefetch.config.needed_components import check_components
from imagefetch.errors import BadInput
from imagefetch.job.run import Job, remove
from imagefetch.output.store_paths import is_remote, local_path
from imagefetch.spiders.images import ImagesSpider

logger = logging.getLogger(__name__)


def check_spider(settings: BaseSettings, name: str) -> None:
    """Check that the spider *name* exists, and that its required components are configured.

    :raises BadInput: if not
    """
    try:
        loader = get_spider_loader(settings)
        known = loader.list()
        spider = loader.load(name) if name in known else None
    except Exception as error:
        raise BadInput(f"setting SPIDER_MODULES: can't be loaded: {in_one_line(error)}") from error
    if spider is None:
        near = get_close_matches(name, known, 1) or known[:1]
        guess = f"; did you mean {near[0]}?" if near else ""
        raise BadInput(f"spider {name}: there is no such spider{guess}")
    if issubclass(spider, ImagesSpider):
        settings = settings.copy()
        spider.update_settings(settings)
        check_components(settings)


class Start:
    """Watches *crawler* until its components are built and its engine is started."""

    def __init__(self, crawler: Crawler, job: Job) -> None:
        self.crawler, self.job = crawler, job
        self.done = False
        store = None if is_remote(job.run.store) else local_path(job.run.store)
        parents = [] if store is None else [store, *store.parents]
        self._created = [path for path in parents if not path.exists()]
        self._error: BaseException | None = None
        self._crawling: asyncio.Task[None] | None = None
        crawler.signals.connect(self._started, signal=signals.engine_started)

    def _started(self) -> None:
        self.done = True

    def watch(self, crawling: Awaitable[None]) -> None:
        """Watch *crawling*, the return value of `CrawlerProcess.crawl`."""
        if isinstance(crawling, Deferred):
            crawling.addErrback(self._failed)
        elif isinstance(crawling, asyncio.Task):
            self._crawling = crawling

    def _failed(self, failure: TwistedFailure) -> None:
        self._error = failure.value

    def check(self) -> None:
        """:raises BadInput: if the run could not start"""
        crawling = self._crawling
        if crawling is not None and crawling.done() and not crawling.cancelled():
            self._error = crawling.exception()
        error = self._error
        if error is None:
            return
        if self.done:
            logger.error("internal error", exc_info=error)
            return
        if str(error) == "Engine slot not assigned" and error.__context__ is not None:
            error = error.__context__  # Scrapy's cleanup after a scheduler that failed
        if isinstance(error, BadInput):
            raise error
        frames = traceback.walk_tb(error.__traceback__)
        modules = {str(frame.f_globals.get("__name__")) for frame, _ in frames}
        settings = self.crawler.settings
        suspects = " or ".join(f"setting {name}" for name in changed(settings))
        where = component_of(settings, modules) or suspects or "a component"
        raise BadInput(f"{where}: can't be built: {in_one_line(error)}") from error

    def abandon(self) -> None:
        """Remove everything that the start has created."""
        self.job.abandon()
        remove(self._created)


def in_one_line(error: BaseException) -> str:
    """Return class and message of *error*."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}".removesuffix(": ")
