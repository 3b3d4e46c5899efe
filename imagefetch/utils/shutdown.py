"""Ending a run early, in order, with one clear line."""

from __future__ import annotations

import logging

from scrapy.crawler import Crawler
from scrapy.utils.defer import deferred_from_coro

from imagefetch.errors import LocalError

logger = logging.getLogger(__name__)

STOPPED_BY = "imagefetch/stopped_by"
"""Stat: the line that says why the run ended early."""


def stop_run(crawler: Crawler, error: LocalError) -> None:
    """Close the spider because of *error*; downloads under way are still finished.

    Called again, it does nothing: the first error is the one that counts.
    """
    if note_stop(crawler, error):
        deferred_from_coro(crawler.engine.close_spider_async(reason=error.reason))


def note_stop(crawler: Crawler, error: LocalError) -> bool:
    """Log *error* as what ends the run, which the caller does; False if another was before."""
    if crawler.stats.get_value(STOPPED_BY) is not None:
        return False
    crawler.stats.set_value(STOPPED_BY, f"{error.reason}: {error}")
    logger.error("%s: %s", error.reason, error)
    return True


def is_stopping(crawler: Crawler) -> bool:
    """Whether the run is coming to its end early: by a signal, or by `stop_run`."""
    return not crawler.crawling or crawler.stats.get_value(STOPPED_BY) is not None
