"""Tests of imagefetch.scheduling.concurrency.request_history."""

from __future__ import annotations

from imagefetch.scheduling.concurrency.request_history import RequestHistory
from imagefetch.scheduling.concurrency.request_outcome import Outcome


def test_requests_of_all_outcomes_are_counted() -> None:
    """Outcomes unrelated to load, too, but these are no responses."""
    history = RequestHistory(0)
    for number in range(1_000):
        history.note(Outcome.OTHER, number / 100 + 0.1)
    assert not history.has_responded
    for number in range(1_000):
        history.note(Outcome.RESPONDED, number / 100 + 0.1)
    assert history.requests == 2_000
    assert history.has_responded
    assert history.recent_responses == 1_000
