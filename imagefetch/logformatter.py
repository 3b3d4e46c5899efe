"""Which of Scrapy's log lines are written, and how.

None of those that come once a URL: the report tells what became of each, and a
record that nobody reads costs time too. At DEBUG, everything is. What is
written neither tells a password nor moves a terminal's cursor.
"""

from __future__ import annotations

import logging
from typing import Any

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured
from scrapy.logformatter import LogFormatter

from imagefetch.utils.text import HarmlessFormatter

# What these tell at INFO is how Scrapy was put together, forty lines of it.
ASSEMBLY = (
    "scrapy.addons",
    "scrapy.middleware",
    "scrapy.utils.log",
    "scrapy_poet.injection",
)


class QuietLogFormatter(LogFormatter):
    """See LOG_FORMATTER in Scrapy's settings."""

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> QuietLogFormatter:
        make_log_harmless()
        # Scrapy replaces its handler between this and its engine, once more.
        crawler.signals.connect(make_log_harmless, signal=signals.spider_opened)
        return cls()

    def crawled(self, *args: Any, **kwargs: Any) -> Any:
        return None

    def scraped(self, *args: Any, **kwargs: Any) -> Any:
        return None

    def dropped(self, *args: Any, **kwargs: Any) -> Any:
        return None

    def download_error(self, *args: Any, **kwargs: Any) -> Any:
        return {**super().download_error(*args, **kwargs), "level": logging.DEBUG}


class HarmlessLog:
    """A downloader middleware that is none: the first component that Scrapy builds after it has
    replaced its log handler. What the others log as they are built is made harmless, too."""

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> HarmlessLog:
        make_log_harmless()
        raise NotConfigured


def make_log_harmless() -> None:
    """Let every handler of the log write what is harmless only."""
    for handler in logging.root.handlers:
        if not isinstance(handler.formatter, HarmlessFormatter):
            handler.setFormatter(HarmlessFormatter(handler.formatter))


def quieten(level: str) -> None:
    """Make records below *level*, which no handler would write, not even be made."""
    if level == "DEBUG":
        return
    logging.getLogger("scrapy").setLevel(level)
    logging.getLogger("scrapy.downloadermiddlewares.robotstxt").addFilter(_in_one_line)
    for name in ASSEMBLY:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("scrapy.crawler").addFilter(_is_news)


def _in_one_line(record: logging.LogRecord) -> bool:
    """A robots.txt that can't be had is worth a line, not a traceback."""
    record.exc_info = None
    return True


def _is_news(record: logging.LogRecord) -> bool:
    """This logger tells of signals too, which a user wants to see answered."""
    return not str(record.msg).startswith("Overridden settings")
