"""The item processor: whatever a pipeline does, a record leaves as its own line's row."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.exceptions import CloseSpider, DropItem
from scrapy.pipelines import ItemPipelineManager
from scrapy.utils.defer import ensure_awaitable
from scrapy.utils.deprecate import argument_is_required

from imagefetch.config.needed_components import check_built
from imagefetch.errors import DroppedByPipeline, InternalError, StoreError
from imagefetch.items import ImageRecord
from imagefetch.output.csv_rows import cells, check_figures
from imagefetch.output.partial_files import Download
from imagefetch.pipelines import ImageFilesPipeline, NotStored
from imagefetch.utils.shutdown import stop_run

logger = logging.getLogger(__name__)


class RecordProcessor(ItemPipelineManager):
    """Runs the pipelines as Scrapy does, each with what the one before returned; the one that
    stores pictures, and the report, get the record itself.

    A pipeline may change what is said of the file: its length, type, size and hash. A record
    that is dropped, or at which a pipeline fails, loses its file and gets the reason.
    """

    def __init__(self, *middlewares: Any, crawler: Crawler | None = None) -> None:
        super().__init__(*middlewares, crawler=crawler)
        self._steps = [
            (method, argument_is_required(method, "spider"), _is_own(method))
            for method in self.methods["process_item"]
            if method is not None
        ]
        self._own = next(
            (made for made in middlewares if isinstance(made, ImageFilesPipeline)), None
        )

    async def open_spider_async(self) -> None:
        """:raises BadInput: if a component is missing, now that all are there"""
        assert self.crawler is not None
        try:
            check_built(self.crawler)
            await super().open_spider_async()
        except CloseSpider:
            raise
        except Exception:
            # Nobody was told that the spider is open: Scrapy's own components would fail.
            for _ in range(16):  # each call leaves out every second one
                self.crawler.signals.disconnect_all(signals.spider_closed)
            self.methods["close_spider"].clear()
            raise

    async def process_item_async(self, item: Any) -> Any:
        """:raises NotStored: if the store refused the file; the run ends"""
        if not isinstance(item, ImageRecord):
            return await super().process_item_async(item)
        download, had_file = item.download, bool(item.file)
        try:
            await self._process(item, download)
        except NotStored:
            raise
        except Exception as error:
            self._withdraw(item, download)
            if isinstance(error, DropItem):
                logger.debug("Line %d: dropped by an item pipeline: %s", item.line, error)
            else:
                logger.error("Line %d: error in an item pipeline", item.line, exc_info=error)
            if had_file:
                item = _without_file(
                    item, DroppedByPipeline() if isinstance(error, DropItem) else InternalError()
                )
        return item

    async def _process(self, record: ImageRecord, download: Download | None) -> None:
        identity = _identity(record)
        value: Any = record
        assert self.crawler is not None
        for method, needs_spider, own in self._steps:
            if own:
                record.download, download = download, None  # of two, the first stores it
                await ensure_awaitable(method(record))
                identity = _identity(record)  # the file may be in another place
                continue
            described = _described(record)
            try:
                arguments = (value, self.crawler.spider) if needs_spider else (value,)
                value = await ensure_awaitable(method(*arguments))
                if isinstance(value, ImageRecord) and _described(value) != described:
                    _describe(record, _described(value))
            except BaseException:
                _set_description(record, described)  # the pipeline may have changed the record
                raise
            finally:
                _identify(record, identity)

    def _withdraw(self, record: ImageRecord, download: Download | None) -> None:
        """Leave no file of *record*, neither the partial one nor where it was stored just now.

        :raises NotStored: if the file system refuses; the run ends
        """
        if download is None or download.path is None:
            return
        stored = not download.path.exists()
        try:
            download.discard()
        except StoreError as error:
            assert self.crawler is not None
            stop_run(self.crawler, error)
            raise NotStored(str(error)) from error
        record.download = None
        if stored and self._own is not None:
            self._own.withdraw(record.file)


def _is_own(method: Callable[..., Any]) -> bool:
    return isinstance(getattr(method, "__self__", None), ImageFilesPipeline)


def _without_file(record: ImageRecord, problem: DroppedByPipeline | InternalError) -> ImageRecord:
    code = problem.code if isinstance(problem, InternalError) else record.code
    found = ImageRecord(record.url, code, record.line, reason=problem.reason)
    found.attempts, found.seconds = record.attempts, record.seconds
    found.key = record.key
    return found


def _identity(record: ImageRecord) -> tuple[Any, ...]:
    """Return what of *record* no pipeline may change."""
    return (
        record.url,
        record.code,
        record.line,
        record.file,
        record.attempts,
        record.seconds,
        record.reason,
        record.key,
    )


def _identify(record: ImageRecord, identity: tuple[Any, ...]) -> None:
    (
        record.url,
        record.code,
        record.line,
        record.file,
        record.attempts,
        record.seconds,
        record.reason,
        record.key,
    ) = identity


def _described(record: ImageRecord) -> tuple[Any, ...]:
    """Return what *record* says of the file."""
    return record.bytes, record.width, record.height, record.type, record.sha256


def _describe(record: ImageRecord, description: tuple[Any, ...]) -> None:
    """Let *record* say of the file what *description*, of `_described`, says.

    :raises TypeError, ValueError: if the report has no room for that
    """
    numbers, texts = description[:3], description[3:]
    for value in numbers:
        if value is not None and type(value) is not int:
            raise TypeError(f"Bytes, Width and Height are whole numbers or None, not {value!r}")
    for value in texts:
        if not isinstance(value, str):
            raise TypeError(f"Type and SHA-256 are text, not {value!r}")
    checked = ImageRecord(record.url, record.code, 1)
    _set_description(checked, description)
    check_figures(cells(checked))
    _set_description(record, description)


def _set_description(record: ImageRecord, description: tuple[Any, ...]) -> None:
    record.bytes, record.width, record.height, record.type, record.sha256 = description
