"""Decides how long an origin pauses after a refusal, and what happens to the refused line."""

from __future__ import annotations

import random
from typing import Any

from scrapy.settings import BaseSettings

from imagefetch.scheduling.rate_limits.refusals import SentRequest, Verdict
from imagefetch.scheduling.rate_limits.throttle import Throttle

# The first pause of an origin whose headers name no time, as a share of RETRY_DELAY. It is short,
# since an origin that limits concurrent requests needs none.
FIRST_PAUSE = 1 / 8

# Random extension of a pause, as shares of it, so that processes which were told the same time
# do not all return at once; and seconds for the clocks of both sides.
JITTER = (0.01, 0.05)
CLOCKS = 0.02

# Refusals of one line for which the line is blamed if the origin accepts others: from the first
# number it alone waits, from the second one it is given up.
LINE_WAITS = 3
LINE_REFUSALS = 10

# Pauses in a row after which an origin may be given up.
PROBES_MIN = 3


class PausePolicy:
    """Decides on pauses.

    Settings: RETRY_DELAY and RETRY_MAX_DELAY bound a pause if the headers name no time,
    RETRY_AFTER_MAX if they do; RATE_LIMIT_PATIENCE: how long an origin may refuse everything.
    """

    def __init__(self, settings: BaseSettings) -> None:
        self.first_pause = FIRST_PAUSE * settings.getfloat("RETRY_DELAY")
        self.max_pause = settings.getfloat("RETRY_MAX_DELAY")
        self.most = settings.getfloat("RETRY_AFTER_MAX")
        self.patience = settings.getfloat("RATE_LIMIT_PATIENCE")

    def announced(self, throttle: Throttle[Any], seconds: float | None, now: float) -> None:
        """Pause an origin that says that it will refuse requests for so many seconds."""
        if seconds is not None and seconds <= self.most:
            throttle.pause(spread(seconds) + CLOCKS, now)

    def refused(
        self, throttle: Throttle[Any], sent: SentRequest, seconds: float | None, now: float
    ) -> Verdict:
        """Pause an origin that refused a request, for *seconds* if its headers name a time; return
        what happens to the line."""
        too_long = seconds is not None and seconds > self.most
        accepts_others = throttle.answered_at > sent.first and not throttle.refusals
        if accepts_others and sent.refusals >= LINE_REFUSALS and now - sent.first > self.patience:
            return Verdict.GIVEN_UP
        if accepts_others and sent.refusals >= LINE_WAITS and seconds is None:
            return Verdict.WAIT_ALONE
        if not throttle.refuse(sent.at, sent.in_flight, now, told=seconds is not None):
            if seconds is not None and not too_long:
                throttle.pause(spread(seconds) + CLOCKS, now)
            return Verdict.TOO_LONG if too_long else Verdict.WAIT
        backoff = min(self.first_pause * 2.0 ** min(throttle.refusals - 1, 64), self.max_pause)
        in_vain = throttle.refusals >= PROBES_MIN and now - throttle.answered_at > self.patience
        throttle.given_up = in_vain or (too_long and throttle.refusals >= PROBES_MIN)
        if seconds is None or (too_long and not throttle.given_up):
            throttle.pause(backoff * random.uniform(1, 1.25), now)
        else:
            throttle.pause(max(spread(min(seconds, 1e9)) + CLOCKS, backoff), now)
        if too_long:
            return Verdict.TOO_LONG
        return Verdict.GIVEN_UP if in_vain else Verdict.WAIT


def spread(seconds: float) -> float:
    """Return *seconds* with jitter, never less than *seconds*."""
    return seconds * (1 + random.uniform(*JITTER))
