"""Selects and sanitizes Scrapy's log records.

Records that Scrapy logs once per URL are suppressed: the report has the outcome of each URL,
and creating a record costs time. At level DEBUG everything is logged. Passwords and terminal
control sequences are removed.
"""

from __future__ import annotations

import logging
from typing import Any

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured
from scrapy.logformatter import LogFormatter

from imagefetch.utils.text import SanitizingFormatter

# At INFO, these loggers list the components and settings, in forty lines.
ASSEMBLY = (
    "scrapy.addons",
    "scrapy.middleware",
    "scrapy.utils.log",
    "scrapy_poet.injection",
)


class QuietLogFormatter(LogFormatter):
    """Suppresses records per URL; see Scrapy's setting LOG_FORMATTER."""

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> QuietLogFormatter:
        sanitize_log()
        # Scrapy replaces its log handler once more before the engine starts.
        crawler.signals.connect(sanitize_log, signal=signals.spider_opened)
        return cls()

    def crawled(self, *args: Any, **kwargs: Any) -> Any:
        return None

    def scraped(self, *args: Any, **kwargs: Any) -> Any:
        return None

    def dropped(self, *args: Any, **kwargs: Any) -> Any:
        return None

    def download_error(self, *args: Any, **kwargs: Any) -> Any:
        return {**super().download_error(*args, **kwargs), "level": logging.DEBUG}


class SanitizingLog:
    """A hook in the place of a downloader middleware: Scrapy builds it first after it has replaced
    its log handler. Thus the messages of the components built after it are sanitized, too."""

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> SanitizingLog:
        sanitize_log()
        raise NotConfigured


def sanitize_log() -> None:
    """Let every handler of the root logger sanitize its records."""
    for handler in logging.root.handlers:
        if not isinstance(handler.formatter, SanitizingFormatter):
            handler.setFormatter(SanitizingFormatter(handler.formatter))


def quieten(level: str) -> None:
    """Suppress records below *level* before they are created: no handler would write them."""
    if level == "DEBUG":
        return
    logging.getLogger("scrapy").setLevel(level)
    logging.getLogger("scrapy.downloadermiddlewares.robotstxt").addFilter(_without_traceback)
    for name in ASSEMBLY:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("scrapy.crawler").addFilter(_is_no_settings_list)


def _without_traceback(record: logging.LogRecord) -> bool:
    """Drop the traceback of a robots.txt that can't be fetched."""
    record.exc_info = None
    return True


def _is_no_settings_list(record: logging.LogRecord) -> bool:
    """Drop only the list of settings: this logger also confirms signals such as Ctrl-C."""
    return not str(record.msg).startswith("Overridden settings")
