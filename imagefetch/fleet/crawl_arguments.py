"""Command-line arguments of crawl processes, which may share the limits of a host."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scrapy.settings import BaseSettings

from imagefetch.pages.host_policies import known_slots


@dataclass(frozen=True)
class CrawlArguments:
    """``-s NAME=VALUE`` arguments for the crawl processes."""

    all: tuple[str, ...]
    limit: int
    """CONCURRENT_REQUESTS_PER_DOMAIN: requests in flight for one host."""
    delay: float
    """DOWNLOAD_DELAY: seconds between two requests to one host."""
    most_lanes: int
    """Maximum number of processes that share a host's limits."""
    slots: Mapping[str, Mapping[str, Any]]
    """Limits of known hosts, as in DOWNLOAD_SLOTS."""

    @classmethod
    def of(cls, settings: BaseSettings, given: list[str], store: str) -> CrawlArguments:
        """Return the arguments for *settings*; *given* are the values of ``-s``."""
        own = [f"FILES_STORE={store}", "LOG_FILE=", "PROGRESS=off", "HTML_REPORT=False"]
        if settings["REFERER"]:  # it may come from -a referer=
            own.append(f"REFERER={settings['REFERER']}")
        limit = settings.getint("CONCURRENT_REQUESTS_PER_DOMAIN")
        delay = settings.getfloat("DOWNLOAD_DELAY")
        return cls((*given, *own), limit, delay, max_lanes(settings), known_slots(settings))

    def for_lane(self, lanes: int) -> tuple[str, ...]:
        """Return the arguments of one of *lanes* processes that share a host's limits."""
        if lanes == 1:
            return self.all
        part = f"CONCURRENT_REQUESTS_PER_DOMAIN={self.limit // lanes}"
        slots = {host: _divided(slot, lanes) for host, slot in self.slots.items()}
        known = (f"DOWNLOAD_SLOTS={json.dumps(slots)}",) if slots else ()
        return (*self.all, part, f"DOWNLOAD_DELAY={self.delay * lanes}", *known)


def _divided(slot: Mapping[str, Any], lanes: int) -> dict[str, Any]:
    """Return the part of *slot* that one of *lanes* processes may use."""
    part = dict(slot)
    if "concurrency" in part:
        part["concurrency"] = max(1, part["concurrency"] // lanes)
    if "delay" in part:
        part["delay"] *= lanes
    return part


def max_lanes(settings: BaseSettings) -> int:
    """Return how many processes may share a host's limits, each with its part of them."""
    if settings.getdict("DOWNLOAD_SLOTS"):
        return 1  # it sets limits for single hosts; only the general limits are divided
    return settings.getint("CONCURRENT_REQUESTS_PER_DOMAIN")


def lanes_of_known_hosts(settings: BaseSettings) -> dict[str, int]:
    """Return how many processes may share the limits of each known host that has a lower one."""
    slots = known_slots(settings).items()
    return {host: slot["concurrency"] for host, slot in slots if "concurrency" in slot}
