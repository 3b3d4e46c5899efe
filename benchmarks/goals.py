"""The performance goals of imagefetch, compared with what was measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from benchmarks import dead_hosts, rate_limited, uneven
from benchmarks.compare import Result
from benchmarks.measure import Usage
from benchmarks.rivals import AT_ONCE

Results = dict[tuple[str, str], Result]
"""By the names of workload and program."""

SHIPPED = "imagefetch as shipped"
OURS = f"imagefetch, {AT_ONCE} at once"
SCRIPT = f"aiohttp script, batches of {AT_ONCE}"
PUBLISHED = "aiohttp script, batches of 500, naps"
STOCK = "Scrapy's FilesPipeline"


@dataclass(frozen=True)
class Goal:
    """An upper bound, mostly on the ratio of one program's cost to another's."""

    text: str
    limit: float
    value: Callable[[Results], float | None]
    """Returns the measured value; None if it was not measured."""


def _wall(usage: Usage) -> float:
    return usage.wall


def _user(usage: Usage) -> float:
    return usage.user


def _share(
    workload: str, ours: str, theirs: str, of: Callable[[Usage], float]
) -> Callable[[Results], float | None]:
    def value(results: Results) -> float | None:
        mine, other = results.get((workload, ours)), results.get((workload, theirs))
        return mine.ratio(other, of) if mine and other else None

    return value


def _of_ideal(results: Results) -> float | None:
    mine = results.get(("far", OURS))
    return mine.median(_wall) / mine.workload.ideal(AT_ONCE) if mine else None


def _megabytes(workload: str, ours: str) -> Callable[[Results], float | None]:
    def value(results: Results) -> float | None:
        mine = results.get((workload, ours))
        return max(mine.spread(lambda usage: usage.peak)) / 1e6 if mine else None

    return value


def _long(results: Results) -> list[Result]:
    return [r for (name, program), r in results.items()
            if name.startswith("long-") and program == SHIPPED]  # fmt: skip


def _cost_per_url(result: Result) -> float:
    return result.median(lambda usage: usage.cpu) / result.workload.pictures


def _growth(results: Results) -> float | None:
    runs = sorted(_long(results), key=lambda result: result.workload.pictures)
    return _cost_per_url(runs[-1]) / _cost_per_url(runs[0]) if len(runs) > 1 else None


def _long_megabytes(results: Results) -> float | None:
    peaks = [max(r.spread(lambda usage: usage.peak)) / 1e6 for r in _long(results)]
    return max(peaks, default=None)


GOALS = [
    Goal("large, wall: of the aiohttp script without naps", 0.9,
         _share("large", OURS, SCRIPT, _wall)),
    Goal("large, wall: of the stock FilesPipeline", 0.35, _share("large", OURS, STOCK, _wall)),
    Goal("large, wall: of img2dataset", 0.5, _share("large", OURS, "img2dataset", _wall)),
    Goal("large, peak memory, MB", 130, _megabytes("large", OURS)),
    Goal(f"far at {AT_ONCE}, wall: of the ideal", 1.12, _of_ideal),
    Goal(f"far at {AT_ONCE}, wall: of curl -Z", 1.0, _share("far", OURS, "curl -Z", _wall)),
    Goal(f"far at {AT_ONCE}, wall: of img2dataset", 1.0, _share("far", OURS, "img2dataset", _wall)),
    Goal("one-host as shipped, wall: of the aiohttp script as published", 1.0,
         _share("one-host", SHIPPED, PUBLISHED, _wall)),
    Goal("small, user CPU: of the aiohttp script without naps", 3.5,
         _share("small", OURS, SCRIPT, _user)),
    Goal("small, user CPU: of img2dataset", 0.7, _share("small", OURS, "img2dataset", _user)),
    Goal("long, CPU per URL: longest of shortest list", 1.15, _growth),
    Goal("long, peak memory, MB", 250, _long_megabytes),
]  # fmt: skip


def measured_goals(results: Iterable[Result]) -> list[tuple[str, float, float]]:
    """Return text, limit and value of every goal that was measured."""
    known = {(r.workload.name, r.program.name): r for r in results if r.runs}
    values = ((goal, goal.value(known)) for goal in GOALS)
    return [(goal.text, goal.limit, value) for goal, value in values if value is not None]


def host_goals(
    of_hosts: list[uneven.HostResult],
    rates: list[rate_limited.HostResult],
    runs: list[dead_hosts.Measurement],
) -> list[tuple[str, float, float]]:
    """Return text, limit and value of the measured goals for *uneven*, *rate-limited* and
    *dead-hosts*."""
    found: list[tuple[str, float, float]] = []
    if of_hosts:
        least = min(uneven.shares(of_hosts).values())
        ours = uneven.refusals(of_hosts, 0)
        worst = max(uneven.refusals(of_hosts, limit) for limit in uneven.FIXED)
        found += [
            ("uneven, worst host: images with its best fixed limit, of those with the adaptive"
             " limit", 1.18, 1 / max(least, 1e-9)),
            ("uneven, refusals: of those with the worst fixed limit", 0.33, ours / max(worst, 1)),
        ]  # fmt: skip
    if rates:
        least = min(rate_limited.shares(rates))
        found += [
            ("rate-limited, worst host: images with its best fixed delay, of those with the learnt"
             " rate", 1.18, 1 / max(least, 1e-9)),
            ("rate-limited, worst host: share of requests refused after the first minute", 0.05,
             rate_limited.late_refusals(rates)),
            ("rate-limited: requests in a pause that the host had told", 0,
             rate_limited.early(rates)),
        ]  # fmt: skip
    if runs:
        text = "dead-hosts, wall of the living hosts: of that without the dead host"
        found.append((text, 1.05, dead_hosts.cost(runs)))
    return found
