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
maximum (RFC 9438, section 4.3). Then it grows; the growth doubles while no refusal comes, so
that a limit that was lifted is found out.

The estimate is too low if the rate has grown much within the cycle, or if the pause takes a
large share of it: the host may have accepted requests earlier. So after the first refusal the
rate is held for a short time and grows fast. With each further refusal, when the estimate is
better, it grows half as fast, and is held twice as long.

All times are seconds of one clock; any clock will do.
"""

from __future__ import annotations

from typing import NamedTuple

# The rate after a refusal, as a share of the estimate.
MARGIN = 0.97

# Bounds of a decrease, as shares of the rate before it. TCP's multiplicative decrease is 0.5
# (RFC 5681, section 3.1) or 0.7 (RFC 9438, section 4.6), but of requests in flight, whose number
# measures a limit per second less exactly. The first bound holds if few requests were accepted
# since the last refusal; the second one if the pause takes little of the cycle.
DECREASE_MOST = 0.7
DECREASE_MOST_PACED = 0.88
DECREASE_LEAST = 0.97
FEW = 20
PAUSE_MAX = 0.1

# The increase, as a share of the rate at the last refusal: at first, after several refusals, and
# its maximum, per second; the seconds in which it doubles; and its maximum per request.
INCREASE_FIRST = 0.02
INCREASE = 0.002
INCREASE_MAX = 0.1
INCREASE_DOUBLES = 30.0
STEP_MAX = 0.05

# The rate is held for so many requests, and for so many times the pause that the refusal cost:
# then refusals are at most about 2 % of the requests, and pauses 3 % of the time. While the
# increase is greater than `INCREASE`, these are less in proportion.
HOLD_REQUESTS = 50
HOLD_PAUSES = 30

# Seconds by which a request may be early: the event loop may be late with the one before.
BURST = 0.05

# The least rate, requests per second.
RATE_MIN = 1 / 600


class Cycle(NamedTuple):
    """The time from one successful probe of a host to the next one."""

    accepted: float
    """Requests that the host accepted."""
    seconds: float
    pause: float
    """Seconds at its end in which no request was sent but probes."""

    @property
    def estimate(self) -> float:
        """Requests per second that the host allows."""
        return max(self.accepted, 1.0) / max(self.seconds, 1e-3)


class AdaptiveRate:
    """The rate of requests to one host."""

    __slots__ = ("_due", "_grown_at", "_held_until", "_increase", "_reference", "value")

    def __init__(self, cycle: Cycle, now: float) -> None:
        """*cycle*: the first one, whose requests were not paced."""
        self.value = MARGIN * cycle.estimate
        """Requests per second."""
        self._due = self._held_until = self._grown_at = now
        self._reference = self.value
        self._increase = INCREASE_FIRST
        self._hold(cycle, now)

    @property
    def ready_at(self) -> float:
        """Time from which the next request may be sent."""
        return self._due - BURST

    def sent(self, now: float) -> None:
        """Take the token of a request that is sent."""
        self._due = max(self._due, now) + 1 / self.value

    def refused(self, cycle: Cycle, now: float) -> None:
        """Decrease the rate at the end of a *cycle*."""
        least = DECREASE_MOST if cycle.accepted < FEW else 0.0
        if cycle.pause <= PAUSE_MAX * cycle.seconds:
            least = DECREASE_MOST_PACED
        wanted = max(MARGIN * cycle.estimate, least * self.value)
        self.value = min(wanted, DECREASE_LEAST * self.value)
        self._due = now
        self._increase = max(self._increase / 2, INCREASE)
        self._hold(cycle, now)

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

    def _hold(self, cycle: Cycle, now: float) -> None:
        self.value = self._reference = max(self.value, RATE_MIN)
        hold = max(HOLD_REQUESTS / self.value, HOLD_PAUSES * cycle.pause)
        self._held_until = self._grown_at = now + hold * INCREASE / self._increase
