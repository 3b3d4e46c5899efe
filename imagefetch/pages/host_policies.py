"""Applies what the operators of known hosts ask of clients.

A page object states it in class attributes (`ImagePage.at_once`, `ImagePage.delay`), for the
hosts that its ``@handle_urls`` names. The user's settings take precedence.
"""

from __future__ import annotations

from typing import Any

from scrapy.settings import BaseSettings
from web_poet import consume_modules, default_registry

from imagefetch.errors import BadInput
from imagefetch.pages.base import ImagePage


def apply_host_policies(settings: BaseSettings) -> None:
    """Add an entry to DOWNLOAD_SLOTS for each known host that has none. Settings: as below."""
    slots = known_slots(settings)
    if slots:
        slots.update(settings.getdict("DOWNLOAD_SLOTS"))
        priority = settings.getpriority("DOWNLOAD_SLOTS") or 0
        settings.set("DOWNLOAD_SLOTS", slots, priority=priority)


def known_slots(settings: BaseSettings) -> dict[str, dict[str, Any]]:
    """Return what each known host asks for, as an entry of DOWNLOAD_SLOTS.

    Settings: SCRAPY_POET_DISCOVER, CONCURRENT_REQUESTS_PER_DOMAIN.

    :raises BadInput: if a module with page objects can't be imported
    """
    try:
        consume_modules(*settings.getlist("SCRAPY_POET_DISCOVER"))
    except ImportError as error:
        raise BadInput(f"setting SCRAPY_POET_DISCOVER: can't be imported: {error}") from error
    most = settings.getint("CONCURRENT_REQUESTS_PER_DOMAIN")
    slots: dict[str, dict[str, Any]] = {}
    for rule in default_registry.get_rules():
        if isinstance(rule.use, type) and issubclass(rule.use, ImagePage):
            slot = _slot(rule.use, most)
            if slot:
                slots.update(dict.fromkeys(rule.for_patterns.include, slot))
    return slots


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
