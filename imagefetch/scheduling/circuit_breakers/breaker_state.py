"""Defines the state of one host's circuit breaker."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum, auto
from typing import Generic

from imagefetch.scheduling.circuit_breakers.entries import Entry


class Change(Enum):
    """The change of a circuit breaker that an outcome caused."""

    NONE = auto()
    OPEN = auto()
    """Lines of the host wait."""
    GIVEN_UP = auto()
    """Open for so long that lines of the host fail at once."""
    CLOSED = auto()
    """The host was connected to again."""


@dataclass(slots=True)
class Host(Generic[Entry]):
    """A host with at least one failed connection since its last successful one."""

    failures: int = 0
    """Failed connections in a row."""
    silent_since: float = 0.0
    """Time of the first of them."""
    connected: bool = False
    """Whether it was connected to before."""
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
