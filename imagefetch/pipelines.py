"""The item pipeline: a finished file moves into its place."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from scrapy.crawler import Crawler
from scrapy.exceptions import DropItem
from scrapy.pipelines.files import FilesPipeline
from scrapy.utils.asyncio import run_in_thread
from scrapy.utils.defer import ensure_awaitable

from imagefetch import signals
from imagefetch.errors import StoreError, store_error
from imagefetch.items import ImageRecord
from imagefetch.output.disk_io import Disk
from imagefetch.output.file_names import NameTemplate
from imagefetch.output.folder_store import FolderStore
from imagefetch.output.partial_files import Download
from imagefetch.output.stores import FTPStore, GoogleStore
from imagefetch.utils.shutdown import stop_run

if TYPE_CHECKING:
    from imagefetch.spiders.images import ImagesSpider

logger = logging.getLogger(__name__)


class NotStored(DropItem):
    """A file could not be stored: the run ends, and the line has no row."""


class ImageFilesPipeline(FilesPipeline):
    """Stores what was downloaded for the record; it downloads nothing itself.

    FilesPipeline's own downloads pass the scheduler by, without any limit.
    """

    STORE_SCHEMES: ClassVar[dict[str, Any]] = {
        **FilesPipeline.STORE_SCHEMES,
        "": FolderStore,
        "file": FolderStore,
        "gs": GoogleStore,
        "ftp": FTPStore,
    }

    def __init__(self, store_uri: str, *, crawler: Crawler) -> None:
        super().__init__(store_uri, crawler=crawler)
        self.disk = Disk()
        self._told = False
        self.fsync = crawler.settings.getint("FSYNC") > 0 and isinstance(self.store, FolderStore)
        crawler.signals.connect(self.row_written, signal=signals.row_written)

    def open_spider(self) -> None:  # type: ignore[override]
        super().open_spider()
        if isinstance(self.store, FolderStore):
            self.store.own = cast("ImagesSpider", self.crawler.spider).own

    def row_written(self, record: ImageRecord) -> None:
        if record.file and isinstance(self.store, FolderStore):
            self.store.own.intents.end(record.file)

    async def process_item(self, item: ImageRecord) -> ImageRecord:  # type: ignore[override]
        """Give *item* its file.

        :raises NotStored: if the store refuses it; the run ends
        """
        download = item.download
        if download is None or download.path is None:
            return item
        try:
            if self.fsync:
                await run_in_thread(sync, download.path)
            if isinstance(self.store, FolderStore):
                item.file = await self._take(self.store, download, item.file)
                if self.fsync:
                    for folder in Path(item.file).parents:
                        await run_in_thread(sync, Path(self.store.basedir, folder))
            else:
                await self._send(item, download.path)
                download.discard()
        except Exception as error:
            # Each kind of store has errors of its own; none is the picture's fault.
            stop_run(self.crawler, _as_store_error(item, error))
            raise NotStored(str(error), log_level="DEBUG") from error
        item.download = None
        self.inc_stats("downloaded")
        return item

    def withdraw(self, file: str) -> None:
        """Remove *file*, which was stored just now, from a local folder, unless another row may
        name it, too: then the run's end looks at it."""
        by_content = NameTemplate(self.crawler.settings["FILES_NAME"]).by_content
        if isinstance(self.store, FolderStore) and not by_content:
            self.store.own.withdraw(file)

    async def _take(self, store: FolderStore, download: Download, name: str) -> str:
        place = await self.disk.run(store.take, download, name)
        if place != name and not self._told:
            self._told = True
            logger.warning(
                "%s: is taken by a file that is not this report's; the picture is in %s, and so "
                "will be others",
                name,
                store.own.folder,
            )
        return place

    def close_spider(self) -> None:
        self.disk.close()

    async def _send(self, item: ImageRecord, path: Path) -> None:
        with path.open("rb") as file:
            stored = self.store.persist_file(
                item.file, cast("Any", file), self.spiderinfo, None, {"Content-Type": item.type}
            )
            await ensure_awaitable(stored)


def sync(path: Path) -> None:
    """Make a file, or the names in a folder, safe against a power cut.

    :raises OSError: if the system can't
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _as_store_error(item: ImageRecord, error: Exception) -> StoreError:
    if isinstance(error, StoreError):
        return error
    if isinstance(error, OSError):
        return store_error(item.file, error)
    message = " ".join(str(error).split())  # an FTP server may answer in many lines
    return StoreError(f"{item.file}: {message}")
