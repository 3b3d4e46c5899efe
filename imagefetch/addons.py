"""Scrapy add-ons: put CONTACT into the User-Agent, and keep the report among the feeds."""

from __future__ import annotations

import logging

from scrapy.settings import BaseSettings

logger = logging.getLogger(__name__)

REPORT_FEED = {
    "%(report)s": {
        "format": "report",
        "overwrite": False,
        "store_empty": True,
        # FEED_EXPORT_BATCH_ITEM_COUNT and similar settings do not apply to the report.
        "batch_item_count": 0,
        "fields": None,
        "uri_params": None,
    }
}


class ContactAddon:
    """Adds CONTACT to USER_AGENT; logs once, at the start, if it is empty."""

    def update_settings(self, settings: BaseSettings) -> None:
        if not settings["CONTACT"]:
            logger.info("CONTACT is empty: set it to a mail or web address for server operators")
        priority = settings.getpriority("USER_AGENT") or 0
        settings.set("USER_AGENT", user_agent(settings), priority=priority)


def user_agent(settings: BaseSettings) -> str:
    """Return USER_AGENT, including CONTACT."""
    agent, contact = str(settings["USER_AGENT"]), settings["CONTACT"]
    return agent if not contact or contact in agent else f"{agent} (+{contact})"


class ReportAddon:
    """Adds the report's feed to FEEDS, which ``-o`` and Scrapyd replace; switches JOBDIR off."""

    def update_settings(self, settings: BaseSettings) -> None:
        priority = max(settings.getpriority("FEEDS") or 0, 20)
        # First: if a feed fails, those after it do not get the record.
        others = {uri: o for uri, o in settings.getdict("FEEDS").items() if uri not in REPORT_FEED}
        settings.set("FEEDS", {**REPORT_FEED, **others}, priority=priority)
        if settings.get("JOBDIR"):
            logger.info("JOBDIR is ignored: the report is the journal of what is done")
            settings.set("JOBDIR", None, priority=settings.getpriority("JOBDIR") or 0)
