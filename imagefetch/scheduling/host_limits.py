"""Every host's limit: found out, or as the user set it."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

from scrapy.settings import BaseSettings

from imagefetch.scheduling.adaptive_limit import START, AdaptiveLimit, Outcome

# Hosts whose pace is known, at about 700 bytes each; beyond that, those that
# were not asked for the longest time begin anew when they are.
HOSTS = 10_000

# Seconds of an answer for which a host with a delay gets places enough.
PATIENCE = 2.0

# Hosts that are told in words.
TOLD = 5


@dataclass(frozen=True)
class HostLimit:
    """What was found out about a host."""

    host: str
    limit: int
    """Requests at once, now."""
    requests: int
    """Whose outcome is known."""
    cuts: dict[str, int]
    """How often the limit was cut, by cause: a value of `Outcome`, or ``slower``."""
    cause: str
    """Of the last cut; empty if there was none."""

    def __str__(self) -> str:
        text = f"{self.host}: {self.limit:,} at once"
        if not self.cuts:
            return text
        causes = ", ".join(f"{count:,} × {cause}" for cause, count in self.cuts.items())
        return f"{text}, cut by {causes}"


class HostLimits:
    """Settings: PACE_ENABLED, CONCURRENT_REQUESTS_PER_DOMAIN, and those that win where they are
    set: DOWNLOAD_SLOTS, DOWNLOAD_DELAY, AUTOTHROTTLE_ENABLED."""

    def __init__(self, settings: BaseSettings) -> None:
        self.most = settings.getint("CONCURRENT_REQUESTS_PER_DOMAIN")
        self.slots: dict[str, dict[str, Any]] = settings.getdict("DOWNLOAD_SLOTS")
        self.delay = settings.getfloat("DOWNLOAD_DELAY")
        self.enabled = settings.getbool("PACE_ENABLED") and not (
            self.delay or settings.getbool("AUTOTHROTTLE_ENABLED")
        )
        self.cuts: Counter[str] = Counter()
        """Of all hosts, by cause."""
        self._paces: dict[str, AdaptiveLimit] = {}

    def delay_of(self, host: str) -> float:
        """Return the seconds between two requests to *host* that the user set."""
        delay: float = self.slots.get(host, {}).get("delay", self.delay)
        return delay

    def limit(self, host: str) -> int:
        """Return how many requests may be under way to *host* at once."""
        pace = self._paces.get(host)
        if pace is not None:
            return pace.limit
        if host in self.slots:
            slot = self.slots[host]
            limit: int = slot.get("concurrency", within_delay(self.most, self.delay_of(host)))
            return limit
        return min(START, self.most) if self.enabled else within_delay(self.most, self.delay)

    def note(
        self, host: str, outcome: Outcome, sent: float, now: float, latency: float, *, busy: bool
    ) -> None:
        """Take in what came of a request to *host*: `AdaptiveLimit.note`."""
        pace = self._paces.get(host)
        if pace is None:
            if not self.enabled or host in self.slots:
                return
            self._make_room()
            pace = self._paces[host] = AdaptiveLimit(self.most, sent, self.cuts)
        pace.note(outcome, sent, now, latency, busy=busy)

    def known(self, most: int = TOLD) -> list[HostLimit]:
        """Return the hosts, *most* at most, that were cut most often, then those asked most;
        none that never answered."""
        hosts = [
            HostLimit(host, pace.limit, pace.requests, dict(pace.cuts.most_common()), pace.cause)
            for host, pace in self._paces.items()
            if pace.has_answered
        ]
        hosts.sort(key=lambda host: (-sum(host.cuts.values()), -host.requests, host.host))
        return hosts[:most]

    def stats(self) -> dict[str, int]:
        """Return what the run's stats are to hold, of the hosts that are told in words."""
        return {f"imagefetch/pace/limit/{host.host}": host.limit for host in self.known()} | {
            f"imagefetch/pace/cuts/{cause}": count for cause, count in self.cuts.items()
        }

    def _make_room(self) -> None:
        if len(self._paces) >= HOSTS:
            newest = sorted(self._paces.items(), key=lambda item: item[1].last)[HOSTS // 2 :]
            self._paces = dict(newest)


def within_delay(limit: int, delay: float) -> int:
    """Return *limit*, or fewer where requests are *delay* seconds apart: what answers that take
    `PATIENCE` need. More would hold places in which they wait to be sent."""
    return min(limit, 1 + math.ceil(PATIENCE / delay)) if delay else limit
