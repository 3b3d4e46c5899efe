"""Scrapy add-on that replaces parts of the crawler by quicker ones."""

from __future__ import annotations

from scrapy.crawler import Crawler
from scrapy.settings import BaseSettings

from imagefetch.engine.signal_manager import QuickSignalManager


class EngineAddon:
    """Replaces the crawler's signal manager, before the engine and most components are built."""

    def __init__(self, crawler: Crawler) -> None:
        # What was connected before stays connected: pydispatch knows receivers by their sender.
        crawler.signals = QuickSignalManager(crawler)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> EngineAddon:
        return cls(crawler)

    def update_settings(self, settings: BaseSettings) -> None:
        """Change no setting: Scrapy expects this method."""
