"""Tests which refusals show a limit of concurrent requests."""

from __future__ import annotations

from imagefetch.scheduling.rate_limits.concurrency_ceiling import HOLD_MIN, ConcurrencyCeiling


def cycle(ceiling: ConcurrencyCeiling, accepted: int, refused: int, now: float = 0.0) -> bool:
    """Let requests be accepted with up to *accepted* in flight, and one refused with *refused*;
    return whether that is explained by a ceiling."""
    for in_flight in range(1, accepted + 1):
        ceiling.accepted(in_flight, now)
    ceiling.refused(refused)
    return ceiling.decides(now, 1.0)


def test_two_cycles_that_agree_show_a_ceiling() -> None:
    """One is not enough, and the numbers may differ by one."""
    ceiling = ConcurrencyCeiling()
    assert not cycle(ceiling, 5, 6)
    assert cycle(ceiling, 5, 6)
    assert ceiling.value == 5


def test_requests_that_were_accepted_with_more_in_flight_speak_against_it() -> None:
    """So do refusals with other numbers, and one of a request that was alone."""
    for accepted, refused in ((9, 6), (5, 9), (0, 1)):
        ceiling = ConcurrencyCeiling()
        cycle(ceiling, 5, 6)
        assert not cycle(ceiling, accepted, refused)
        assert ceiling.value is None


def test_a_refusal_slightly_within_a_ceiling_lowers_it() -> None:
    """The estimate was too high. But it is not lowered without end."""
    ceiling = ConcurrencyCeiling()
    cycle(ceiling, 42, 43)
    assert cycle(ceiling, 41, 42)
    assert ceiling.value == 41
    assert cycle(ceiling, 40, 41)
    assert ceiling.value == 38
    assert cycle(ceiling, 32, 33)
    assert ceiling.value == 30
    assert cycle(ceiling, 29, 30)  # explained by the ceiling that it ends
    assert ceiling.value is None


def test_a_ceiling_is_raised_later() -> None:
    """A refusal above it restores it; one within it ends it, and more cycles must then agree."""
    ceiling = ConcurrencyCeiling()
    cycle(ceiling, 5, 6)
    cycle(ceiling, 5, 6)
    ceiling.accepted(5, HOLD_MIN)
    assert ceiling.value == 5  # a refusal cost a second: it is held for longer
    ceiling.accepted(5, 4 * HOLD_MIN)
    assert ceiling.value == 6
    assert cycle(ceiling, 5, 6, 5 * HOLD_MIN)
    assert ceiling.value == 5
    assert cycle(ceiling, 3, 4)  # explained by the ceiling that it ends
    assert ceiling.value is None
    assert [cycle(ceiling, 3, 4) for _ in range(4)] == [False, False, False, True]
    assert ceiling.value == 3
