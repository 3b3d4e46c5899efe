"""Defines what a response says about its host's rate limit, and what happens to a refused line."""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple


class RateLimitHint(NamedTuple):
    """What the headers of a response say about further requests, such as Retry-After."""

    refused: bool
    """Whether the response is a refusal, such as a 429."""
    seconds: float | None
    """Seconds to wait before the next request; None: the headers name no time."""


class Verdict(Enum):
    """What happens to a line whose request was refused."""

    WAIT = auto()
    """It waits for its origin, which costs it no try."""
    WAIT_ALONE = auto()
    """It waits by itself, since its origin accepts other requests."""
    TOO_LONG = auto()
    """The origin asks for more than RETRY_AFTER_MAX."""
    GIVEN_UP = auto()
    """It was refused too often."""


class SentRequest(NamedTuple):
    """A request whose outcome is known."""

    line: int
    """Number of its line."""
    at: float
    """When it was sent."""
    in_flight: int
    """Requests to its host then, with itself."""
    refusals: int
    """How often the line was refused before."""
    first: float
    """When the first request of the line was sent."""


class History(NamedTuple):
    """What is known of an origin before its first refusal."""

    begin: float
    """Time since which requests are counted."""
    accepted: float
    learns: bool
    """Whether a rate may be set."""
