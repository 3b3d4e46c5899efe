"""Adapts the number of concurrent requests to one host, as congestion control does.

The limit begins at `START`. It grows by trials (slow start): a round of requests shows
whether a higher limit raised the throughput; if not, the old limit is restored and the next
trial is postponed. A refusal decreases the limit at once (multiplicative decrease); requests
sent before a decrease can't cause another. When responses get slower, a trial lowers the
limit, and the lower limit stays if the throughput does.

All times are seconds of one clock; any clock will do.
"""

from __future__ import annotations

from collections import Counter

from imagefetch.scheduling.concurrency.baseline_latency import BaselineLatency
from imagefetch.scheduling.concurrency.failure_rate import FailureRate
from imagefetch.scheduling.concurrency.request_outcome import Outcome
from imagefetch.scheduling.concurrency.throughput_meter import Round, ThroughputMeter
from imagefetch.scheduling.concurrency.trial_plan import TrialPlan

# The initial limit: concurrent requests.
START = 16

# The least gain in throughput for which a trial succeeds, as a share of the limit's growth; and
# the share of the throughput that must remain for one that lowers the limit.
GAIN_MIN = 0.5
THROUGHPUT_MIN = 0.93

# Factors of a decrease; the second one applies within a round of the previous decrease.
DECREASE = 0.9
DECREASE_AGAIN = 0.7

SLOWER = "slower"
"""The cause of a cut that was made because responses got slower."""


class AdaptiveLimit:
    """The limit of concurrent requests to one host."""

    __slots__ = (
        "_baseline",
        "_changed_at",
        "_cut_at",
        "_failures",
        "_limit_before_trial",
        "_meter",
        "_plan",
        "_reference",
        "_rounds_since_cut",
        "all_cuts",
        "cause",
        "cuts",
        "limit",
        "most",
    )

    def __init__(self, most: int, now: float, all_cuts: Counter[str] | None = None) -> None:
        """*most*: upper bound of the limit; *all_cuts*: cuts of all hosts, by cause."""
        self.most = most
        self.all_cuts = Counter() if all_cuts is None else all_cuts
        self.limit = min(START, most)
        """Maximum number of requests in flight."""
        self.cuts: Counter[str] = Counter()
        """Number of cuts, by cause."""
        self.cause = ""
        """Cause of the last cut."""
        self._plan = TrialPlan(now)
        self._baseline = BaselineLatency()
        self._failures = FailureRate()
        self._limit_before_trial: int | None = None  # while a trial runs
        self._reference: Round | None = None  # the round to compare with
        self._cut_at = float("-inf")  # time of the last cut
        self._rounds_since_cut = 1
        self._start_round(self.limit, now)
        self._changed_at = now  # time of the last change of the limit

    def note(
        self, outcome: Outcome, sent: float, now: float, latency: float, *, busy: bool
    ) -> None:
        """Record the *outcome* of a request.

        *sent*: when it was sent; *latency*: seconds until the response's headers; *busy*:
        whether the limit of requests in flight was reached.
        """
        if outcome is Outcome.OTHER:
            return
        if sent >= self._cut_at:
            if outcome is Outcome.REFUSED:
                self._decrease(outcome, now)
                return
            failed = outcome is not Outcome.RESPONDED
            self._failures.note(failed=failed)
            if failed and self._failures.is_excessive(self.limit):
                self._react_to_failures(outcome, now)
                return
        meter = self._meter
        if not meter.has_begun:  # earlier requests were sent under another limit
            meter.has_begun = sent >= self._changed_at
            meter.begin = now
            return
        meter.note(now - sent, latency, busy=busy, responded=outcome is Outcome.RESPONDED)
        if meter.is_complete(self.limit, now):
            self._end_round(meter.round(self.limit), now)

    def _end_round(self, round_: Round, now: float) -> None:
        self._rounds_since_cut += 1
        self._baseline.note(round_.latency)
        self._failures.end_round()
        self._evaluate(round_, now)

    def _evaluate(self, round_: Round, now: float) -> None:
        """Evaluate a finished round: start a trial, or accept or revert the current one."""
        limit_before, reference = self._limit_before_trial, self._reference
        self._limit_before_trial = None
        if limit_before is None or reference is None:
            self._start_trial(round_, now)
        elif self.limit > limit_before:
            gain = round_.throughput / max(reference.throughput, 1e-9) - 1
            if round_.was_busy and gain >= GAIN_MIN * (self.limit / limit_before - 1):
                self._reference = round_
                self._plan.growth_succeeded(self.limit / limit_before)
                self._raise_limit(now)
            else:
                self._plan.growth_failed(now)
                self._start_round(limit_before, now)
        elif not round_.was_busy or round_.throughput >= THROUGHPUT_MIN * reference.throughput:
            if round_.throughput > reference.throughput:
                self._reference = round_
            self._plan.shrinking_succeeded()
            self._lower_limit(now)
        else:  # fewer requests lost throughput: load is not what makes responses slow
            self._baseline.seconds = reference.latency
            self._plan.shrinking_failed(now)
            self._start_round(limit_before, now)

    def _start_trial(self, round_: Round, now: float) -> None:
        """Start a trial after a round that was not one, if one is due."""
        slow = self._baseline.is_slow(round_.latency)
        if self._reference is not None and not slow:
            mean = (self._reference.throughput + round_.throughput) / 2
            round_ = round_._replace(throughput=mean)
        self._reference = round_
        if self._baseline.became_slow(slow=slow):
            # It is slow since an unknown point: measure a whole round.
            self._start_round(self.limit, now)
        elif slow and self.limit > 1:
            self._count(SLOWER)
            self._lower_limit(now)
        elif round_.was_busy and self._plan.is_due(now):
            # A lower limit that lost throughput before is not tried while responses are fast.
            is_fast = self._plan.shrink_failed and self._baseline.is_close(round_.latency)
            if self._plan.grows or is_fast:
                self._raise_limit(now)
            else:
                self._lower_limit(now)
        else:
            self._start_round(self.limit, now)

    def _raise_limit(self, now: float) -> None:
        self._try(self._plan.higher(self.limit, self.most), now)

    def _lower_limit(self, now: float) -> None:
        self._try(self._plan.lower(self.limit), now)

    def _try(self, limit: int, now: float) -> None:
        if limit == self.limit:
            self._plan.postpone(now, grow=not self._plan.grows)
        else:
            self._limit_before_trial = self.limit
        self._start_round(limit, now)

    def _react_to_failures(self, outcome: Outcome, now: float) -> None:
        failures = self._failures
        failures.limit_before = max(failures.limit_before, self.limit)
        if self.limit > 1:
            self._decrease(outcome, now)
        else:
            failures.tolerate()
            self._start_round(failures.limit_before, now)
            failures.limit_before = 0

    def _decrease(self, outcome: Outcome, now: float) -> None:
        self._count(outcome.value)
        if self._limit_before_trial is not None and self._limit_before_trial < self.limit:
            limit = self._limit_before_trial
            self._plan.was_cut(now, in_trial=True)
        else:
            limit = int(self.limit * (DECREASE if self._rounds_since_cut else DECREASE_AGAIN))
            limit = max(1, min(self.limit - 1, limit))
            self._plan.was_cut(now, in_trial=False)
        self._failures.begin_cut()
        self._rounds_since_cut = 0
        self._cut_at = now
        self._limit_before_trial = None
        self._start_round(limit, now)

    def _count(self, cause: str) -> None:
        self.cause = cause
        self.cuts[cause] += 1
        self.all_cuts[cause] += 1

    def _start_round(self, limit: int, now: float) -> None:
        """Start a round with *limit*."""
        if limit != self.limit:
            self.limit = limit
            self._changed_at = now
            if self._limit_before_trial is None:
                self._reference = None
        self._meter = ThroughputMeter(now)
