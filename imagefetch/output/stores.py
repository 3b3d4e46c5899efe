"""Uploads finished files to Google Cloud Storage and FTP servers."""

from __future__ import annotations

import asyncio
import os
from ftplib import FTP
from typing import Any

from scrapy.pipelines.files import FTPFilesStore, GCSFilesStore
from scrapy.utils.asyncio import run_in_thread
from scrapy.utils.defer import ensure_awaitable
from scrapy.utils.ftp import ftp_makedirs_cwd

from imagefetch.output.folder_store import FOLDERS


class GoogleStore(GCSFilesStore):
    """Google Cloud Storage. Uploads the file in chunks, not as one string."""

    PIECE = 8 * 2**20
    """Bytes of a chunk. The client's default is 100 MiB, more than most images."""

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
    """FTP. Creates each folder once, before its first file.

    If each upload created a missing folder itself, only the first would succeed: to the others
    the server would report that the folder exists.
    """

    def __init__(self, uri: str) -> None:
        super().__init__(uri)
        self.folders: dict[str, asyncio.Future[None]] = {}
        """By path relative to the store: done when the folder exists."""

    async def persist_file(  # type: ignore[override]
        self, path: str, buf: Any, info: Any, meta: Any = None, headers: Any = None
    ) -> None:
        await self._folder(path.rpartition("/")[0])
        await ensure_awaitable(super().persist_file(path, buf, info, meta, headers))

    async def _folder(self, folder: str) -> None:
        """Create *folder*, relative to the store, after its parent; return when it exists."""
        if folder not in self.folders:
            if folder:
                await self._folder(folder.rpartition("/")[0])
            if len(self.folders) >= FOLDERS:
                self.folders.clear()
            if folder not in self.folders:
                creation = run_in_thread(self._make_folder, f"{self.basedir}/{folder}")
                self.folders[folder] = asyncio.ensure_future(creation)
        await self.folders[folder]

    def _make_folder(self, folder: str) -> None:
        with FTP() as ftp:
            ftp.connect(self.host, self.port)
            ftp.login(self.username, self.password)
            ftp_makedirs_cwd(ftp, folder.rstrip("/") or "/")
