"""Adapts a run to the system, and warns of what is likely a mistake, before the first request."""

from __future__ import annotations

import logging

from scrapy.settings import BaseSettings

from imagefetch.config.rules.setting_rules import RULES
from imagefetch.lists.list_file import ListFile
from imagefetch.utils.processes.descriptors import share
from imagefetch.utils.spelling import misspelt

logger = logging.getLogger(__name__)


def fit_descriptors(settings: BaseSettings) -> None:
    """Lower CONCURRENT_REQUESTS to what the limit of open sockets and files allows."""
    wanted = settings.getint("CONCURRENT_REQUESTS")
    allowed = share(wanted).requests
    if allowed < wanted:
        logger.warning(
            "CONCURRENT_REQUESTS is %d, not %d: for more, raise the system's limit of open"
            " files (ulimit -n)",
            allowed,
            wanted,
        )
        settings.set("CONCURRENT_REQUESTS", allowed, priority="cmdline")


def warn(settings: BaseSettings, urls: ListFile) -> None:
    """Log a warning of misspelt settings, and one if the list *urls* is unusual."""
    for name, known in misspelt(settings, RULES):
        logger.warning("setting %s: there is no such setting; did you mean %s?", name, known)
    if (unusual := urls.warning()) is not None:
        logger.warning("%s", unusual)
