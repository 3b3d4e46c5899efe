"""What the components of a run share.

Scrapy builds each component from the crawler alone. Its spider, which it builds first, holds the
`RunContext`; the scheduler is added when it is built. Components find it with
`context_of`: none needs to know the class of another, nor where Scrapy keeps it. There is no
global state, so that several runs in one process are independent of each other.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from scrapy.crawler import Crawler

if TYPE_CHECKING:  # it holds objects of rooms that it knows nothing about
    from imagefetch.job.run import Job
    from imagefetch.job.url_index import RowOffsets
    from imagefetch.output.ownership.owner import Ownership
    from imagefetch.scheduling.requests import RequestFactory
    from imagefetch.scheduling.scheduler import HostScheduler
    from imagefetch.spiders.records import Records


@dataclass
class SideFile:
    """A file that an extension writes next to the report, until after the run.

    The report stays locked, and the summary waits, until it is closed.
    """

    label: str
    """Its name in the summary."""
    path: Path | None = None
    """None until it is written, and while it can't be."""
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set after the last write."""


@dataclass
class RunContext:
    """The objects of one run that more than one component uses."""

    job: Job
    """The locked report, the list, and which lines are done."""
    ownership: Ownership
    """Which report owns which file of the store."""
    row_offsets: RowOffsets
    """Where the rows of requested URLs are in the report."""
    requests: RequestFactory
    """Creates the requests for lines."""
    records: Records
    """Creates the records of lines."""
    scheduler: HostScheduler = field(init=False)
    """Set when the engine opens the spider."""
    side_files: list[SideFile] = field(default_factory=list)
    """Added by the extensions that write them."""

    async def side_files_closed(self) -> None:
        """Wait until all side files are closed."""
        for file in self.side_files:
            await file.closed.wait()


def context_of(crawler: Crawler) -> RunContext:
    """Return the context of *crawler*'s run.

    :raises TypeError: if its spider has none, because it is no `ImagesSpider`
    """
    context = getattr(crawler.spider, "context", None)
    if not isinstance(context, RunContext):
        raise TypeError(f"{type(crawler.spider).__name__} is no subclass of ImagesSpider")
    return context
