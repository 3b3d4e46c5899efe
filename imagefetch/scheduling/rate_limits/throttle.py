"""Slows down the requests to one origin that refuses some: by pauses, probes and a rate limit.

A refusal pauses the origin for all its lines: until the time that its headers name, else for a
short time that doubles with each further refusal (exponential backoff). After the pause it is
half-open: one request is sent as a probe. If it is accepted, more are sent, twice as many with
each response (slow start, RFC 5681, section 3.1). Requests that were in flight when a pause
began are ignored if they are refused.

An origin may limit concurrent requests, which is the concern of `AdaptiveLimit`, or requests
per second. The second is assumed if its headers name a time, if it refused a request that was
alone in flight, or if it repeatedly refused one of few in flight. Then `AdaptiveRate` spaces the
requests. If they name a time, but the number in flight separates refused from accepted requests,
`ConcurrencyCeiling` limits that number instead.

All times are seconds of one clock; any clock will do.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from imagefetch.scheduling.rate_limits.adaptive_rate import AdaptiveRate, Cycle
from imagefetch.scheduling.rate_limits.concurrency_ceiling import ConcurrencyCeiling

Entry = TypeVar("Entry")

# Requests in flight that are few, as a share of the number with which one was accepted.
FEW = 0.5

# Refusals that concurrency can't explain, from which a limit per second is assumed.
CONTRADICTIONS = 3


@dataclass(slots=True)
class Throttle(Generic[Entry]):
    """The state of one origin that refused a request, or announced that it will."""

    begin: float
    """Time when the current cycle began: the first request, or the last successful probe."""
    accepted: float
    """Requests of this cycle that were accepted."""
    learns: bool
    """Whether a rate may be set; False if the user has set one."""
    answered_at: float
    """Time of the last response that was no refusal; at first, of the first refusal."""
    paused_at: float = float("-inf")
    until: float = float("-inf")
    """Time of the end of the pause."""
    window: int | None = None
    """Requests that may be in flight while half-open; None: the host's limit applies."""
    refusals: int = 0
    """Pauses in a row without a response in between."""
    given_up: bool = False
    """Whether its lines fail until the pause ends."""
    due: float | None = None
    """Time for which the next look at its waiting entries is scheduled."""
    released: set[int] = field(default_factory=set)
    """Numbers of the lines that may be sent or are in flight."""
    waiting: deque[Entry] = field(default_factory=deque)
    _rate: AdaptiveRate | None = None  # kept while there is a ceiling, which may be wrong
    _teaches: bool = False  # whether the end of this pause sets the rate
    _told: bool = False  # whether a refusal of this pause told a time
    _refused_at: float = 0.0  # when the request of the last refusal was sent
    ceiling: ConcurrencyCeiling = field(default_factory=ConcurrencyCeiling)
    """What is known of a limit of concurrent requests."""
    _proven: int = 0  # requests in flight with which one was accepted
    _contradictions: int = 0

    def is_idle(self, now: float) -> bool:
        """Whether nothing would be lost without it, except what it has learnt."""
        return not (self.waiting or self.released or self.until > now)

    @property
    def is_limiting(self) -> bool:
        """Whether a request may have to wait."""
        bounds = (self.window, self.rate, self.ceiling.value)
        return any(bound is not None for bound in bounds) or bool(self.waiting)

    @property
    def rate(self) -> AdaptiveRate | None:
        """Requests per second; None if they are not limited."""
        return self._rate if self.ceiling.value is None else None

    @property
    def limits_rate(self) -> bool:
        """Whether refusals change the rate or the ceiling here, not the host's adaptive limit."""
        return self.rate is not None or self._teaches or self.ceiling.value is not None

    def ready_at(self, limit: int) -> float | None:
        """Return the time from which the next request may be sent; None if that depends on
        requests in flight. *limit*: maximum of requests in flight."""
        bounds = (limit, self.window, self.ceiling.value)
        if len(self.released) >= min(bound for bound in bounds if bound is not None):
            return None
        return max(self.until, self.rate.ready_at) if self.rate is not None else self.until

    def release(self, line: int, now: float) -> None:
        """Let the request of *line* be sent now."""
        self.released.add(line)
        if self.rate is not None:
            self.rate.sent(now)

    def accept(self, sent: float, in_flight: int, now: float, limit: int) -> None:
        """Record a response that is no refusal.

        *sent*: when its request was sent; *in_flight*: requests then, with itself.
        """
        self.answered_at = now
        self.accepted += 1
        self.ceiling.accepted(in_flight, now)
        if sent > self.paused_at:
            self._proven = max(self._proven, in_flight)
            if self.refusals or self._teaches:
                self._end_cycle(sent)
            self.refusals, self.given_up = 0, False
            if self.rate is not None:
                self.window = None
                if self.waiting:
                    self.rate.accepted(now)
        elif self.limits_rate or now < self.until:
            return
        if self.window is not None:
            self.window = 2 * self.window + 1 if self.window < limit else None

    def _end_cycle(self, probed: float) -> None:
        """End the cycle with a probe that was sent at *probed*, and accepted."""
        if self.learns and self.ceiling.decides(probed, probed - self.paused_at):
            pass
        elif self._teaches and self.learns:
            # Without a time, it may have accepted requests since the last refusal of a probe.
            end = probed if self._told else (self._refused_at + probed) / 2
            cycle = Cycle(self.accepted - 1, end - self.begin, probed - self.paused_at)
            if self._rate is None:
                self._rate = AdaptiveRate(cycle, probed)
            else:
                self._rate.refused(cycle, probed)
            self._rate.sent(probed)
        self._teaches = self._told = False
        self.begin, self.accepted = probed, 1.0

    def refuse(self, sent: float, in_flight: int, now: float, *, told: bool) -> bool:
        """Record a refusal; arguments as in `accept`. *told*: whether the origin told a time.

        Return whether the request was sent after the last pause.
        """
        self._told |= told
        self._refused_at = sent
        if self._told or self.ceiling.value is not None:
            self.ceiling.refused(in_flight)
        if sent <= self.paused_at:
            self._teaches |= told
            return False
        self.refusals += 1
        if in_flight == 1:
            self._contradictions = CONTRADICTIONS
        elif in_flight <= FEW * self._proven:
            self._contradictions += 1
        self._proven = in_flight - 1
        self._teaches |= told or self.rate is not None or self._contradictions >= CONTRADICTIONS
        return True

    def pause(self, seconds: float, now: float) -> None:
        """Send no request for so many seconds, or longer if it is paused for longer."""
        if now >= self.until:
            self.paused_at = now
        self.until = max(self.until, now + seconds)
        self.window = 1
