"""Statistics of streams: bounded, and the same after serialization as JSON."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from imagefetch.stats.sketches import FrequentKeys, Histogram, Reservoir, Series


def through_json(sketch: Any) -> Any:
    return type(sketch).from_json(json.loads(json.dumps(sketch.to_json())))


def test_a_histogram_s_bins_are_where_it_says() -> None:
    """A value lies between the edges of its bin, however many bins a doubling has."""
    for steps in (1, 2):
        for value in (1, 2, 3, 7, 8, 640, 1_000, 1_023, 1_024, 10**12):
            histogram = Histogram(steps)
            histogram.add(value)
            (number,) = histogram.bins
            assert histogram.edge(number) <= value < histogram.edge(number + 1)


def test_a_series_has_few_points_and_loses_nothing() -> None:
    """Neighbouring points are merged; sums and order are preserved."""
    series = Series(2, limit=10)
    for n in range(1_000):
        series.add(1.0, 1, n)
    assert 5 <= len(series.points) <= 10
    assert [sum(point[i] for point in series.points) for i in range(3)] == [1_000, 1_000, 499_500]
    levels = [total / count for _, count, total in series.points]
    assert levels == sorted(levels)
    assert len({point[0] for point in series.points[:-1]}) == 1
    assert through_json(series).points == series.points


def test_a_sample_is_evenly_drawn() -> None:
    """Each tenth of the stream has about a tenth of the sample; the sample is never larger than its
    size, and contains everything of a shorter stream."""
    random.seed(5)
    tenths = [0] * 10
    for _ in range(400):
        reservoir = Reservoir(10)
        for n in range(500):
            if reservoir.wants():
                reservoir.put(n)
        assert len(reservoir.sample) == 10
        for n in reservoir.sample:
            tenths[n // 50] += 1
    assert all(330 < count < 470 for count in tenths), tenths
    few = Reservoir(10)
    for n in range(7):
        assert few.wants()
        few.put(n)
    assert few.sample == list(range(7))
    assert not Reservoir(0).wants()


@pytest.mark.parametrize("often", ["first", "last"])
def test_frequent_keys_are_kept(often: str) -> None:
    """The number of keys is bounded, frequent keys are among them, and no count is too high."""
    tally = FrequentKeys(100, 2)
    for n in range(20_000):
        tally.of(f"once-{n}")[0] += 1
        if n % 10 == 0:
            sums = tally.of(often)
            sums[0] += 1
            sums[1] += 2
        assert len(tally.sums) <= 100
    assert tally.forgot
    ((key, (count, second)),) = tally.top(1)
    assert key == often
    assert 1_900 < count <= 2_000
    assert second == 2 * count
    assert [key for key, _ in tally.top(5, 1)] == [often], "no host without failures is failing"
