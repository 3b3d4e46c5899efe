"""Extension that logs a summary at the end of a run, and sets Scrapy stats."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence

from scrapy import signals as scrapy_signals
from scrapy.crawler import Crawler

from imagefetch.context import context_of
from imagefetch.errors import condition_of
from imagefetch.images.non_images import KINDS
from imagefetch.images.repeats import Repeat
from imagefetch.job.done_totals import DoneTotals
from imagefetch.scheduling.concurrency.host_limits import HostLimit
from imagefetch.stats.likely_cause import likely_cause
from imagefetch.stats.recorder import recorder_of
from imagefetch.stats.run_stats import Figures
from imagefetch.utils.formatting import cells, files, lines
from imagefetch.utils.redaction import hide_credentials_of
from imagefetch.utils.stat_names import REMOVED, RENAMED, TRUNCATED_CELLS

logger = logging.getLogger(__name__)

NOTHING = DoneTotals()


class Summary:
    """Logs a table, and sets the stats ``imagefetch/lines``, ``/kept``, ``/bytes``,
    ``/requests``, ``/retried``, ``/duplicates``, ``/repaired``, ``imagefetch/reason/<slug>``,
    ``imagefetch/damaged/<slug>``, ``imagefetch/unverified/<slug>``,
    ``imagefetch/not_an_image/<kind>``, ``imagefetch/opted_out/<signal>``,
    ``imagefetch/type/<type>``,
    ``imagefetch/held_back/<what>`` (seconds), ``imagefetch/repeated`` (images) and
    those of `HostLimits.stats`.
    """

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Summary:
        summary = cls(crawler)
        crawler.signals.connect(summary.spider_opened, signal=scrapy_signals.spider_opened)
        return summary

    def spider_opened(self) -> None:
        self.crawler.signals.connect(self.spider_closed, signal=scrapy_signals.spider_closed)

    async def spider_closed(self, reason: str) -> None:
        context = context_of(self.crawler)
        recorder, run = recorder_of(self.crawler), context.job.run
        figures, repeated = recorder.figures, recorder.repeats.found()
        for name, value in stats_of(figures).items():
            self.crawler.stats.set_value(f"imagefetch/{name}", value)
        self.crawler.stats.set_value("imagefetch/repeated", len(repeated))
        host_limits = context.scheduler.host_limits
        for name, figure in host_limits.stats().items():
            self.crawler.stats.set_value(name, figure)
        await context.side_files_closed()
        count = self.crawler.stats.get_value
        removed, renamed, cut = count(REMOVED), count(RENAMED), count(TRUNCATED_CELLS)
        outputs = {
            **({"renamed": f"{files(renamed)}, whose name was taken"} if renamed else {}),
            **({"cut": f"{cells(cut)} of more than 64 KiB"} if cut else {}),
            **({"removed": f"{files(removed)} of earlier runs"} if removed else {}),
            "report": str(run.report),
            **{file.label: str(file.path) for file in context.side_files if file.path},
            "images": hide_credentials_of(run.store),
        }
        before = context.job.journal.before
        hosts = host_limits.known()
        text = describe(figures, recorder.seconds, outputs, repeated, hosts, before=before)
        outcome = "Finished"
        if reason != "finished":
            outcome = f"Ended early: {reason}; {recorder.how_far}; {run.how_to_resume}"
        logger.info("%s\n%s", outcome, text)
        if cause := likely_cause(figures):
            logger.warning("%s", cause)


def stats_of(figures: Figures) -> dict[str, int]:
    """Return *figures* by their names as Scrapy stats, without the prefix ``imagefetch/``."""
    return {
        "lines": figures.done,
        "kept": figures.kept,
        "bytes": figures.bytes,
        "requests": figures.requests,
        "retried": figures.retried,
        "duplicates": figures.duplicates,
        "repaired": figures.repaired,
        **{f"reason/{slug}": count for slug, count in figures.reasons.items()},
        **{f"{condition_of(slug)}/{slug}": n for slug, n in figures.damaged.items()},
        **{f"not_an_image/{kind}": count for kind, count in figures.kinds.items()},
        **{f"opted_out/{signal}": count for signal, count in figures.signals.items()},
        **{f"type/{name}": count for name, count in figures.types.items()},
        **{f"held_back/{what}": round(ms / 1000) for what, ms in figures.bottlenecks.items()},
    }


def _outcomes(figures: Figures, before: DoneTotals) -> Iterator[tuple[str, str]]:
    """Yield the rows of the table that count lines, kept images and reasons."""

    def this_run(text: str) -> str:
        return f" (this run: {text})" if before.done else ""

    size, all_size = figures.bytes / 1e6, (before.bytes + figures.bytes) / 1e6
    yield "lines", f"{before.done + figures.done:,}{this_run(f'{figures.done:,}')}"
    kept = f"{before.kept + figures.kept:,} ({all_size:,.1f} MB)"
    yield "kept", f"{kept}{this_run(f'{figures.kept:,}, {size:,.1f} MB')}"
    for slug, count in _ranked(figures.reasons + before.reasons):
        yield "not kept", f"{count:,} {slug}{this_run(f'{figures.reasons[slug]:,}')}"
    for kind, count in _ranked(figures.kinds):
        yield "not images", f"{KINDS[kind].sentence(count)}{' (this run)' if before.done else ''}"
    if figures.signals:
        text = ", ".join(f"{count:,} {signal}" for signal, count in _ranked(figures.signals))
        yield "opted out", f"{text}{' (this run)' if before.done else ''}"
    for slug, count in _ranked(figures.damaged + before.damaged):
        yield condition_of(slug), f"{count:,} {slug}{this_run(f'{figures.damaged[slug]:,}')}"


def _ranked(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


REPEATS_MAX = 5  # repeated images that the table shows


def describe(
    figures: Figures,
    seconds: float | None,
    outputs: dict[str, str],
    repeated: Sequence[Repeat] = (),
    hosts: Sequence[HostLimit] = (),
    *,
    before: DoneTotals = NOTHING,
) -> str:
    """Return the summary as a table, one fact per line; *outputs* are its last lines.

    *seconds* is the duration of the run, None if unknown. If earlier runs did lines, *before*,
    the table shows the totals of all runs, and those of this run.
    """
    megabytes = figures.bytes / 1e6
    rate = time_taken = None
    if seconds is not None:
        images, bulk = (each / max(seconds, 1e-9) for each in (figures.kept, megabytes))
        rate, time_taken = f"{images:,.1f} images/s, {bulk:,.1f} MB/s", f"{seconds:,.1f} s"
    retried = f", {lines(figures.retried)} tried more than once" if figures.retried else ""
    rows = [
        *_outcomes(figures, before),
        ("repaired", lines(figures.repaired) if figures.repaired else None),
        *(("repeated", str(repeat)) for repeat in repeated[:REPEATS_MAX]),
        ("requests", f"{figures.requests:,}{retried}"),
        ("rate", rate),
        *(("host", str(host)) for host in hosts),
        ("time taken", time_taken),
        *outputs.items(),
    ]
    return "\n".join(f"  {name:<10}  {value}" for name, value in rows if value is not None)
