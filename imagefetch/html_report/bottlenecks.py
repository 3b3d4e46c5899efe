"""Names what limited the speed of a run, with advice, and the phases of a download."""

from __future__ import annotations

from typing import NamedTuple

from imagefetch.stats.run_stats import PHASES, Figures
from imagefetch.utils.formatting import share, spell


class Bottleneck(NamedTuple):
    """One bottleneck of a run."""

    name: str
    advice: str
    share: str
    """Its share of the time, in percent."""


BOTTLENECKS = {
    "processor": (
        "this machine's processor",
        "one processor was nearly always busy, and a run uses only one: split the list among "
        "several runs, or check images less thoroughly with `VERIFY_IMAGES`",
    ),
    "requests": (
        "CONCURRENT_REQUESTS",
        "all slots were in use: raise it, if network and memory allow",
    ),
    "hosts": (
        "the limits per host",
        "lines were ready, but the limits of their hosts were reached: see "
        "`CONCURRENT_REQUESTS_PER_DOMAIN`, `DOWNLOAD_DELAY`; a list of mixed hosts waits less",
    ),
    "waiting": (
        "waits for retries",
        "all lines left were waiting for a retry: see `RETRY_TIMES`, `RETRY_DELAY`, "
        "`BREAKER_FAILURES`",
    ),
    "list": (
        "the list itself",
        "no line was ready: the last requests were in flight, or the list was read slowly",
    ),
}
"""Name and advice for each bottleneck that `imagefetch.stats.recorder` distinguishes."""

PHASE_NAMES = dict(
    zip(
        PHASES,
        ("DNS lookup", "connecting, with TLS", "time to first byte", "transfer", "hash and disk"),
        strict=True,
    )
)


def bottlenecks(figures: Figures) -> list[Bottleneck]:
    """Return the bottlenecks of the run, the longest first."""
    total = figures.bottlenecks.total()
    return [
        Bottleneck(*BOTTLENECKS[key], share(number, total))
        for key, number in figures.bottlenecks.most_common()
        if number and key in BOTTLENECKS
    ]


def phases(figures: Figures) -> list[tuple[str, str, str]]:
    """Return name, mean time and share of each phase of a download."""
    *sums, number = figures.phases
    return [
        (PHASE_NAMES[name], spell(value / number * 1000), share(value, sum(sums)))
        for name, value in zip(PHASES, sums, strict=True)
        if number
    ]
