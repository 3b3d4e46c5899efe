"""The item pipeline: a finished file moves into its place."""

from __future__ import annotations

import asyncio
import logging
import os
from ftplib import FTP
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from scrapy.crawler import Crawler
from scrapy.exceptions import DropItem
from scrapy.pipelines.files import FilesPipeline, FTPFilesStore, GCSFilesStore
from scrapy.utils.asyncio import run_in_thread
from scrapy.utils.defer import ensure_awaitable
from scrapy.utils.ftp import ftp_makedirs_cwd

from imagefetch import signals
from imagefetch.errors import StoreError
from imagefetch.items import ImageRecord
from imagefetch.output.disk_io import Disk
from imagefetch.output.file_names import NameTemplate
from imagefetch.output.folder_store import FOLDERS, FolderStore
from imagefetch.output.partial_files import Download, store_error
from imagefetch.utils.shutdown import stop_run

if TYPE_CHECKING:
    from imagefetch.spiders.images import ImagesSpider

logger = logging.getLogger(__name__)


class GoogleStore(GCSFilesStore):
    """Google Cloud Storage. Sends the file piece by piece instead of as one string."""

    PIECE = 8 * 2**20
    """Bytes in memory at once. The client's own is 100 MiB, more than most pictures."""

    async def persist_file(  # type: ignore[override]
        self, path: str, buf: Any, info: Any, meta: Any = None, headers: Any = None
    ) -> None:
        blob = self.bucket.blob(self.prefix + path, chunk_size=self.PIECE)
        blob.cache_control = self.CACHE_CONTROL
        await run_in_thread(
            blob.upload_from_file,
            buf,
            size=os.fstat(buf.fileno()).st_size,
            content_type=(headers or {}).get("Content-Type"),
            predefined_acl=self.POLICY,
        )


class FTPStore(FTPFilesStore):
    """FTP. Makes each folder once, before its first file.

    Of uploads that each make the folder where they miss it, only the quickest
    succeeds: to the others the server says that it exists.
    """

    def __init__(self, uri: str) -> None:
        super().__init__(uri)
        self.folders: dict[str, asyncio.Future[None]] = {}
        """By path below the store: done as soon as it is there."""

    async def persist_file(  # type: ignore[override]
        self, path: str, buf: Any, info: Any, meta: Any = None, headers: Any = None
    ) -> None:
        await self._folder(path.rpartition("/")[0])
        await ensure_awaitable(super().persist_file(path, buf, info, meta, headers))

    async def _folder(self, folder: str) -> None:
        """Return once *folder*, below the store, is there; the folder it lies in comes first."""
        if folder not in self.folders:
            if folder:
                await self._folder(folder.rpartition("/")[0])
            if len(self.folders) >= FOLDERS:
                self.folders.clear()
            if folder not in self.folders:
                making = run_in_thread(self._make_folder, f"{self.basedir}/{folder}")
                self.folders[folder] = asyncio.ensure_future(making)
        await self.folders[folder]

    def _make_folder(self, folder: str) -> None:
        with FTP() as ftp:
            ftp.connect(self.host, self.port)
            ftp.login(self.username, self.password)
            ftp_makedirs_cwd(ftp, folder.rstrip("/") or "/")


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
