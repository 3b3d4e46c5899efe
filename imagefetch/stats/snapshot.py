"""The progress of a run or a fleet, as the live view and the log show it."""

from __future__ import annotations

from dataclasses import dataclass, field

from imagefetch.scheduling.circuit_breakers.waiting_hosts import BlockedLines
from imagefetch.stats.sketches import FrequentKeys

YEAR = 365 * 86_400
"""Seconds; a rate at which a run would take longer counts as no progress."""


@dataclass
class Snapshot:
    """The progress of a run at one moment; for a fleet, the sums over its processes."""

    done: int = 0
    """Lines done, including those of earlier runs."""
    total: int | None = None
    """Lines in the list; None if unknown."""
    estimated: bool = False
    """Whether `total` is an estimate."""
    kept: int = 0
    failed: int = 0
    in_flight: int | None = None
    """Requests in flight; None if unknown."""
    retrying: int | None = None
    """Lines that wait for a retry; None if unknown."""
    lines_rate: float = 0.0
    """Lines per second, as a moving average, like the next two."""
    images_rate: float = 0.0
    bytes_rate: float | None = 0.0
    """None if unknown."""
    hosts: FrequentKeys = field(default_factory=lambda: FrequentKeys(1, 5))
    """As in `imagefetch.stats.run_stats.Figures`."""
    ending: bool = False
    """Whether the run is ending early."""
    workers: int | None = None
    """Processes of a fleet; None for a single run."""
    blocked: BlockedLines | None = None
    """Lines blocked by open circuit breakers."""
    paused: BlockedLines | None = None
    """Lines of hosts that are in a pause."""
    least_left: float = 0.0
    """Least seconds left at any rate: until the last known retry is due."""
    only_waits: bool = False
    """Whether lines wait, no request is in flight and none may be sent."""

    @property
    def left(self) -> float | None:
        """Estimated seconds until the end of the run; None if unknown, as in a pause."""
        if self.total is None:
            return None
        left = max(0, self.total - self.done)
        waits = [lines.last_try for lines in (self.blocked, self.paused) if lines]
        least = max(self.least_left, *waits, 0.0)
        if self.only_waits:  # the rate does not apply to these lines
            return least
        if self.lines_rate * YEAR <= left:
            return least or None
        return max(least, left / self.lines_rate)

    @property
    def waits(self) -> str:
        """What the run waits for if `only_waits`, else empty."""
        if not self.only_waits:
            return ""
        return "waiting for retries" if self.retrying else "waiting for hosts"
