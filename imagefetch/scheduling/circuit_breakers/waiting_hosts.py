"""Describes hosts for which lines wait, and the lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from imagefetch.utils.formatting import duration, lines

UNREACHABLE = "that can't be connected to"
PAUSED = "that refused a request or asked for a pause"


class WaitingHost(NamedTuple):
    """A host for which lines wait. Times are those of the event loop, seconds."""

    origin: str
    lines: int
    """Waiting lines, without those in the backlog."""
    next_try_at: float
    given_up_at: float | None
    """Time from which a failed request lets its lines fail; None if unknown."""


class BlockedLines(NamedTuple):
    """The lines that wait for hosts, all for the same cause."""

    lines: int
    hosts: int
    next_try: float
    """Seconds until the first of these hosts is probed."""
    last_try: float
    """Seconds until the last of them is probed."""
    given_up_in: float | None = None
    """Seconds after which the last of them is given up; None if unknown."""
    cause: str = UNREACHABLE

    @classmethod
    def of(
        cls, hosts: Iterable[WaitingHost], backlog: Callable[[str], int], now: float, cause: str
    ) -> BlockedLines | None:
        """Return the figures of *hosts*; None if no line waits for them. *backlog*: returns the
        number of an origin's lines in the backlog."""
        known = list(hosts)
        count = sum(host.lines + backlog(host.origin) for host in known)
        if not count:
            return None
        due = [max(0.0, host.next_try_at - now) for host in known]
        ends = [host.given_up_at for host in known if host.given_up_at is not None]
        given_up_in = max(0.0, max(ends) - now) if len(ends) == len(known) else None
        return cls(count, len(known), min(due), max(due), given_up_in, cause)

    def __str__(self) -> str:
        hosts = "1 host" if self.hosts == 1 else f"{self.hosts:,} hosts"
        return (
            f"{lines(self.lines)} {'waits' if self.lines == 1 else 'wait'} for {hosts} "
            f"{self.cause}, tried again in {duration(self.next_try)}"
        )

    @property
    def patience(self) -> str:
        """How long the run waits, as the end of a sentence."""
        if self.given_up_in is None:
            return ""
        return f"; given up after {duration(self.given_up_in)} without success"
