"""How far a run is, of one process or of several: what a view shows."""

from __future__ import annotations

from dataclasses import dataclass, field

from imagefetch.scheduling.circuit_breaker import Parked
from imagefetch.stats.sketches import Tally

YEAR = 365 * 86_400
"""Seconds; a rate by which a run takes longer is none."""


@dataclass
class Snapshot:
    """How far a run is; that of several processes adds up what each has."""

    done: int = 0
    """Lines, those of earlier runs among them."""
    total: int | None = None
    estimated: bool = False
    kept: int = 0
    failed: int = 0
    under_way: int | None = None
    """Requests; None where nobody knows, as with the next."""
    retrying: int | None = None
    """Lines that wait to be tried again."""
    lines_rate: float = 0.0
    """A second, smoothed; so are these."""
    images_rate: float = 0.0
    bytes_rate: float | None = 0.0
    """None where nobody counts them."""
    hosts: Tally = field(default_factory=lambda: Tally(1, 5))
    """As in `imagefetch.stats.run_stats.Figures`."""
    ending: bool = False
    workers: int | None = None
    """Processes; None where it is one."""
    parked: Parked | None = None
    least_left: float = 0.0
    """Seconds until the last retry is due that is known of, whatever the rate."""
    only_waits: bool = False
    """Whether nothing is under way or may be sent, and lines wait."""

    @property
    def left(self) -> float | None:
        """Seconds until all is done at this rate; None where nobody can say, as in a pause."""
        if self.total is None:
            return None
        left = max(0, self.total - self.done)
        least = max(self.least_left, self.parked.last_try if self.parked else 0.0)
        if self.only_waits:  # the rate tells nothing of these lines
            return least
        if self.lines_rate * YEAR <= left:
            return least or None
        return max(least, left / self.lines_rate)

    @property
    def waits(self) -> str:
        """What is waited for, where nothing is under way; empty where something is."""
        if not self.only_waits:
            return ""
        return "waiting for retries" if self.retrying else "waiting for hosts"
