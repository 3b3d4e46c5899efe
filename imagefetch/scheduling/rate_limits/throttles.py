"""Holds the `Throttle` of each origin that refused requests, and the lines that wait for it."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from typing import Generic

from scrapy.settings import BaseSettings

from imagefetch.scheduling.admission import Admission
from imagefetch.scheduling.circuit_breakers.waiting_hosts import WaitingHost
from imagefetch.scheduling.concurrency.request_outcome import RESPONSES, Outcome
from imagefetch.scheduling.rate_limits.pause_policy import PausePolicy
from imagefetch.scheduling.rate_limits.refusals import History, RateLimitHint, SentRequest, Verdict
from imagefetch.scheduling.rate_limits.throttle import Throttle
from imagefetch.scheduling.waiting_entry import Entry

# Origins that are kept, at about 900 bytes each. Beyond that, those without lines are removed.
ORIGINS = 10_000

# Lines that wait in memory for an origin from which no more are read for it.
ENOUGH = 16


class Throttles(Generic[Entry]):
    """The throttles of all origins that need one. Settings: those of `PausePolicy`."""

    def __init__(
        self,
        settings: BaseSettings,
        limit: Callable[[str], int],
        history: Callable[[str, float], History],
    ) -> None:
        """*limit*: returns the maximum of requests in flight to an origin; *history*: what is
        known of an origin at a time."""
        self.policy = PausePolicy(settings)
        self.limit = limit
        self.history = history
        self.waiting = 0
        """Number of waiting entries."""
        self._throttles: dict[str, Throttle[Entry]] = {}
        # Origins by the number of a line that is in their `Throttle.released`.
        self._released: dict[int, list[str]] = {}
        # A heap of origins with waiting entries. Whether one may be released is checked when due.
        self._due: list[tuple[float, str]] = []

    def __bool__(self) -> bool:
        return bool(self._throttles)

    def admit(self, origin: str, line: int, now: float) -> Admission:
        """Decide on a request for *line* to *origin*."""
        throttle = self._throttles.get(origin)
        if throttle is None or line in throttle.released or not throttle.is_limiting:
            return Admission.SEND
        if not throttle.waiting:
            ready = throttle.ready_at(self.limit(origin))
            if ready is not None and ready <= now:
                self._release(origin, throttle, line, now)
                return Admission.SEND
        return Admission.FAIL if throttle.given_up else Admission.WAIT

    def add(self, origin: str, entry: Entry, *, first: bool, now: float) -> None:
        """Let *entry* wait for *origin*, before the others if *first*."""
        throttle = self._throttles[origin]
        if first:
            throttle.waiting.appendleft(entry)
        else:
            throttle.waiting.append(entry)
        self.waiting += 1
        self._schedule(origin, throttle, now)

    def take_due(self, now: float) -> Entry | None:
        """Remove and return an entry whose request may be sent now, or must fail."""
        while self._due and self._due[0][0] <= now:
            when, origin = heapq.heappop(self._due)
            throttle = self._throttles.get(origin)
            if throttle is None or throttle.due != when:
                continue
            throttle.due = None
            if not throttle.waiting:
                continue
            ready = throttle.ready_at(self.limit(origin))
            may_send = ready is not None and ready <= now
            if not (may_send or throttle.given_up):
                self._schedule(origin, throttle, now)
                continue
            self.waiting -= 1
            entry = throttle.waiting.popleft()
            if may_send:
                self._release(origin, throttle, entry.line.id, now)
            self._schedule(origin, throttle, now)
            return entry
        return None

    def next_due(self) -> float | None:
        """Return the time at which an entry may be due, seconds; None if none is waited for."""
        return self._due[0][0] if self._due else None

    def ended(self, line: int, now: float, at: str | None = None) -> None:
        """Record that the request of *line* ended without a response, or was not sent.

        *at*: only if it was to this origin; a request to another one may redirect to it.
        """
        kept = []
        for origin in self._released.pop(line, ()):
            if at in {None, origin}:
                throttle = self._throttles[origin]
                throttle.released.discard(line)
                self._schedule(origin, throttle, now)
            else:
                kept.append(origin)
        if kept:
            self._released[line] = kept

    def note(
        self,
        origin: str,
        sent: SentRequest,
        outcome: Outcome,
        told: RateLimitHint | None,
        now: float,
    ) -> tuple[Outcome, Verdict | None]:
        """Record the *outcome* of a request to *origin*, and what its response *told*.

        Return the outcome as far as it concerns concurrent requests, and what happens to the
        line if it was refused.
        """
        if told is None:
            if outcome in RESPONSES:
                self._accepted(origin, sent, now)
            else:
                self.ended(sent.line, now, origin)
            return outcome, None
        verdict = self._told(origin, sent, told, now)
        if told.refused and self._throttles[origin].limits_rate:
            outcome = Outcome.OTHER
        return outcome, verdict

    def _accepted(self, origin: str, sent: SentRequest, now: float) -> None:
        """Record a response that is no refusal."""
        self.ended(sent.line, now, origin)
        throttle = self._throttles.get(origin)
        if throttle is not None:
            throttle.accept(sent.at, sent.in_flight, now, self.limit(origin))
            self._schedule(origin, throttle, now)

    def _told(
        self, origin: str, sent: SentRequest, told: RateLimitHint, now: float
    ) -> Verdict | None:
        """Record what a response told; return what happens to its line if it was refused."""
        throttle = self._throttles.get(origin) or self._add(origin, sent.at, now)
        self.ended(sent.line, now, origin)
        verdict = None
        if told.refused:
            verdict = self.policy.refused(throttle, sent, told.seconds, now)
        else:
            throttle.accept(sent.at, sent.in_flight, now, self.limit(origin))
            self.policy.announced(throttle, told.seconds, now)
        self._schedule(origin, throttle, now)
        return verdict

    def is_paused(self, origin: str, now: float) -> bool:
        """Return whether no request may be sent to *origin* now."""
        throttle = self._throttles.get(origin)
        return throttle is not None and throttle.until > now

    def is_limiting(self, origin: str) -> bool:
        """Return whether requests to *origin* may have to wait."""
        throttle = self._throttles.get(origin)
        return throttle is not None and throttle.is_limiting and not throttle.given_up

    def has_enough(self, origin: str) -> bool:
        """Return whether enough entries wait for *origin*."""
        throttle = self._throttles.get(origin)
        return throttle is not None and len(throttle.waiting) >= ENOUGH

    def paused(self, now: float) -> Iterator[WaitingHost]:
        """Yield each origin in a pause. Given-up origins are omitted."""
        for origin, throttle in self._throttles.items():
            if throttle.until > now and not throttle.given_up:
                given_up_at = throttle.answered_at + self.policy.patience
                waiting = len(throttle.waiting)
                yield WaitingHost(origin, waiting, throttle.until, given_up_at)

    def rates(self) -> Iterator[tuple[str, int, float]]:
        """Yield each origin that has a rate, its number of waiting entries, and the rate in
        requests per second."""
        for origin, throttle in self._throttles.items():
            if throttle.rate is not None:
                yield origin, len(throttle.waiting), throttle.rate.value

    def ceilings(self) -> Iterator[tuple[str, int]]:
        """Yield each origin that limits concurrent requests but tells times, and that limit."""
        for origin, throttle in self._throttles.items():
            if throttle.ceiling.value is not None:
                yield origin, throttle.ceiling.value

    def _add(self, origin: str, sent: float, now: float) -> Throttle[Entry]:
        if len(self._throttles) >= ORIGINS:
            idle = [name for name, each in self._throttles.items() if each.is_idle(now)]
            for name in idle:
                del self._throttles[name]
        begin, accepted, learns = self.history(origin, sent)
        throttle = self._throttles[origin] = Throttle[Entry](begin, accepted, learns, now)
        return throttle

    def _release(self, origin: str, throttle: Throttle[Entry], line: int, now: float) -> None:
        throttle.release(line, now)
        self._released.setdefault(line, []).append(origin)

    def _schedule(self, origin: str, throttle: Throttle[Entry], now: float) -> None:
        if not throttle.waiting:
            return
        ready = now if throttle.given_up else throttle.ready_at(self.limit(origin))
        if ready is not None and (throttle.due is None or ready < throttle.due):
            throttle.due = max(ready, now)
            heapq.heappush(self._due, (throttle.due, origin))
