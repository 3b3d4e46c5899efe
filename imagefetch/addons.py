"""Add-ons: who asks is told; the report is written whatever other feeds are asked for."""

from __future__ import annotations

import logging

from scrapy.settings import BaseSettings

logger = logging.getLogger(__name__)

REPORT_FEED = {
    "%(report)s": {
        "format": "report",
        "overwrite": False,
        "store_empty": True,
        # Of its own, whatever FEED_EXPORT_BATCH_ITEM_COUNT and its neighbours say of others.
        "batch_item_count": 0,
        "fields": None,
        "uri_params": None,
    }
}


class ContactAddon:
    """Adds CONTACT to USER_AGENT; says once, at the start, that it is empty."""

    def update_settings(self, settings: BaseSettings) -> None:
        if not settings["CONTACT"]:
            logger.info("CONTACT is empty: with a mail or web address, servers know whom to ask")
        priority = settings.getpriority("USER_AGENT") or 0
        settings.set("USER_AGENT", user_agent(settings), priority=priority)


def user_agent(settings: BaseSettings) -> str:
    """Return USER_AGENT with CONTACT in it."""
    agent, contact = str(settings["USER_AGENT"]), settings["CONTACT"]
    return agent if not contact or contact in agent else f"{agent} (+{contact})"


class ReportAddon:
    """Puts the report's feed back beside those of ``-o`` or of Scrapyd, which
    replace FEEDS, and switches JOBDIR off."""

    def update_settings(self, settings: BaseSettings) -> None:
        priority = max(settings.getpriority("FEEDS") or 0, 20)
        # First: a feed that fails keeps those after it from getting the record.
        others = {uri: o for uri, o in settings.getdict("FEEDS").items() if uri not in REPORT_FEED}
        settings.set("FEEDS", {**REPORT_FEED, **others}, priority=priority)
        if settings.get("JOBDIR"):
            logger.info("JOBDIR is ignored: the report is the journal of what is done")
            settings.set("JOBDIR", None, priority=settings.getpriority("JOBDIR") or 0)
