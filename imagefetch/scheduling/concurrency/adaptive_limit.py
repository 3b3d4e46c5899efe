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

from imagefetch.scheduling.concurrency.outcomes import RESPONSES, Outcome
from imagefetch.scheduling.concurrency.rounds import Round, Sums

# The initial limit: concurrent requests.
START = 16

# Growth factors of a trial: the first and largest one, the smallest one, and the largest one
# after a trial that failed. The excess over 1 doubles after a success; a decrease halves it.
GROWTH_MAX = 2.0
GROWTH_MIN = 1.06
GROWTH_AFTER_FAILURE = 1.25

# The least gain in throughput for which a trial succeeds, as a share of the limit's growth.
GAIN_MIN = 0.5

# Seconds between a failed trial and the next one; they double with each failure.
TRIAL_PAUSE = 1.0
TRIAL_PAUSE_MAX = 4.0

# Factors of a decrease; the second one applies within a round of the previous decrease.
DECREASE = 0.9
DECREASE_AGAIN = 0.7

# Responses are slow if their latency exceeds the baseline latency by this factor and by these
# seconds. The baseline is the lowest latency; it rises by this share of each excess over it.
SLOW_FACTOR = 2.0
SLOW_SECONDS = 0.05
BASELINE_WEIGHT = 0.05

# The factor of a trial that lowers the limit, and the share of the throughput that must remain.
# Such a trial is skipped if it failed before and latency is within this factor of the baseline.
SHRINK = 0.8
THROUGHPUT_MIN = 0.93
BASELINE_FACTOR = 1.25

# The share of requests that may fail before load is taken for the cause: its minimum, its decay
# per round towards the minimum, and the weight of the newest outcome in the failure rate.
TOLERATED = 0.2
TOLERATED_DECAY = 0.98
NEWEST_WEIGHT = 1 / 32

# Seconds after which earlier responses count half in the recent ones.
RECENT = 60.0

SLOWER = "slower"
"""The cause of a cut that was made because responses got slower."""


class AdaptiveLimit:
    """The limit of concurrent requests to one host."""

    __slots__ = (
        "_baseline",
        "_changed_at",
        "_cut_at",
        "_failure_rate",
        "_grow_next",
        "_growth",
        "_limit_before_failures",
        "_limit_before_trial",
        "_next_trial_at",
        "_outcomes_since_cut",
        "_pause",
        "_reference",
        "_rounds_since_cut",
        "_shrink_failed",
        "_sums",
        "_tolerated_rate",
        "_was_slow",
        "all_cuts",
        "cause",
        "cuts",
        "has_responded",
        "last_outcome_at",
        "limit",
        "most",
        "recent_responses",
        "recent_since",
        "requests",
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
        self.requests = 0
        """Requests whose outcome is known."""
        self.recent_responses, self.recent_since = 0.0, now
        """Responses that are no refusals, since that time; earlier ones are forgotten."""
        self.has_responded = False
        """Whether the host ever sent a response: otherwise nothing is known of its limit."""
        self.last_outcome_at = now
        """Time of the last outcome."""
        # Trials:
        self._grow_next = True  # whether the next trial raises the limit
        self._growth = GROWTH_MAX
        self._pause = TRIAL_PAUSE
        self._next_trial_at = now  # earliest time of the next trial
        self._limit_before_trial: int | None = None  # while a trial runs
        self._reference: Round | None = None  # the round to compare with
        self._shrink_failed = False  # whether a lower limit lost throughput
        self._was_slow = False  # in the last round
        self._baseline = 0.0  # baseline latency
        # Cuts:
        self._cut_at = float("-inf")  # time of the last cut
        self._outcomes_since_cut = 0  # outcomes of requests sent since the last cut
        self._rounds_since_cut = 1  # since the last cut
        self._failure_rate = 0.0  # moving average
        self._tolerated_rate = TOLERATED
        self._limit_before_failures = 0  # restored if cuts did not help
        self._start_round(self.limit, now)
        self._changed_at = now  # time of the last change of the limit

    def note(
        self, outcome: Outcome, sent: float, now: float, latency: float, *, busy: bool
    ) -> None:
        """Record the *outcome* of a request.

        *sent*: when it was sent; *latency*: seconds until the response's headers; *busy*:
        whether the limit of requests in flight was reached.
        """
        self.requests += 1
        self.has_responded = self.has_responded or outcome in RESPONSES
        self.last_outcome_at = now
        if outcome is Outcome.OTHER:
            return
        if outcome is Outcome.RESPONDED:
            self.recent_responses += 1
            if now - self.recent_since > RECENT:
                self.recent_responses /= 2
                self.recent_since += (now - self.recent_since) / 2
        if sent >= self._cut_at:
            if outcome is Outcome.REFUSED:
                self._decrease(outcome, now)
                return
            failed = outcome is not Outcome.RESPONDED
            self._failure_rate += (failed - self._failure_rate) * NEWEST_WEIGHT
            self._outcomes_since_cut += 1
            if (
                failed
                and self._failure_rate > self._tolerated_rate
                and self._outcomes_since_cut >= self.limit
            ):
                self._react_to_failures(outcome, now)
                return
        sums = self._sums
        if not sums.has_begun:  # earlier requests were sent under another limit
            sums.has_begun = sent >= self._changed_at
            sums.begin = now
            return
        sums.outcomes += 1
        sums.seconds += now - sent
        sums.busy += busy
        if outcome is Outcome.RESPONDED:
            sums.responses += 1
            sums.latency += latency
        if sums.is_complete(self.limit, now):
            self._end_round(sums.round(self.limit), now)

    def _end_round(self, round_: Round, now: float) -> None:
        self._rounds_since_cut += 1
        excess = round_.latency - self._baseline
        self._baseline += excess if excess < 0 or not self._baseline else BASELINE_WEIGHT * excess
        if self._failure_rate < self._tolerated_rate / 2:
            self._limit_before_failures = 0
        if self._failure_rate < self._tolerated_rate / 4:
            self._tolerated_rate = max(TOLERATED, self._tolerated_rate * TOLERATED_DECAY)
        self._evaluate(round_, now)

    def _evaluate(self, round_: Round, now: float) -> None:
        """Evaluate a finished round: start a trial, or accept or revert the current one."""
        limit_before, reference, self._limit_before_trial = (
            self._limit_before_trial,
            self._reference,
            None,
        )
        if limit_before is None or reference is None:
            self._start_trial(round_, now)
        elif self.limit > limit_before:
            gain = round_.throughput / max(reference.throughput, 1e-9) - 1
            if round_.was_busy and gain >= GAIN_MIN * (self.limit / limit_before - 1):
                self._reference = round_
                self._growth = min(GROWTH_MAX, 1 + 2 * (self.limit / limit_before - 1))
                self._pause = TRIAL_PAUSE
                self._raise_limit(now)
            else:
                self._growth = max(GROWTH_MIN, min(GROWTH_AFTER_FAILURE, self._growth))
                self._postpone_trial(now, grow=False)
                self._start_round(limit_before, now)
        elif not round_.was_busy or round_.throughput >= THROUGHPUT_MIN * reference.throughput:
            if round_.throughput > reference.throughput:
                self._reference = round_
            self._pause = TRIAL_PAUSE
            self._lower_limit(now)
        else:  # fewer requests lost throughput: load is not what makes responses slow
            self._baseline = reference.latency
            self._shrink_failed = True
            self._postpone_trial(now, grow=True)
            self._start_round(limit_before, now)

    def _start_trial(self, round_: Round, now: float) -> None:
        """Start a trial after a round that was not one, if one is due."""
        slow = round_.latency > max(SLOW_FACTOR * self._baseline, self._baseline + SLOW_SECONDS)
        if self._reference is not None and not slow:
            mean = (self._reference.throughput + round_.throughput) / 2
            round_ = round_._replace(throughput=mean)
        self._reference = round_
        was_slow, self._was_slow = self._was_slow, slow
        if slow and not was_slow:  # slow since an unknown point: measure a whole round
            self._start_round(self.limit, now)
        elif slow and self.limit > 1:
            self._count(SLOWER)
            self._lower_limit(now)
        elif round_.was_busy and now >= self._next_trial_at:
            is_fast = self._shrink_failed and round_.latency < BASELINE_FACTOR * self._baseline
            if self._grow_next or is_fast:
                self._raise_limit(now)
            else:
                self._lower_limit(now)
        else:
            self._start_round(self.limit, now)

    def _raise_limit(self, now: float) -> None:
        self._try(min(max(int(self.limit * self._growth), self.limit + 1), self.most), now)

    def _lower_limit(self, now: float) -> None:
        self._try(max(min(int(self.limit * SHRINK), self.limit - 1), 1), now)

    def _try(self, limit: int, now: float) -> None:
        if limit == self.limit:
            self._postpone_trial(now, grow=not self._grow_next)
        else:
            self._limit_before_trial = self.limit
        self._start_round(limit, now)

    def _postpone_trial(self, now: float, *, grow: bool) -> None:
        """Postpone the next trial; *grow*: whether it raises the limit."""
        self._grow_next = grow
        self._next_trial_at = now + self._pause
        self._pause = min(2 * self._pause, TRIAL_PAUSE_MAX)

    def _react_to_failures(self, outcome: Outcome, now: float) -> None:
        self._limit_before_failures = max(self._limit_before_failures, self.limit)
        if self.limit > 1:
            self._decrease(outcome, now)
        else:  # a limit of 1 did not help: load is not the cause
            self._tolerated_rate = min(1.0, 2 * self._failure_rate)
            self._start_round(self._limit_before_failures, now)
            self._limit_before_failures = 0

    def _decrease(self, outcome: Outcome, now: float) -> None:
        self._count(outcome.value)
        self._growth = max(GROWTH_MIN, (1 + self._growth) / 2)
        if self._limit_before_trial is not None and self._limit_before_trial < self.limit:
            limit = self._limit_before_trial
            self._postpone_trial(now, grow=True)
        else:
            limit = int(self.limit * (DECREASE if self._rounds_since_cut else DECREASE_AGAIN))
            limit = max(1, min(self.limit - 1, limit))
            self._grow_next, self._next_trial_at = True, now + self._pause
        self._rounds_since_cut = self._outcomes_since_cut = 0
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
        self._sums = Sums(now)
