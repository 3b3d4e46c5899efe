"""Adapts the number of requests per second to one host, where the host limits it.

The requests are spaced by a token bucket, written as a virtual schedule: each request moves
the time of the next one on by the reciprocal of the rate (the generic cell rate algorithm,
ITU-T I.371; https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm).

The rate follows refusals and recoveries (additive increase, multiplicative decrease; D. Chiu
and R. Jain, "Analysis of the Increase and Decrease Algorithms for Congestion Avoidance in
Computer Networks", 1989). A refusal ends a cycle, which lasts until the host accepts requests
again. What the host accepted in the cycle, divided by the cycle's seconds, estimates what it
allows, whether it counts by a token bucket, a sliding window or a fixed window. The rate is
set to a little less than the estimate and held for a while, as TCP CUBIC does below the last
maximum (RFC 9438, section 4.3). Then it grows, at first slowly; the growth doubles while no
refusal comes, so that a limit that was lifted is found out.

All times are seconds of one clock; any clock will do.
"""

from __future__ import annotations

# The rate after a refusal, as a share of the estimate; RFC 9438 has 0.7, but for requests in
# flight, whose number measures the limit less exactly than a cycle does.
MARGIN = 0.97

# Bounds of a decrease, as shares of the rate before it: an estimate from a short cycle is
# uncertain, and TCP's multiplicative decrease is 0.5 (RFC 5681, section 3.1).
DECREASE_MOST = 0.5
DECREASE_LEAST = 0.97

# The rate is held for so many requests, and for so many times the pause that the refusal cost:
# then refusals are at most about 2 % of the requests, and pauses 3 % of the time. The first
# estimate comes from requests that were not paced, so it is held for fewer requests.
HOLD_REQUESTS = 50
HOLD_PAUSES = 30
HOLD_FIRST = 10

# The increase after that, as a share of the rate at the last refusal: its beginning and its
# maximum, per second; the seconds in which it doubles; and its maximum per request.
INCREASE = 0.002
INCREASE_FIRST = 0.02
INCREASE_MAX = 0.1
INCREASE_DOUBLES = 30.0
STEP_MAX = 0.02

# Seconds by which a request may be early: the event loop may be late with the one before.
BURST = 0.05

# The least rate, requests per second.
RATE_MIN = 1 / 600


class AdaptiveRate:
    """The rate of requests to one host."""

    __slots__ = ("_due", "_grown_at", "_held_until", "_increase", "_reference", "value")

    def __init__(self, estimate: float, now: float) -> None:
        """*estimate*: requests per second that the host allowed."""
        self.value = max(MARGIN * estimate, RATE_MIN)
        """Requests per second."""
        self._due = now
        self._reference = self.value
        self._increase = INCREASE_FIRST
        self._held_until = self._grown_at = now + HOLD_FIRST / self.value

    @property
    def ready_at(self) -> float:
        """Time from which the next request may be sent."""
        return self._due - BURST

    def sent(self, now: float) -> None:
        """Take the token of a request that is sent."""
        self._due = max(self._due, now) + 1 / self.value

    def refused(self, estimate: float, pause: float, now: float) -> None:
        """Decrease the rate at the end of a cycle. *estimate*: as in `__init__`; *pause*:
        seconds for which the host refused all requests."""
        low, high = DECREASE_MOST * self.value, DECREASE_LEAST * self.value
        self.value = max(min(max(MARGIN * estimate, low), high), RATE_MIN)
        self._due = now
        self._reference = self.value
        self._increase = INCREASE
        hold = max(HOLD_REQUESTS / self.value, HOLD_PAUSES * pause)
        self._held_until = self._grown_at = now + hold

    def accepted(self, now: float) -> None:
        """Increase the rate after a request that the host accepted while others waited."""
        if now <= self._held_until:
            return
        seconds, self._grown_at = now - self._grown_at, now
        doublings = min((now - self._held_until) / INCREASE_DOUBLES, 16.0)
        share = min(self._increase * 2**doublings, INCREASE_MAX) * seconds
        self.value += self._reference * min(share, STEP_MAX)
        if self.value > 2 * self._reference:
            self._reference = self.value
