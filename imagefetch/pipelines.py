"""Item pipeline that moves downloaded files into the store."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any, ClassVar, cast

from scrapy.crawler import Crawler
from scrapy.exceptions import DropItem
from scrapy.pipelines.files import FilesPipeline
from scrapy.utils.asyncio import run_in_thread
from scrapy.utils.defer import ensure_awaitable

from imagefetch import signals
from imagefetch.context import context_of
from imagefetch.errors import StoreError, store_error
from imagefetch.items import ImageRecord
from imagefetch.output.disk_io import Disk
from imagefetch.output.file_names import NameTemplate
from imagefetch.output.folder_store import FolderStore
from imagefetch.output.partial_files import Download
from imagefetch.output.stores import FTPStore, GoogleStore
from imagefetch.utils.processes.shutdown import stop_run
from imagefetch.utils.stat_names import RENAMED

logger = logging.getLogger(__name__)


class NotStored(DropItem):
    """A file could not be stored; the run ends, and the line gets no row."""


class ImageFilesPipeline(FilesPipeline):
    """Stores the file that was downloaded for a record; it sends no requests itself.

    The downloads of `FilesPipeline` would bypass the scheduler and its limits.
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
        self._warned = False
        self.fsync = crawler.settings.getint("FSYNC") > 0 and isinstance(self.store, FolderStore)
        crawler.signals.connect(self.row_written, signal=signals.row_written)

    def open_spider(self) -> None:  # type: ignore[override]
        super().open_spider()
        if isinstance(self.store, FolderStore):
            self.store.own = context_of(self.crawler).ownership

    def row_written(self, record: ImageRecord) -> None:
        if record.file and isinstance(self.store, FolderStore):
            self.store.own.intents.end(record.file)

    async def process_item(self, item: ImageRecord) -> ImageRecord:  # type: ignore[override]
        """Move the downloaded file of *item* into the store.

        :raises NotStored: if the store refuses it; the run ends
        """
        download = item.download
        if download is None or download.path is None:
            return item
        try:
            if self.fsync:
                await run_in_thread(sync, download.path)
            if isinstance(self.store, FolderStore):
                item.file = await self._move(self.store, download, item)
                if self.fsync:
                    for folder in Path(item.file).parents:
                        await run_in_thread(sync, Path(self.store.basedir, folder))
            else:
                await self._upload(item, download.path)
                download.discard()
        except Exception as error:
            # Each kind of store raises its own errors; none is caused by the image.
            stop_run(self.crawler, _as_store_error(item, error))
            raise NotStored(str(error), log_level="DEBUG") from error
        item.download = None
        self.inc_stats("downloaded")
        return item

    def withdraw(self, file: str) -> None:
        """Remove *file*, which was just stored, from a local folder, unless another row may name
        it, too: then the end of the run decides."""
        by_content = NameTemplate(self.crawler.settings["FILES_NAME"], None).by_content
        if isinstance(self.store, FolderStore) and not by_content:
            self.store.own.withdraw(file)

    async def _move(self, store: FolderStore, download: Download, item: ImageRecord) -> str:
        name = item.file
        stored = await self.disk.run(store.add, download, name, item.file_if_taken)
        if stored != name and item.file_if_taken:
            assert self.crawler.stats is not None
            self.crawler.stats.inc_value(RENAMED)
        elif stored != name and not self._warned:
            self._warned = True
            logger.warning(
                "%s: the name is taken by a file that is not this report's; this image and others "
                "with taken names are stored in %s",
                name,
                store.own.folder,
            )
        return stored

    def close_spider(self) -> None:
        self.disk.close()

    async def _upload(self, item: ImageRecord, path: Path) -> None:
        with path.open("rb") as file:
            storing = self.store.persist_file(
                item.file, cast("Any", file), self.spiderinfo, None, {"Content-Type": item.type}
            )
            await ensure_awaitable(storing)


def sync(path: Path) -> None:
    """Call fsync on a file or a folder, so that it survives a power failure.

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
    message = " ".join(str(error).split())  # an FTP server may send several lines
    return StoreError(f"{item.file}: {message}")
