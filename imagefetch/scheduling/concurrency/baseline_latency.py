"""Compares the latency of a host with its baseline latency, to detect slow responses.

The baseline latency is the lowest one seen, which a host has without load. It rises slowly, since
the network may get slower.
"""

from __future__ import annotations

# Responses are slow if their latency exceeds the baseline latency by this factor and by these
# seconds. The baseline rises by this share of each excess over it.
SLOW_FACTOR = 2.0
SLOW_SECONDS = 0.05
BASELINE_WEIGHT = 0.05

# Latency within this factor of the baseline is close to it.
CLOSE_FACTOR = 1.25


class BaselineLatency:
    """The baseline latency of a host, in seconds."""

    __slots__ = ("_was_slow", "seconds")

    def __init__(self) -> None:
        self.seconds = 0.0
        self._was_slow = False  # in the last round without a trial

    def note(self, latency: float) -> None:
        """Record the mean *latency* of a round."""
        excess = latency - self.seconds
        self.seconds += excess if excess < 0 or not self.seconds else BASELINE_WEIGHT * excess

    def is_slow(self, latency: float) -> bool:
        """Return whether responses with this *latency* are slow."""
        return latency > max(SLOW_FACTOR * self.seconds, self.seconds + SLOW_SECONDS)

    def is_close(self, latency: float) -> bool:
        """Return whether *latency* is close to the baseline."""
        return latency < CLOSE_FACTOR * self.seconds

    def became_slow(self, *, slow: bool) -> bool:
        """Record whether a round without a trial was *slow*; return whether it is the first."""
        was_slow, self._was_slow = self._was_slow, slow
        return slow and not was_slow
