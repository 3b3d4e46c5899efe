"""How far a run is, of one process or of several: what a view shows."""

from __future__ import annotations

from dataclasses import dataclass, field

from imagefetch.sketches import Tally

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
    """As in `imagefetch.figures.Figures`."""
    ending: bool = False
    workers: int | None = None
    """Processes; None where it is one."""

    @property
    def left(self) -> float | None:
        """Seconds until all is done at this rate; None where nobody can say, as in a pause."""
        if self.total is None:
            return None
        lines = max(0, self.total - self.done)
        return lines / self.lines_rate if self.lines_rate * YEAR > lines else None
