"""Defines the outcomes of a request that tell whether its host is overloaded."""

from __future__ import annotations

from enum import Enum


class Outcome(Enum):
    """The outcome of a request. The value names the cause of a cut in logs and stats."""

    RESPONDED = "response"
    REFUSED = "429"
    OVERLOADED = "503"
    RESET = "reset"
    TIMED_OUT = "timeout"
    OTHER = "other"
    """Not related to the host's load."""


RESPONSES = frozenset({Outcome.RESPONDED, Outcome.REFUSED, Outcome.OVERLOADED})
"""Outcomes that are a response of the host."""
