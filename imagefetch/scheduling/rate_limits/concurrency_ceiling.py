"""Recognizes an origin that limits concurrent requests although its refusals tell a time.

Such refusals are first blamed on requests per second. An origin that allows k concurrent requests
accepts those with at most k in flight, and refuses those with more. One that limits a rate does
not care: once requests are paced, some are accepted with as many in flight as others are refused
with. So if in two successive cycles the same number separates those that were accepted from those
that were refused, it is a limit of concurrent requests, and the ceiling. (A cycle lasts from one
successful probe to the next, see `adaptive_rate`.)

The ceiling is held for many times the pause that a refusal costs, then raised step by step
(additive increase, as in `adaptive_rate`). A refusal slightly within the ceiling lowers it, since
the first estimates may be too high. One further within contradicts it.

All times are seconds of one clock; any clock will do.
"""

from __future__ import annotations

from dataclasses import dataclass

# Cycles in a row that must agree, and the difference of their numbers that is allowed.
CYCLES = 2
TOLERANCE = 1

# The share of requests that may be accepted with more in flight: this program still counts those
# whose response is under way.
OVERLAP = 0.01

# For the same reason a request may be refused with more in flight than the limit, so the least
# number is the best estimate. The share of the ceiling by which later refusals may lower it, but 1
# at least: without it, a distant host was taken for one that limits its rate again and again.
LOWERED = 1 / 4

# The ceiling is held for so many times the pause that a refusal cost, but so many seconds at least:
# then pauses take 3 % of the time.
HOLD_PAUSES = 30
HOLD_MIN = 10.0

# The growth of the ceiling, and its decrease, as a share of it. The growth doubles with each step,
# up to a maximum.
GROWTH = 1 / 16
GROWTH_MAX = 1.0


@dataclass(slots=True)
class ConcurrencyCeiling:
    """Most requests in flight to one origin, as its refusals show."""

    value: int | None = None
    """None until it is known."""
    _proven: int = 0  # the ceiling before it was raised
    _estimate: int = 0  # most in flight that are accepted, by the last cycles; 0: unknown
    _agreed: int = 0  # cycles in a row with this estimate
    _needed: int = CYCLES  # to be believed; twice as many after a contradiction
    _accepted: int = 0  # requests of this cycle
    _above: int = 0  # of these, those with more in flight than `_estimate`
    _least_refused: int = 0  # in flight, in this cycle; 0: none was refused
    _held_until: float = 0.0
    _growth: float = GROWTH

    def accepted(self, in_flight: int, now: float) -> None:
        """Record a request that was accepted; *in_flight*: requests when it was sent."""
        self._accepted += 1
        self._above += in_flight > self._estimate
        if self.value is not None and now >= self._held_until and in_flight >= self.value:
            self._proven = self._estimate = self.value
            self.value += max(1, int(self.value * self._growth))
            self._growth = min(2 * self._growth, GROWTH_MAX)
            self._held_until = now + HOLD_MIN

    def refused(self, in_flight: int) -> None:
        """Record a request that was refused; *in_flight* as in `accepted`."""
        self._least_refused = min(self._least_refused or in_flight, in_flight)

    def decides(self, now: float, pause: float) -> bool:
        """End a cycle, whose refusals cost a *pause*; return whether they do not concern a rate."""
        explained = self.value is not None
        if self._least_refused:
            self._learn(self._least_refused - 1, now, pause)
        self._least_refused = self._accepted = self._above = 0
        return explained or self.value is not None

    def _learn(self, estimate: int, now: float, pause: float) -> None:
        if self.value is not None:
            if estimate >= self._proven:
                self._hold(self._proven, now, pause)
            elif estimate >= self._estimate - max(TOLERANCE, int(LOWERED * self._estimate)):
                self._hold(estimate - int(GROWTH * estimate), now, pause)
            else:
                self.value, self._agreed = None, 0
                self._needed *= 2
            return
        same = estimate > 0 and abs(estimate - self._estimate) <= TOLERANCE
        separated = self._above <= OVERLAP * self._accepted
        self._agreed = self._agreed + 1 if same and separated else 1
        self._estimate = min(estimate, self._estimate) if self._agreed > 1 else estimate
        if self._agreed >= self._needed:
            self._hold(self._estimate, now, pause)

    def _hold(self, value: int, now: float, pause: float) -> None:
        self.value = self._proven = value
        self._growth = GROWTH
        self._held_until = now + max(HOLD_MIN, HOLD_PAUSES * pause)
