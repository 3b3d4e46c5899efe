"""Components of a user's, of each kind, that write down when Scrapy calls them.

`Trace` writes what was called, in order, as JSON lines to the file that the setting TRACE names.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from pydispatch import dispatcher
from scrapy import Request, Spider, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest, StopDownload
from scrapy.http import Response

from imagefetch.items import ImageRecord
from imagefetch.signals import row_written

Call = tuple[str, str, int]
"""Component, what was called, number of the line (0: of no line)."""

CALLS: list[Call] = []


def note(component: object, what: str, request: Request | None) -> int:
    """Write down a call; return the number of *request*'s line."""
    line = 0 if request is None else request.meta["line"].number
    CALLS.append((type(component).__name__, what, line))
    return int(line)


class Outer:
    """A downloader middleware with coroutines."""

    async def process_request(self, request: Request) -> None:
        await asyncio.sleep(0)
        note(self, "request", request)

    async def process_response(self, request: Request, response: Response) -> Response:
        await asyncio.sleep(0)
        note(self, "response", request)
        return response

    async def process_exception(self, request: Request, exception: Exception) -> None:
        await asyncio.sleep(0)
        note(self, type(exception).__name__, request)


class Inner:
    """A downloader middleware in the old form, with the argument ``spider``."""

    def process_request(self, request: Request, spider: Spider) -> None:
        assert spider.name == "images"
        note(self, "request", request)

    def process_response(self, request: Request, response: Response, spider: Spider) -> Response:
        assert spider.name == "images"
        note(self, "response", request)
        return response

    def process_exception(self, request: Request, exception: Exception, spider: Spider) -> None:
        assert spider.name == "images"
        note(self, type(exception).__name__, request)


class Odd:
    """A downloader middleware that does with each line something else that it may do."""

    def process_request(self, request: Request) -> Request | Response | None:
        line = note(self, "request", request)
        if "again" in request.meta:
            return None
        match line:
            case 2:
                return Response(request.url, status=410)
            case 3:
                return again(request)
            case 4:
                raise IgnoreRequest
            case 5 | 6 | 7:
                raise LookupError
        return None

    def process_response(self, request: Request, response: Response) -> Request | Response:
        match note(self, "response", request):
            case 8 if "again" not in request.meta:
                return again(request)
            case 9:
                raise IgnoreRequest
            case 10:
                return Response(response.url, status=410)
        return response

    def process_exception(
        self, request: Request, exception: Exception
    ) -> Request | Response | None:
        match note(self, type(exception).__name__, request):
            case 6:
                return Response(request.url, status=410)
            case 7:
                return again(request)
        return None


class IntoSlot:
    """A downloader middleware that names the slot of each request."""

    def process_request(self, request: Request) -> None:
        request.meta["download_slot"] = "of a user"


class WatchSlots:
    """An extension that looks at the slot of each download, as AutoThrottle does."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.seen: list[tuple[str, float]] = []
        crawler.signals.connect(self.downloaded, signals.response_downloaded)
        crawler.signals.connect(self.stopped, signals.engine_stopped)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> WatchSlots:
        return cls(crawler)

    def downloaded(self, request: Request) -> None:
        name = request.meta["download_slot"]
        slot = self.crawler.engine.downloader.slots[name]
        assert request in slot.transferring
        self.seen.append((name, slot.delay))

    def stopped(self) -> None:
        Path(self.crawler.settings["TRACE"]).write_text(json.dumps(sorted(self.seen)))


class SlotNames:
    """An extension that writes the names of the downloader's slots at the end."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        crawler.signals.connect(self.closed, signals.spider_closed)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> SlotNames:
        return cls(crawler)

    def closed(self) -> None:
        names = sorted(self.crawler.engine.downloader.slots)
        Path(self.crawler.settings["TRACE"]).write_text(json.dumps(names))


class AsyncOdd(Odd):
    """The same with coroutines, which need a task: that is what `asyncio.timeout` cancels."""

    async def process_request(self, request: Request) -> Any:  # type: ignore[override]
        async with asyncio.timeout(60):
            await asyncio.sleep(0)
        return super().process_request(request)

    async def process_response(  # type: ignore[override]
        self, request: Request, response: Response
    ) -> Any:
        async with asyncio.timeout(60):
            await asyncio.sleep(0)
        return super().process_response(request, response)

    async def process_exception(  # type: ignore[override]
        self, request: Request, exception: Exception
    ) -> Any:
        async with asyncio.timeout(60):
            await asyncio.sleep(0)
        return super().process_exception(request, exception)


def again(request: Request) -> Request:
    return request.replace(meta={**request.meta, "again": True})


class Sync:
    """A pipeline."""

    def open_spider(self) -> None:
        note(self, "open", None)

    def close_spider(self) -> None:
        note(self, "close", None)

    def process_item(self, item: ImageRecord) -> ImageRecord:
        CALLS.append(("Sync", "item", item.line))
        return item


class Async:
    """A pipeline with coroutines."""

    async def open_spider(self) -> None:
        await asyncio.sleep(0)
        note(self, "open", None)

    async def close_spider(self) -> None:
        await asyncio.sleep(0)
        note(self, "close", None)

    async def process_item(self, item: ImageRecord) -> ImageRecord:
        await asyncio.sleep(0)
        CALLS.append(("Async", "item", item.line))
        return item


class Trace:
    """An extension with a handler for each signal; it writes the calls at the end."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.path = Path(crawler.settings["TRACE"])
        self.handlers: list[Any] = []
        for name in REQUEST_SIGNALS:
            self.connect(name, self.of_request(name))
        for name in ITEM_SIGNALS:
            self.connect(name, self.of_item(name))
        for name in RUN_SIGNALS:
            self.connect(name, self.of_run(name))
        crawler.signals.connect(self.fail, signals.response_received)
        crawler.signals.connect(self.fail_later, signals.item_scraped)
        crawler.signals.connect(self.stop, signals.headers_received)
        crawler.signals.connect(self.written, row_written)
        crawler.signals.connect(self.add_late, signals.spider_opened)
        crawler.signals.connect(self.closed, signals.engine_stopped)
        dispatcher.connect(self.from_anyone, signal=signals.response_received)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Trace:
        return cls(crawler)

    def connect(self, name: str, handler: Any) -> None:
        self.handlers.append(handler)  # Scrapy keeps only weak references
        self.crawler.signals.connect(handler, getattr(signals, name))

    def of_request(self, name: str) -> Any:
        def handle(request: Request) -> None:
            CALLS.append(("Signal", name, request.meta["line"].number))

        return handle

    def of_item(self, name: str) -> Any:
        async def handle(item: ImageRecord, **others: Any) -> None:
            await asyncio.sleep(0)
            assert others["spider"].name == "images"
            assert others["signal"] is getattr(signals, name)
            assert others["sender"] is self.crawler
            CALLS.append(("Signal", name, item.line))

        return handle

    def of_run(self, name: str) -> Any:
        async def handle() -> None:
            await asyncio.sleep(0)
            CALLS.append(("Signal", name, 0))

        return handle

    def fail(self) -> None:
        raise ValueError("a handler that raises")

    async def fail_later(self) -> None:
        await asyncio.sleep(0)
        raise ValueError("a handler that raises later")

    def stop(self, request: Request) -> None:
        if request.meta["line"].number == 12:
            raise StopDownload(fail=True)

    def written(self, record: ImageRecord) -> None:
        CALLS.append(("Signal", "row_written", record.line))

    def from_anyone(self, response: Response) -> None:
        assert response.request is not None
        CALLS.append(("Signal", "from_anyone", response.request.meta["line"].number))

    def add_late(self) -> None:
        self.crawler.signals.connect(self.once, signals.response_received)

    def once(self, request: Request) -> None:
        CALLS.append(("Signal", "once", request.meta["line"].number))
        self.crawler.signals.disconnect(self.once, signals.response_received)

    def closed(self) -> None:
        self.path.write_text("".join(f"{json.dumps(call)}\n" for call in CALLS))


REQUEST_SIGNALS = (
    "request_scheduled",
    "request_reached_downloader",
    "request_left_downloader",
    "response_downloaded",
    "response_received",
    "bytes_received",
    "headers_received",
)
ITEM_SIGNALS = ("item_scraped",)
RUN_SIGNALS = ("engine_started", "spider_opened", "spider_closed")
