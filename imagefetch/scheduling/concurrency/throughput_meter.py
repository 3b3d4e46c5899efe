"""Measures the throughput and latency of a host over rounds of requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

# A round takes this factor times the limit of outcomes, at least this many, and at least these
# seconds. It tests the limit only if this share of its outcomes came while the limit was reached.
ROUND_FACTOR = 2
ROUND_MIN = 24
ROUND_SECONDS = 0.2
BUSY_SHARE = 0.8


class Round(NamedTuple):
    """The measurements of a round of requests."""

    throughput: float
    """Responses per second."""
    latency: float
    """Mean seconds until a response's headers."""
    was_busy: bool
    """Whether the limit bounded the throughput."""


@dataclass(slots=True)
class ThroughputMeter:
    """Measures the current round, which begins with the first outcome of a request that was sent
    under the current limit."""

    begin: float
    """Time of the outcome with which the round began; that outcome is not counted."""
    has_begun: bool = False
    outcomes: int = 0
    responses: int = 0
    busy: int = 0
    """Outcomes that came while the limit was reached."""
    seconds: float = 0.0
    """Total time from request to outcome."""
    latency: float = 0.0
    """Total time from request to response headers."""

    def note(self, seconds: float, latency: float, *, busy: bool, responded: bool) -> None:
        """Record an outcome *seconds* after its request; *latency* and *busy*: as in
        `AdaptiveLimit.note`; *responded*: whether it is a response that is no refusal."""
        self.outcomes += 1
        self.seconds += seconds
        self.busy += busy
        if responded:
            self.responses += 1
            self.latency += latency

    def is_complete(self, limit: int, now: float) -> bool:
        """Return whether the round is long enough for a host with this *limit*."""
        enough = self.outcomes >= max(ROUND_FACTOR * limit, ROUND_MIN)
        return enough and now - self.begin >= ROUND_SECONDS

    def round(self, limit: int) -> Round:
        """Return the measurements of the round."""
        # Little's law, https://en.wikipedia.org/wiki/Little%27s_law: steadier than
        # counting, because responses come in bursts.
        throughput = limit * self.responses / max(self.seconds, 1e-9)
        latency = self.latency / max(self.responses, 1)
        return Round(throughput, latency, self.busy >= BUSY_SHARE * self.outcomes)
