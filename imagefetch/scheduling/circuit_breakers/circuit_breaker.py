"""Implements the circuit breaker of one host that can't be connected to.

After a number of failed connections in a row, the circuit breaker opens: lines of the host wait.
After a pause, one line is sent as a probe (half-open); pauses double while probes fail. A host
that was connected to before is given up when no connection was made for a time, any other after as
many failed probes as a line has retries: its lines fail at once. Probes continue, and the first
one that succeeds closes the circuit breaker.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum, auto
from typing import Generic, NamedTuple

from imagefetch.scheduling.waiting_entry import Entry


class Transition(Enum):
    """The change of a circuit breaker that the outcome of a request caused."""

    NONE = auto()
    OPEN = auto()
    """Lines of the host wait from now on."""
    GIVEN_UP = auto()
    """Open for so long that lines of the host fail at once from now on."""
    CLOSED = auto()
    """The host was connected to again."""


class BreakerPolicy(NamedTuple):
    """When circuit breakers open, probe and give up."""

    failures: int
    """Failed connections in a row that open a circuit breaker; 0: it never opens."""
    probes: int
    """Failed probes after which a host is given up that was never connected to."""
    pause: float
    """Seconds until the first probe; doubled after each failure."""
    max_pause: float
    patience: float = 0
    """Seconds without a connection after which a host is given up that was connected to before."""

    def pause_after(self, failed_probes: int) -> float:
        """Return the seconds until the next probe."""
        return min(self.pause * 2.0 ** min(failed_probes, 64), self.max_pause)


@dataclass(slots=True)
class CircuitBreaker(Generic[Entry]):
    """The state of one host with at least one failed connection since its last successful one."""

    failures: int = 0
    """Failed connections in a row."""
    failing_since: float = 0.0
    """Time of the first of them."""
    was_connected: bool = False
    """Whether the host was connected to before."""
    is_open: bool = False
    given_up: bool = False
    failed_probes: int = 0
    """Since the circuit breaker opened."""
    probe: int | None = None
    """Number of the line in flight as a probe."""
    next_probe_at: float = 0.0
    """Time from which the next probe may be sent, seconds."""
    waiting: deque[Entry] | None = None
    """None instead of an empty deque, which takes more memory than all other fields."""

    @property
    def is_idle(self) -> bool:
        """Whether the host can be removed: no line waits for it or probes it."""
        return self.waiting is None and self.probe is None

    @property
    def is_blocking(self) -> bool:
        """Whether lines of the host must wait."""
        return self.is_open and not self.given_up

    def connected(self) -> Transition:
        """Record a successful connection."""
        self.failures, self.was_connected = 0, True
        if not self.is_open:
            return Transition.NONE
        self.is_open = self.given_up = False
        return Transition.CLOSED

    def failed(self, policy: BreakerPolicy, now: float) -> Transition:
        """Record a failed connection, while the circuit breaker is closed."""
        if not self.failures:
            self.failing_since = now
        self.failures += 1
        if self.failures < policy.failures:
            return Transition.NONE
        self.is_open, self.failed_probes = True, 0
        self.next_probe_at = now + policy.pause_after(0)
        return Transition.OPEN

    def probe_failed(self, policy: BreakerPolicy, now: float) -> Transition:
        """Record a failed probe."""
        self.failed_probes += 1
        self.next_probe_at = now + policy.pause_after(self.failed_probes)
        if self.was_connected:
            in_vain = now - self.failing_since >= policy.patience
        else:
            in_vain = self.failed_probes >= policy.probes
        if not in_vain or self.given_up:
            return Transition.NONE
        self.given_up = True
        return Transition.GIVEN_UP
