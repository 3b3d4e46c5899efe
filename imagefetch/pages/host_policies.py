"""Applies what the operators of known hosts ask of clients.

A page object states it in class attributes (`ImagePage.at_once`, `ImagePage.delay`), for the
hosts that its ``@handle_urls`` names. The user's settings take precedence.
"""

from __future__ import annotations

from typing import Any

from scrapy.settings import BaseSettings
from web_poet import consume_modules, default_registry

from imagefetch.pages.base import ImagePage


def apply_host_policies(settings: BaseSettings) -> None:
    """Add an entry to DOWNLOAD_SLOTS for each known host that has none.

    Settings: SCRAPY_POET_DISCOVER, CONCURRENT_REQUESTS_PER_DOMAIN.
    """
    consume_modules(*settings.getlist("SCRAPY_POET_DISCOVER"))
    most = settings.getint("CONCURRENT_REQUESTS_PER_DOMAIN")
    slots: dict[str, Any] = {}
    for rule in default_registry.get_rules():
        if isinstance(rule.use, type) and issubclass(rule.use, ImagePage):
            slot = _slot(rule.use, most)
            if slot:
                slots.update(dict.fromkeys(rule.for_patterns.include, slot))
    if slots:
        slots.update(settings.getdict("DOWNLOAD_SLOTS"))
        priority = settings.getpriority("DOWNLOAD_SLOTS") or 0
        settings.set("DOWNLOAD_SLOTS", slots, priority=priority)


def _slot(page: type[ImagePage], most: int) -> dict[str, Any]:
    slot: dict[str, Any] = {}
    if page.at_once is not None:
        slot["concurrency"] = min(page.at_once, most)
    if page.delay is not None:
        slot["delay"] = page.delay
    return slot


def lacks_contact(page: type[ImagePage], settings: BaseSettings) -> bool:
    """Return whether *page*'s hosts require an address in the User-Agent, which has none."""
    agent = str(settings["USER_AGENT"])  # includes CONTACT
    return page.contact_required and not ("@" in agent or "://" in agent)
