"""A host that limits requests per second, for `Server.limited`, and what it saw."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.rates import Limit

Told = Callable[[float], dict[str, str]]


def retry_after(seconds: float) -> dict[str, str]:
    """Tell whole seconds, rounded up."""
    return {"Retry-After": str(int(seconds) + 1)}


def nothing_told(_: float) -> dict[str, str]:
    return {}


@dataclass
class Asked:
    """A request to a limited host."""

    path: str
    at: float
    refused: bool
    early: bool
    """Whether it came before the end of a pause that an earlier response had told."""


@dataclass
class LimitedHost:
    """A host with a limit; a request beyond it gets *status* and the headers that *told* returns
    for the seconds until one would be allowed."""

    limit: Limit
    told: Told = retry_after
    status: int = 429
    asked: list[Asked] = field(default_factory=list)
    _until: float = 0.0

    def answer(self, path: str) -> dict[str, str] | None:
        """Count a request; return the headers of a refusal, or None."""
        now = time.monotonic()
        wait = self.limit.wait(now)
        self.asked.append(Asked(path, now, wait > 0, now < self._until))
        if not wait:
            return None
        headers = self.told(wait)
        if "Retry-After" in headers and headers["Retry-After"].isdigit():
            self._until = max(self._until, now + int(headers["Retry-After"]))
        return headers

    @property
    def refused(self) -> list[Asked]:
        return [each for each in self.asked if each.refused]

    def early(self, in_flight: float = 0.25) -> list[Asked]:
        """Return the requests that came during a pause that was told more than *in_flight*
        seconds before: those that come sooner were in flight."""
        told, found = 0.0, []
        for each in self.asked:
            if each.early and each.at - told > in_flight:
                found.append(each)
            if each.refused and not each.early:
                told = each.at
        return found
