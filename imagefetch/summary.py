"""Extension: what came of the run, at its end."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import cast

from scrapy import Spider
from scrapy import signals as scrapy_signals
from scrapy.crawler import Crawler

from imagefetch import signals
from imagefetch.counts import Counts
from imagefetch.items import ImageRecord
from imagefetch.paces import HostPace
from imagefetch.repeats import Repeat, Repeats
from imagefetch.scheduler import HostScheduler
from imagefetch.spiders.images import ImagesSpider

logger = logging.getLogger(__name__)


class Summary:
    """Sets the stats ``imagefetch/lines``, ``imagefetch/kept``, ``imagefetch/bytes``,
    ``imagefetch/reason/<slug>``, ``imagefetch/damaged/<slug>`` and
    ``imagefetch/repeated`` (pictures), those of `Paces.stats`, and logs them in words.

    Settings: PLACEHOLDER_REPEATS.
    """

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.counts = Counts()
        self.repeats = Repeats(crawler.settings.getint("PLACEHOLDER_REPEATS"))

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Summary:
        summary = cls(crawler)
        crawler.signals.connect(summary.spider_opened, signal=scrapy_signals.spider_opened)
        crawler.signals.connect(summary.spider_closed, signal=scrapy_signals.spider_closed)
        crawler.signals.connect(summary.row_written, signal=signals.row_written)
        return summary

    def spider_opened(self, spider: Spider) -> None:
        self._begin = time.monotonic()

    def row_written(self, record: ImageRecord) -> None:
        self.counts.add(record)
        if record.file and record.attempts:
            self.repeats.add(record.url, record.sha256)

    def spider_closed(self, spider: Spider, reason: str) -> None:
        stats = self.crawler.stats
        stats.set_value("imagefetch/lines", self.counts.done)
        stats.set_value("imagefetch/kept", self.counts.kept)
        stats.set_value("imagefetch/bytes", self.counts.bytes)
        for slug, count in self.counts.reasons.items():
            stats.set_value(f"imagefetch/reason/{slug}", count)
        for slug, count in self.counts.damaged.items():
            stats.set_value(f"imagefetch/damaged/{slug}", count)
        repeated = self.repeats.found()
        stats.set_value("imagefetch/repeated", len(repeated))
        paces = cast("HostScheduler", self.crawler.engine.scheduler).paces
        for stat, value in paces.stats().items():
            stats.set_value(stat, value)
        run = cast("ImagesSpider", spider).run
        seconds = time.monotonic() - self._begin
        text = describe(
            self.counts, seconds, str(run.report), run.store, repeated, hosts=paces.known()
        )
        logger.info(
            "%s\n%s", "Finished" if reason == "finished" else f"Ended early: {reason}", text
        )


REPEATS_MAX = 5  # pictures that are told in words


def describe(
    counts: Counts,
    seconds: float,
    report: str,
    store: str,
    repeated: Sequence[Repeat] = (),
    *,
    hosts: Sequence[HostPace] = (),
) -> str:
    """Return the summary, a fact a line."""
    megabytes = counts.bytes / 1e6
    pace = max(seconds, 1e-9)
    lines = [
        f"  lines       {counts.done:,}",
        f"  kept        {counts.kept:,} ({megabytes:,.1f} MB)",
        *(
            f"  not kept    {count:,} {slug}"
            for slug, count in sorted(counts.reasons.items(), key=lambda item: (-item[1], item[0]))
        ),
        *(f"  damaged     {count:,} {slug}" for slug, count in counts.damaged.most_common()),
        *(f"  repeated    {repeat}" for repeat in repeated[:REPEATS_MAX]),
        f"  pace        {counts.kept / pace:,.1f} images/s, {megabytes / pace:,.1f} MB/s",
        *(f"  host        {host}" for host in hosts),
        f"  time taken  {seconds:,.1f} s",
        f"  report      {report}",
        f"  images      {store}",
    ]
    return "\n".join(lines)
