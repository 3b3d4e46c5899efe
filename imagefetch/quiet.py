"""Which of Scrapy's log lines are written.

None of those that come once a URL: the report tells what became of each, and a
record that nobody reads costs time too. At DEBUG, everything is.
"""

from __future__ import annotations

import logging
from typing import Any

from scrapy.logformatter import LogFormatter

# What these tell at INFO is how Scrapy was put together, forty lines of it.
ASSEMBLY = (
    "scrapy.addons",
    "scrapy.middleware",
    "scrapy.utils.log",
    "scrapy_poet.injection",
)


class QuietLogFormatter(LogFormatter):
    """See LOG_FORMATTER in Scrapy's settings."""

    def crawled(self, *args: Any, **kwargs: Any) -> Any:
        return None

    def scraped(self, *args: Any, **kwargs: Any) -> Any:
        return None

    def dropped(self, *args: Any, **kwargs: Any) -> Any:
        return None

    def download_error(self, *args: Any, **kwargs: Any) -> Any:
        return {**super().download_error(*args, **kwargs), "level": logging.DEBUG}


def quieten(level: str) -> None:
    """Make records below *level*, which no handler would write, not even be made."""
    if level == "DEBUG":
        return
    logging.getLogger("scrapy").setLevel(level)
    for name in ASSEMBLY:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("scrapy.crawler").addFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    """This logger tells of signals too, which a user wants to see answered."""
    return not str(record.msg).startswith("Overridden settings")
