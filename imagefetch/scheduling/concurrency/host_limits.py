"""Holds the limit of concurrent requests of each host: adaptive, or as the user set it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from scrapy.settings import BaseSettings

from imagefetch.scheduling.concurrency.adaptive_limit import START, AdaptiveLimit
from imagefetch.scheduling.concurrency.request_history import RequestHistory
from imagefetch.scheduling.concurrency.request_outcome import Outcome
from imagefetch.scheduling.rate_limits.refusals import History

# Hosts whose adaptive limit is kept, at about 850 bytes each. Beyond that, the least recently
# used are removed; they restart from the initial limit.
HOSTS = 10_000

# Duration of a response, in seconds, for which a host with a delay gets enough slots.
RESPONSE_SECONDS = 2.0

# Hosts listed in the summary and in the stats.
REPORTED = 5


@dataclass(frozen=True)
class HostLimit:
    """The adaptive limit of a host, as reported at the end of a run."""

    host: str
    limit: int
    """Current maximum of requests in flight."""
    requests: int
    """Requests whose outcome is known."""
    cuts: dict[str, int]
    """Number of cuts, by cause: a value of `Outcome`, or ``slower``."""
    cause: str
    """Cause of the last cut; empty if there was none."""
    rate: float | None = None
    """Requests per second, if the host limits them."""

    def __str__(self) -> str:
        text = f"{self.host}: {self.limit:,} at once"
        if self.rate is not None:
            text += f", {self.rate:,.3g} a second"
        if not self.cuts:
            return text
        causes = ", ".join(f"{count:,} × {cause}" for cause, count in self.cuts.items())
        return f"{text}, cut by {causes}"


class KnownHost(NamedTuple):
    """A host whose limit is adaptive."""

    adaptive: AdaptiveLimit
    requests: RequestHistory


class HostLimits:
    """The limits of all hosts.

    Settings: PACE_ENABLED, CONCURRENT_REQUESTS_PER_DOMAIN; DOWNLOAD_SLOTS, DOWNLOAD_DELAY and
    AUTOTHROTTLE_ENABLED take precedence where they are set.
    """

    def __init__(self, settings: BaseSettings) -> None:
        self.most = settings.getint("CONCURRENT_REQUESTS_PER_DOMAIN")
        self.slots: dict[str, dict[str, Any]] = settings.getdict("DOWNLOAD_SLOTS")
        self.delay = settings.getfloat("DOWNLOAD_DELAY")
        self.enabled = settings.getbool("PACE_ENABLED") and not (
            self.delay or settings.getbool("AUTOTHROTTLE_ENABLED")
        )
        self.cuts: Counter[str] = Counter()
        """Number of cuts of all hosts, by cause."""
        self.rates: Callable[[], Mapping[str, float]] = dict
        """Returns the requests per second of hosts that limit them."""
        self.ceilings: Callable[[], Mapping[str, int]] = dict
        """Returns the concurrent requests of hosts whose refusals show them, but tell a time."""
        self._hosts: dict[str, KnownHost] = {}

    def delay_of(self, host: str) -> float:
        """Return the seconds between two requests to *host*, as set by the user."""
        delay: float = self.slots.get(host, {}).get("delay", self.delay)
        return delay

    def limit(self, host: str) -> int:
        """Return the maximum number of requests in flight to *host*."""
        known = self._hosts.get(host)
        if known is not None:
            return known.adaptive.limit
        if host in self.slots:
            slot = self.slots[host]
            limit: int = slot.get("concurrency", limit_for_delay(self.most, self.delay_of(host)))
            return limit
        return min(START, self.most) if self.enabled else limit_for_delay(self.most, self.delay)

    def note(
        self, host: str, outcome: Outcome, sent: float, now: float, latency: float, *, busy: bool
    ) -> None:
        """Record the outcome of a request to *host*, as `AdaptiveLimit.note` does."""
        known = self._hosts.get(host)
        if known is None:
            if not self.enabled or host in self.slots:
                return
            self._make_room()
            adaptive = AdaptiveLimit(self.most, sent, self.cuts)
            known = self._hosts[host] = KnownHost(adaptive, RequestHistory(sent))
        known.requests.note(outcome, now)
        known.adaptive.note(outcome, sent, now, latency, busy=busy)

    def history(self, host: str, sent: float) -> History:
        """Return what is known of *host*, which refused a request that was sent at *sent*."""
        known = self._hosts.get(host)
        if known is None:
            return History(sent, 0.0, learns=self.enabled and host not in self.slots)
        return History(known.requests.recent_since, known.requests.recent_responses, learns=True)

    def known(self, most: int = REPORTED) -> list[HostLimit]:
        """Return at most *most* hosts: those with a rate, those with the most cuts, then those
        with the most requests. Hosts that never sent a response are omitted."""
        rates, ceilings = self.rates(), self.ceilings()
        hosts = [
            HostLimit(
                host,
                min(adaptive.limit, ceilings.get(host, adaptive.limit)),
                requests.requests,
                dict(adaptive.cuts.most_common()),
                adaptive.cause,
                rates.get(host),
            )
            for host, (adaptive, requests) in self._hosts.items()
            if requests.has_responded
        ]
        hosts.sort(
            key=lambda host: (
                host.rate is None,
                -sum(host.cuts.values()),
                -host.requests,
                host.host,
            )
        )
        return hosts[:most]

    def stats(self) -> dict[str, float]:
        """Return Scrapy stats: the limits of the hosts that `known` returns, and all cuts."""
        known = self.known()
        return {
            **{f"imagefetch/pace/limit/{host.host}": host.limit for host in known},
            **{f"imagefetch/pace/rate/{host.host}": host.rate for host in known if host.rate},
            **{f"imagefetch/pace/cuts/{cause}": count for cause, count in self.cuts.items()},
        }

    def _make_room(self) -> None:
        if len(self._hosts) >= HOSTS:
            by_age = sorted(self._hosts.items(), key=lambda item: item[1].requests.last_outcome_at)
            self._hosts = dict(by_age[HOSTS // 2 :])


def limit_for_delay(limit: int, delay: float) -> int:
    """Return *limit*, reduced where requests are *delay* seconds apart.

    Responses of `RESPONSE_SECONDS` need no more slots; more would be held by requests that wait
    to be sent.
    """
    return min(limit, 1 + math.ceil(RESPONSE_SECONDS / delay)) if delay else limit
