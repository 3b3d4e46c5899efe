"""Tests rates per second."""

from __future__ import annotations

import pytest

from imagefetch.stats.rate import SMOOTH, Rate


def test_a_rate_is_smooth_and_right_from_its_beginning() -> None:
    """A constant rate is exact at once; in a pause it falls slowly; after a long time old values
    have no weight."""
    rate = Rate()
    for second in range(1, 4):
        assert rate.update(second, 10 * second) == pytest.approx(10)
    assert 5 < rate.update(4, 30) < 10
    assert rate.update(4, 30) == rate.value, "no time passed"
    for second in range(5, 5 + int(10 * SMOOTH)):
        rate.update(second, 30 + 2 * (second - 4))
    assert rate.value == pytest.approx(2, rel=0.01)
