"""Which of Scrapy's log lines are written: none of those that come once a URL.

The report tells what became of each; a record that nobody reads costs time too.
"""

from __future__ import annotations

import logging
from typing import Any

from scrapy.logformatter import LogFormatter


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
