"""Components that a user might add: good ones, and ones that lose what passes them."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from typing import Any

from filelock import FileLock, Timeout
from scrapy import Request, Spider, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import DropItem, IgnoreRequest
from scrapy.http import Response

from imagefetch.html_report.extension import HtmlReport
from imagefetch.items import ImageRecord
from imagefetch.job.run import lock_file
from imagefetch.pipelines import ImageFilesPipeline

logger = logging.getLogger(__name__)


def line_of(request: Request | None) -> int:
    assert request is not None
    number: int = request.meta["line"].number
    return number


class Same:
    """A pipeline that changes nothing, in the old way of writing one."""

    def process_item(self, item: Any, spider: Spider) -> Any:
        return item


class Raises:
    def process_item(self, item: ImageRecord) -> ImageRecord:
        if item.line % 2:
            raise ValueError("no odd lines")
        return item


class RaisesLater:
    async def process_item(self, item: ImageRecord, spider: Spider) -> ImageRecord:
        return Raises().process_item(item)


class Drops:
    async def process_item(self, item: ImageRecord) -> ImageRecord:
        if item.line % 2:
            raise DropItem("no odd lines")
        return item


class DropsInTheOldWay:
    def process_item(self, item: ImageRecord, spider: Spider) -> ImageRecord:
        if item.line % 2:
            raise DropItem("no odd lines")
        return item


class ReturnsNothing:
    def process_item(self, item: ImageRecord) -> None:
        return None


class ReturnsADict:
    def process_item(self, item: ImageRecord) -> dict[str, Any]:
        return asdict(item)


class ReturnsACopy:
    def process_item(self, item: ImageRecord) -> ImageRecord:
        return replace(item, line=1, file="elsewhere.jpg")


class Mutates:
    def process_item(self, item: ImageRecord) -> ImageRecord:
        item.line, item.url, item.file, item.download = 1, "http://a.example/", "../x.jpg", None
        item.reason = "so-it-is"
        return item


class Spoils:
    def process_item(self, item: ImageRecord) -> ImageRecord:
        item.bytes = "many"  # type: ignore[assignment]
        return item


class SpoilsTheHash:
    def process_item(self, item: ImageRecord) -> ImageRecord:
        item.sha256 = "zz"  # text, but no row with it could be read again
        return item


class NotBuilt:
    @classmethod
    def from_crawler(cls, crawler: Crawler) -> NotBuilt:
        raise RuntimeError("no licence")


class NotBuiltAtAll:
    def __init__(self) -> None:
        raise RuntimeError("no licence")


class NotOpened(Same):
    def open_spider(self) -> None:
        raise RuntimeError("no licence")


class NotUpdated:
    def update_settings(self, settings: Any) -> None:
        raise RuntimeError("no licence")


class Output:
    """A spider middleware that loses records, and doubles one."""

    async def process_spider_output(
        self, response: Response, result: AsyncIterator[Any]
    ) -> AsyncIterator[Any]:
        async for record in result:
            if record.line == 1:
                raise ValueError("not the first")
            if record.line == 2:
                continue
            yield record
            if record.line == 3:
                yield replace(record)
                record.line = 4
                raise ValueError("the third is done")


class Input:
    """A spider middleware that refuses responses, in two ways."""

    def process_spider_input(self, response: Response) -> Any:
        if line_of(response.request) == 1:
            raise ValueError("not the first")
        return "odd" if line_of(response.request) == 2 else None


class Start:
    """A spider middleware that keeps the second request."""

    async def process_start(self, start: AsyncIterator[Any]) -> AsyncIterator[Any]:
        async for request in start:
            if line_of(request) != 2:
                yield request


class NoStart:
    async def process_start(self, start: AsyncIterator[Any]) -> AsyncIterator[Any]:
        if not start:
            yield


class Odd:
    """A downloader middleware that returns, and raises, what it shouldn't."""

    def process_request(self, request: Request) -> Any:
        match line_of(request):
            case 1:
                return Response(request.url, body=b"plain")
            case 2:
                return "odd"
            case 3:
                raise IgnoreRequest
        return None

    def process_response(self, request: Request, response: Response) -> Any:
        match line_of(request):
            case 4:
                return None
            case 5:
                raise IgnoreRequest
            case 6:
                raise ValueError("not the sixth")
            case 7 if not request.meta.get("again"):
                return request.replace(meta={**request.meta, "again": True})
        return response


class Listener:
    """An extension whose signal handlers fail."""

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Listener:
        made = cls()
        crawler.signals.connect(made.scheduled, signal=signals.request_scheduled)
        for signal in (signals.item_scraped, signals.response_received, signals.spider_opened):
            crawler.signals.connect(made.fail, signal=signal)
        return made

    def scheduled(self, request: Request) -> None:
        if line_of(request) in {2, 8}:
            raise IgnoreRequest

    def fail(self) -> None:
        raise ValueError("no signal is good")


class Nothing:
    """An extension that does nothing."""


class Shrinks:
    """A pipeline that has made the stored picture smaller."""

    def process_item(self, item: ImageRecord) -> ImageRecord:
        item.width, item.height = 32, 24
        return item


class Pipeline(ImageFilesPipeline):
    """One that a user has made of this program's."""


class WatchedPage(HtmlReport):
    """The page, which says each time that it was written whether the report is still locked."""

    async def write(self) -> None:
        await super().write()
        path = self.file.path
        assert path is not None
        try:
            with FileLock(lock_file(path.with_suffix(".csv")), timeout=0):
                told = "free"
        except Timeout:
            told = "locked"
        logger.warning("page written, report %s", told)
