"""Bounded figures: few whatever comes, the same after JSON, and added to one another."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from imagefetch.sketches import Histogram, Reservoir, Series, Tally


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


def test_a_histogram_knows_its_median() -> None:
    """The bin in which the middle lies; none of none; a 0 counts as 1."""
    histogram = Histogram()
    assert histogram.median() is None
    for value in (0, 5, 5, 900, 2_000):
        histogram.add(value)
    assert histogram.median() == 4
    assert through_json(histogram).median() == 4


def test_a_series_has_few_points_and_loses_nothing() -> None:
    """Neighbours become one as it grows: the sums stay, in order, over the same seconds."""
    series = Series(2, limit=10)
    for n in range(1_000):
        series.add(1.0, 1, n)
    assert 5 <= len(series.points) <= 10
    assert [sum(point[i] for point in series.points) for i in range(3)] == [1_000, 1_000, 499_500]
    levels = [total / count for _, count, total in series.points]
    assert levels == sorted(levels)
    assert len({point[0] for point in series.points[:-1]}) == 1
    assert through_json(series).points == series.points


def test_series_of_two_processes_add_up() -> None:
    """Although one ran for longer, so that its points are for longer stretches."""
    long, short = Series(1, limit=8), Series(1, limit=8)
    for _ in range(100):
        long.add(1.0, 1)
    for _ in range(5):
        short.add(1.0, 10)
    step = long.step
    short.merge(long)
    assert short.step == step
    assert sum(point[1] for point in short.points) == 150
    assert short.points[0][1] == step + 50
    assert sum(point[0] for point in short.points) == 100


def test_a_sample_is_evenly_drawn() -> None:
    """Each tenth of what came has a tenth of the sample, give or take; it never outgrows its
    size, and where less came, all of it is there."""
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


def test_samples_merge_by_what_they_have_seen() -> None:
    """Of a process that saw nine times as much, about nine times as many."""
    random.seed(6)
    mine = 0
    for _ in range(100):
        much, little = Reservoir(20), Reservoir(20)
        for reservoir, number, name in ((much, 900, "m"), (little, 100, "l")):
            for _ in range(number):
                if reservoir.wants():
                    reservoir.put(name)
        much.merge(through_json(little))
        assert much.seen == 1_000
        assert len(much.sample) == 20
        mine += much.sample.count("m")
    assert 1_700 < mine < 1_900


@pytest.mark.parametrize("often", ["first", "last"])
def test_a_tally_keeps_what_comes_often(often: str) -> None:
    """However many keys come, few are held, and what comes often is among them, never counted
    too high."""
    tally = Tally(100, 2)
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
    assert [key for key, _ in tally.top(5, 1)] == [often], "no host without failures is sick"


def test_tallies_add_up() -> None:
    """Key by key."""
    a, b = Tally(10, 2), Tally(10, 2)
    a.of("x")[0] += 3
    b.of("x")[0] += 4
    b.of("y")[1] += 1
    a.merge(through_json(b))
    assert a.sums == {"x": [7, 0], "y": [0, 1]}
    assert not a.forgot
