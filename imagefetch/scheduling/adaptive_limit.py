"""How many requests at once a host takes: found out as congestion control does.

A host begins with `START` requests at once. Growing is a trial: a round of
requests shows whether more of them brought more answers; if not, all is as it
was, and the next trial is some time off. A refusal cuts at once; what was sent
before a cut can't cut again. Slower answers are a trial of fewer: if as many
answers come, fewer it is.

Times are of any one clock, in seconds.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

# Requests at once, to begin with.
START = 16

# Factors by which a trial grows: at the beginning, at least, and at most where the
# last one showed nothing. The excess doubles with each that succeeds, and is halved by a cut.
LEAP = 2.0
STEP = 1.06
CLEAR = 1.25

# Of the growth, the share by which answers must grow as well.
WORTH = 0.5

# Seconds until the next trial after one that failed; doubled with each.
PAUSE = 1.0
PAUSE_MAX = 4.0

# Factors of a cut; the second where the one before was not yet a round ago.
CUT = 0.9
CUT_AGAIN = 0.7

# Answers are slow from this factor and these seconds on beyond those of a host at
# ease, whose latency is the least, and creeps up by this share of what is more.
SLOW = 2.0
SLOW_SECONDS = 0.05
CREEP = 0.05

# The factor of a trial of fewer, and the share of the throughput that is to be
# left; not worth a try where latency is within a factor of a host's at ease.
FEWER = 0.8
ENOUGH = 0.93
EASE = 1.25

# The share of requests that may fail before load is the cause: the least, and how
# fast it is forgotten; and the weight of the newest outcome.
TOLERATED = 0.2
FADING = 0.98
NEWEST = 1 / 32

# A round is so many times the requests at once, at least so many, and so many
# seconds. It tells of a host's limit where the host was that busy.
ROUND = 2
ROUND_LEAST = 24
ROUND_SECONDS = 0.2
BUSY = 0.8


class Outcome(Enum):
    """What came of a request; the value is what a cut is told by."""

    ANSWERED = "answered"
    REFUSED = "429"
    OVERLOADED = "503"
    RESET = "reset"
    TIMED_OUT = "timeout"
    OTHER = "other"
    """Says nothing of the host's load."""


ANSWERS = frozenset({Outcome.ANSWERED, Outcome.REFUSED, Outcome.OVERLOADED})
"""What a host said itself."""

SLOWER = "slower"
"""The cause of a cut that no single request was."""


class Round(NamedTuple):
    """What a round of requests told."""

    throughput: float
    """Answers per second."""
    latency: float
    """Seconds to the headers of an answer, their mean."""
    was_busy: bool
    """Whether the limit was what held it."""


@dataclass(slots=True)
class Sums:
    """Of a round that is going on, over requests of which one was sent after it began."""

    begin: float
    """When the first outcome came, after which they are counted."""
    has_begun: bool = False
    outcomes: int = 0
    answers: int = 0
    busy: int = 0
    """Outcomes that came while the host was busy."""
    seconds: float = 0.0
    """From requests to outcomes."""
    latency: float = 0.0
    """From requests to headers."""

    def is_whole(self, limit: int, now: float) -> bool:
        """Whether these are enough for a host that takes *limit* at once."""
        enough = self.outcomes >= max(ROUND * limit, ROUND_LEAST)
        return enough and now - self.begin >= ROUND_SECONDS

    def round(self, limit: int) -> Round:
        """Return what they tell."""
        # Little's law, https://en.wikipedia.org/wiki/Little%27s_law: steadier than
        # counting, for answers come in bursts.
        throughput = limit * self.answers / max(self.seconds, 1e-9)
        latency = self.latency / max(self.answers, 1)
        return Round(throughput, latency, self.busy >= BUSY * self.outcomes)


class AdaptiveLimit:
    """One host's."""

    __slots__ = (
        "_back",
        "_base",
        "_before",
        "_changed",
        "_cut",
        "_eased",
        "_factor",
        "_failing",
        "_pause",
        "_probe",
        "_reference",
        "_rounds",
        "_since_cut",
        "_sums",
        "_tolerated",
        "_up",
        "_was_slow",
        "all_cuts",
        "cause",
        "cuts",
        "has_answered",
        "last",
        "limit",
        "most",
        "requests",
    )

    def __init__(self, most: int, now: float, all_cuts: Counter[str] | None = None) -> None:
        """*most*: what the limit never exceeds; *all_cuts*: where cuts are counted as well."""
        self.most = most
        self.all_cuts = Counter() if all_cuts is None else all_cuts
        self.limit = min(START, most)
        """Requests that may be under way at once."""
        self.cuts: Counter[str] = Counter()
        """How often it was cut, by cause."""
        self.cause = ""
        """Of the last cut."""
        self.requests = 0
        """Whose outcome is known."""
        self.has_answered = False
        """Whether any of them had an answer: without, nothing is known of its limit."""
        self.last = now
        """When the last outcome came."""
        # Trials.
        self._up = True  # the direction of the next
        self._factor = LEAP
        self._pause = PAUSE
        self._probe = now  # the next is not before
        self._back: int | None = None  # the limit before the one that is going on
        self._reference: Round | None = None  # the round before it
        self._eased = False  # whether fewer were tried, and were too few
        self._was_slow = False  # whether answers were, in the last round
        self._base = 0.0  # latency of the host at ease
        # Cuts.
        self._cut = float("-inf")  # when the last was
        self._since_cut = 0  # outcomes of requests sent since
        self._rounds = 1  # since the last
        self._failing = 0.0  # share of requests, of late
        self._tolerated = TOLERATED
        self._before = 0  # the limit before failures cut it
        self._set(self.limit, now)
        self._changed = now  # when the limit was

    def note(
        self, outcome: Outcome, sent: float, now: float, latency: float, *, busy: bool
    ) -> None:
        """Take in what came of a request that was *sent* then, its answer's headers after
        *latency* seconds; *busy*: whether as many were under way as may be."""
        self.requests += 1
        self.has_answered = self.has_answered or outcome in ANSWERS
        self.last = now
        if outcome is Outcome.OTHER:
            return
        if sent >= self._cut:
            if outcome is Outcome.REFUSED:
                self._cut_to_less(outcome, now)
                return
            failed = outcome is not Outcome.ANSWERED
            self._failing += (failed - self._failing) * NEWEST
            self._since_cut += 1
            if failed and self._failing > self._tolerated and self._since_cut >= self.limit:
                self._fail(outcome, now)
                return
        sums = self._sums
        if not sums.has_begun:  # what comes before tells of another limit
            sums.has_begun = sent >= self._changed
            sums.begin = now
            return
        sums.outcomes += 1
        sums.seconds += now - sent
        sums.busy += busy
        if outcome is Outcome.ANSWERED:
            sums.answers += 1
            sums.latency += latency
        if sums.is_whole(self.limit, now):
            self._end_round(sums.round(self.limit), now)

    def _end_round(self, round_: Round, now: float) -> None:
        self._rounds += 1
        more = round_.latency - self._base
        self._base += more if more < 0 or not self._base else CREEP * more
        if self._failing < self._tolerated / 2:
            self._before = 0
        if self._failing < self._tolerated / 4:
            self._tolerated = max(TOLERATED, self._tolerated * FADING)
        self._judge(round_, now)

    def _judge(self, round_: Round, now: float) -> None:
        """Decide what a round, and the trial that it was, leads to."""
        back, reference, self._back = self._back, self._reference, None
        if back is None or reference is None:
            self._go_on(round_, now)
        elif self.limit > back:
            gain = round_.throughput / max(reference.throughput, 1e-9) - 1
            if round_.was_busy and gain >= WORTH * (self.limit / back - 1):
                self._reference = round_
                self._factor = min(LEAP, 1 + 2 * (self.limit / back - 1))
                self._pause = PAUSE
                self._try_more(now)
            else:
                self._factor = max(STEP, min(CLEAR, self._factor))
                self._put_off(now, up=False)
                self._set(back, now)
        elif not round_.was_busy or round_.throughput >= ENOUGH * reference.throughput:
            if round_.throughput > reference.throughput:
                self._reference = round_
            self._pause = PAUSE
            self._try_fewer(now)
        else:  # it is not that there are too many
            self._base = reference.latency
            self._eased = True
            self._put_off(now, up=True)
            self._set(back, now)

    def _go_on(self, round_: Round, now: float) -> None:
        """Begin a trial after a round that was none, if it is time."""
        slow = round_.latency > max(SLOW * self._base, self._base + SLOW_SECONDS)
        if self._reference is not None and not slow:
            mean = (self._reference.throughput + round_.throughput) / 2
            round_ = round_._replace(throughput=mean)
        self._reference = round_
        was_slow, self._was_slow = self._was_slow, slow
        if slow and not was_slow:  # when it began, nobody knows: a whole round is to tell
            self._set(self.limit, now)
        elif slow and self.limit > 1:
            self._count(SLOWER)
            self._try_fewer(now)
        elif round_.was_busy and now >= self._probe:
            at_ease = self._eased and round_.latency < EASE * self._base
            if self._up or at_ease:
                self._try_more(now)
            else:
                self._try_fewer(now)
        else:
            self._set(self.limit, now)

    def _try_more(self, now: float) -> None:
        self._try(min(max(int(self.limit * self._factor), self.limit + 1), self.most), now)

    def _try_fewer(self, now: float) -> None:
        self._try(max(min(int(self.limit * FEWER), self.limit - 1), 1), now)

    def _try(self, limit: int, now: float) -> None:
        if limit == self.limit:
            self._put_off(now, up=not self._up)
        else:
            self._back = self.limit
        self._set(limit, now)

    def _put_off(self, now: float, *, up: bool) -> None:
        """Let the next trial wait."""
        self._up = up
        self._probe = now + self._pause
        self._pause = min(2 * self._pause, PAUSE_MAX)

    def _fail(self, outcome: Outcome, now: float) -> None:
        self._before = max(self._before, self.limit)
        if self.limit > 1:
            self._cut_to_less(outcome, now)
        else:  # it is not that there are too many
            self._tolerated = min(1.0, 2 * self._failing)
            self._set(self._before, now)
            self._before = 0

    def _cut_to_less(self, outcome: Outcome, now: float) -> None:
        self._count(outcome.value)
        self._factor = max(STEP, (1 + self._factor) / 2)
        if self._back is not None and self._back < self.limit:
            limit = self._back
            self._put_off(now, up=True)
        else:
            limit = int(self.limit * (CUT if self._rounds else CUT_AGAIN))
            limit = max(1, min(self.limit - 1, limit))
            self._up, self._probe = True, now + self._pause
        self._rounds = self._since_cut = 0
        self._cut = now
        self._back = None
        self._set(limit, now)

    def _count(self, cause: str) -> None:
        self.cause = cause
        self.cuts[cause] += 1
        self.all_cuts[cause] += 1

    def _set(self, limit: int, now: float) -> None:
        """Begin a round."""
        if limit != self.limit:
            self.limit = limit
            self._changed = now
            if self._back is None:
                self._reference = None
        self._sums = Sums(now)
