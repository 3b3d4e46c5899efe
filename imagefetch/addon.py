"""Add-on: the report is written whatever other feeds are asked for."""

from __future__ import annotations

import logging

from scrapy.settings import BaseSettings

logger = logging.getLogger(__name__)

REPORT_FEED = {"%(report)s": {"format": "report", "overwrite": False, "store_empty": True}}


class ReportAddon:
    """Puts the report's feed back beside those of ``-o`` or of Scrapyd, which
    replace FEEDS, and switches JOBDIR off."""

    def update_settings(self, settings: BaseSettings) -> None:
        priority = max(settings.getpriority("FEEDS") or 0, 20)
        settings.set("FEEDS", {**settings.getdict("FEEDS"), **REPORT_FEED}, priority=priority)
        if settings.get("JOBDIR"):
            logger.info("JOBDIR is ignored: the report is the journal of what is done")
            settings.set("JOBDIR", None, priority=settings.getpriority("JOBDIR") or 0)
