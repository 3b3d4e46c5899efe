"""Ends a run early and logs one line with the reason."""

from __future__ import annotations

import logging

from scrapy.crawler import Crawler
from scrapy.utils.defer import deferred_from_coro

from imagefetch.errors import LocalError

logger = logging.getLogger(__name__)

STOPPED_BY = "imagefetch/stopped_by"
"""Stat: why the run ended early, in one line."""


def stop_run(crawler: Crawler, error: LocalError) -> None:
    """Close the spider because of *error*; downloads in flight are still finished.

    Later calls do nothing: the first error counts.
    """
    if note_stop(crawler, error):
        deferred_from_coro(crawler.engine.close_spider_async(reason=error.reason))


def note_stop(crawler: Crawler, error: LocalError) -> bool:
    """Log *error* as the reason why the caller ends the run; return False if there is one."""
    if crawler.stats.get_value(STOPPED_BY) is not None:
        return False
    crawler.stats.set_value(STOPPED_BY, f"{error.reason}: {error}")
    logger.error("%s: %s", error.reason, error)
    return True


def is_stopping(crawler: Crawler) -> bool:
    """Return whether the run is ending early: by a signal, or by `stop_run`."""
    return not crawler.crawling or crawler.stats.get_value(STOPPED_BY) is not None
