"""Defines whether a request may be sent to its host now."""

from __future__ import annotations

from enum import Enum, auto


class Admission(Enum):
    """What a circuit breaker or a rate limit decides on a request."""

    SEND = auto()
    WAIT = auto()
    """Its line waits until the host accepts requests again."""
    FAIL = auto()
    """The host is given up, so the line fails at once."""
