"""File stores: what the pipeline hands a finished file to, for each kind of FILES_STORE."""

from __future__ import annotations

import asyncio
import os
from ftplib import FTP
from typing import TYPE_CHECKING, Any

from scrapy.pipelines.files import FTPFilesStore, GCSFilesStore
from scrapy.utils.asyncio import run_in_thread
from scrapy.utils.defer import ensure_awaitable
from scrapy.utils.ftp import ftp_makedirs_cwd

from imagefetch.output.folder_store import FOLDERS

if TYPE_CHECKING:
    pass


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
