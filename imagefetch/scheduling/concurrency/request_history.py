"""Counts the requests to one host, and its recent responses."""

from __future__ import annotations

from imagefetch.scheduling.concurrency.request_outcome import RESPONSES, Outcome

# Seconds after which earlier responses count half in the recent ones.
RECENT = 60.0


class RequestHistory:
    """What is known of the requests to one host; times are seconds of one clock."""

    __slots__ = (
        "has_responded",
        "last_outcome_at",
        "recent_responses",
        "recent_since",
        "requests",
    )

    def __init__(self, now: float) -> None:
        self.requests = 0
        """Requests whose outcome is known."""
        self.recent_responses, self.recent_since = 0.0, now
        """Responses that are no refusals, since that time; earlier ones are forgotten."""
        self.has_responded = False
        """Whether the host ever sent a response: otherwise nothing is known of its limit."""
        self.last_outcome_at = now
        """Time of the last outcome."""

    def note(self, outcome: Outcome, now: float) -> None:
        """Record the *outcome* of a request."""
        self.requests += 1
        self.has_responded = self.has_responded or outcome in RESPONSES
        self.last_outcome_at = now
        if outcome is Outcome.RESPONDED:
            self.recent_responses += 1
            if now - self.recent_since > RECENT:
                self.recent_responses /= 2
                self.recent_since += (now - self.recent_since) / 2
