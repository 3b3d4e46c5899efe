"""Runs the item pipelines so that each record stays the row of its own line."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
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
from imagefetch.output.partial_files import Download
from imagefetch.output.report.csv_rows import cells, check_figures
from imagefetch.pipelines import ImageFilesPipeline, NotStored
from imagefetch.utils.processes.shutdown import stop_run

IDENTITY = (
    "url",
    "code",
    "line",
    "file",
    "attempts",
    "seconds",
    "reason",
    "part",
    "final_url",
    "fetched",
    "etag",
    "last_modified",
    "source",
    "change",
    "match",
    "key",
)
"""Fields of a record that no pipeline may change."""

DESCRIPTION = ("bytes", "width", "height", "type", "sha256")
"""Fields of a record that describe its file."""

logger = logging.getLogger(__name__)


class RecordProcessor(ItemPipelineManager):
    """Runs the pipelines as Scrapy does, each with the return value of the one before;
    `ImageFilesPipeline` and the report get the record itself.

    A pipeline may change the description of the file: its length, type, size and hash. If a
    pipeline drops a record or raises an exception, the record loses its file and gets a reason.
    """

    def __init__(self, *middlewares: Any, crawler: Crawler | None = None) -> None:
        super().__init__(*middlewares, crawler=crawler)
        self._steps = [
            (method, argument_is_required(method, "spider"), _is_files_pipeline(method))
            for method in self.methods["process_item"]
            if method is not None
        ]
        self._files_pipeline = next(
            (each for each in middlewares if isinstance(each, ImageFilesPipeline)), None
        )

    async def open_spider_async(self) -> None:
        """Open the pipelines.

        :raises BadInput: if a required component was not built
        """
        assert self.crawler is not None
        try:
            check_built(self.crawler)
            await super().open_spider_async()
        except CloseSpider:
            raise
        except Exception:
            # spider_opened was not sent; without it, Scrapy's components fail at spider_closed.
            for _ in range(16):  # each call skips every second receiver
                self.crawler.signals.disconnect_all(signals.spider_closed)
            self.methods["close_spider"].clear()
            raise

    async def process_item_async(self, item: Any) -> Any:
        """Run the pipelines on *item*.

        :raises NotStored: if the store refused the file; the run ends
        """
        if not isinstance(item, ImageRecord):
            return await super().process_item_async(item)
        download, had_file = item.download, bool(item.file)
        try:
            await self._process(item, download)
        except NotStored:
            raise
        except Exception as error:
            self._remove_file(item, download)
            if isinstance(error, DropItem):
                logger.debug("%s: dropped by an item pipeline: %s", item.place.capitalize(), error)
            else:
                logger.error(
                    "%s: error in an item pipeline", item.place.capitalize(), exc_info=error
                )
            if had_file:
                item = _without_file(
                    item, DroppedByPipeline() if isinstance(error, DropItem) else InternalError()
                )
        return item

    async def _process(self, record: ImageRecord, download: Download | None) -> None:
        carried = dict(record.record)
        try:
            await self._run_steps(record, download)
        finally:
            record.record = carried

    async def _run_steps(self, record: ImageRecord, download: Download | None) -> None:
        identity = _identity(record)
        value: Any = record
        assert self.crawler is not None
        for method, needs_spider, own in self._steps:
            if own:
                record.download, download = download, None  # only the first of two stores it
                await ensure_awaitable(method(record))
                identity = _identity(record)  # the file may have got another name
                continue
            described = _description(record)
            try:
                arguments = (value, self.crawler.spider) if needs_spider else (value,)
                value = await ensure_awaitable(method(*arguments))
                if isinstance(value, ImageRecord) and _description(value) != described:
                    _describe(record, _description(value))
            except BaseException:
                _set(record, DESCRIPTION, described)  # the pipeline may have changed the record
                raise
            finally:
                _set(record, IDENTITY, identity)

    def _remove_file(self, record: ImageRecord, download: Download | None) -> None:
        """Remove the file of *record*, be it partial or just stored.

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
        if stored and self._files_pipeline is not None:
            self._files_pipeline.withdraw(record.file)


def _is_files_pipeline(method: Callable[..., Any]) -> bool:
    return isinstance(getattr(method, "__self__", None), ImageFilesPipeline)


def _without_file(record: ImageRecord, problem: DroppedByPipeline | InternalError) -> ImageRecord:
    code = problem.code if isinstance(problem, InternalError) else record.code
    no_file: dict[str, Any] = {"file": "", "bytes": None, "type": "", "sha256": ""}
    no_file |= {"width": None, "height": None}
    rejected = replace(record, code=code, reason=problem.reason, **no_file)
    rejected.key = record.key
    return rejected


def _identity(record: ImageRecord) -> tuple[Any, ...]:
    return tuple(getattr(record, name) for name in IDENTITY)


def _description(record: ImageRecord) -> tuple[Any, ...]:
    return tuple(getattr(record, name) for name in DESCRIPTION)


def _set(record: ImageRecord, names: Sequence[str], values: Sequence[Any]) -> None:
    for name, value in zip(names, values, strict=True):
        setattr(record, name, value)


def _describe(record: ImageRecord, description: tuple[Any, ...]) -> None:
    """Set the description of the file in *record* to *description*, as `_description` returns it.

    :raises TypeError, ValueError: if a value is not valid for its column
    """
    numbers, texts = description[:3], description[3:]
    for value in numbers:
        if value is not None and type(value) is not int:
            raise TypeError(f"Bytes, Width and Height are whole numbers or None, not {value!r}")
    for value in texts:
        if not isinstance(value, str):
            raise TypeError(f"Type and SHA-256 are text, not {value!r}")
    checked = ImageRecord(record.url, record.code, 1)
    _set(checked, DESCRIPTION, description)
    check_figures(cells(checked))
    _set(record, DESCRIPTION, description)
