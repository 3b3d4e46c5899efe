"""Measures how many requests to a host fail, to find out whether its load is the cause."""

from __future__ import annotations

# The share of requests that may fail before load is taken for the cause: its minimum, its decay
# per round towards the minimum, and the weight of the newest outcome in the failure rate.
TOLERATED = 0.2
TOLERATED_DECAY = 0.98
NEWEST_WEIGHT = 1 / 32


class FailureRate:
    """The share of requests that fail, as a moving average, and the share that is tolerated."""

    __slots__ = ("_outcomes", "_rate", "_tolerated", "limit_before")

    def __init__(self) -> None:
        self._rate = 0.0
        self._tolerated = TOLERATED
        self._outcomes = 0  # of requests sent since the last cut
        self.limit_before = 0
        """The limit before cuts for failures, restored if these did not help; 0: none."""

    def note(self, *, failed: bool) -> None:
        """Record the outcome of a request that was sent after the last cut."""
        self._rate += (failed - self._rate) * NEWEST_WEIGHT
        self._outcomes += 1

    def is_excessive(self, limit: int) -> bool:
        """Return whether too many requests fail, under this *limit* of requests in flight."""
        return self._rate > self._tolerated and self._outcomes >= limit

    def begin_cut(self) -> None:
        """Record a cut: the outcomes of earlier requests don't count."""
        self._outcomes = 0

    def tolerate(self) -> None:
        """Tolerate the present rate: a limit of 1 did not lower it, so load is not the cause."""
        self._tolerated = min(1.0, 2 * self._rate)

    def end_round(self) -> None:
        """Adapt what is tolerated to a round of requests."""
        if self._rate < self._tolerated / 2:
            self.limit_before = 0
        if self._rate < self._tolerated / 4:
            self._tolerated = max(TOLERATED, self._tolerated * TOLERATED_DECAY)
