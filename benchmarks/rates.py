"""Limits of requests per second, as servers implement them.

All times are seconds of one clock; any clock will do.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol


class Limit(Protocol):
    """A limit of requests per second."""

    def wait(self, now: float) -> float:
        """Count a request at *now*. Return 0 if it is allowed, else the seconds until one would
        be; a request that is refused does not count."""
        ...


class FixedWindow:
    """So many requests in each window; the first request after a window begins the next one."""

    def __init__(self, requests: int, seconds: float) -> None:
        self.requests, self.seconds = requests, seconds
        self._begin, self._count = float("-inf"), 0

    def wait(self, now: float) -> float:
        if now >= self._begin + self.seconds:
            self._begin, self._count = now, 0
        if self._count >= self.requests:
            return self._begin + self.seconds - now
        self._count += 1
        return 0.0


class SlidingWindow:
    """So many requests in any period of so many seconds."""

    def __init__(self, requests: int, seconds: float) -> None:
        self.requests, self.seconds = requests, seconds
        self._allowed: deque[float] = deque()

    def wait(self, now: float) -> float:
        while self._allowed and self._allowed[0] <= now - self.seconds:
            self._allowed.popleft()
        if len(self._allowed) >= self.requests:
            return self._allowed[0] + self.seconds - now
        self._allowed.append(now)
        return 0.0


class TokenBucket:
    """A bucket of so many tokens, one a request, which is refilled in so many seconds."""

    def __init__(self, requests: int, seconds: float) -> None:
        self.requests, self.rate = requests, requests / seconds
        self._tokens, self._at = float(requests), 0.0

    def wait(self, now: float) -> float:
        self._tokens = min(self.requests, self._tokens + (now - self._at) * self.rate)
        self._at = now
        if self._tokens < 1:
            return (1 - self._tokens) / self.rate
        self._tokens -= 1
        return 0.0


LIMITS: dict[str, Callable[[int, float], Limit]] = {
    "fixed": FixedWindow,
    "sliding": SlidingWindow,
    "bucket": TokenBucket,
}
