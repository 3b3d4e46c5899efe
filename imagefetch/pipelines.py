"""The item pipeline: a finished file moves into its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, cast

from scrapy.exceptions import DropItem
from scrapy.pipelines.files import FilesPipeline, FSFilesStore, GCSFilesStore
from scrapy.utils.asyncio import run_in_thread
from scrapy.utils.defer import ensure_awaitable

from imagefetch.errors import StoreError
from imagefetch.items import ImageRecord
from imagefetch.partials import store_error
from imagefetch.stop import stop_run


class FolderStore(FSFilesStore):
    """A local folder. Takes files by renaming, which is atomic."""

    def persist_file(  # type: ignore[override]
        self, path: str, buf: Any, info: Any, meta: Any = None, headers: Any = None
    ) -> None:
        Path(buf.name).replace(Path(self.basedir, path))


class GoogleStore(GCSFilesStore):
    """Google Cloud Storage. Sends the file piece by piece instead of as one string."""

    async def persist_file(  # type: ignore[override]
        self, path: str, buf: Any, info: Any, meta: Any = None, headers: Any = None
    ) -> None:
        blob = self.bucket.blob(self.prefix + path)
        blob.cache_control = self.CACHE_CONTROL
        await run_in_thread(
            blob.upload_from_file,
            buf,
            content_type=(headers or {}).get("Content-Type"),
            predefined_acl=self.POLICY,
        )


class ImageFilesPipeline(FilesPipeline):
    """Stores what was downloaded for the record; it downloads nothing itself.

    FilesPipeline's own downloads pass the scheduler by, without any limit.
    """

    STORE_SCHEMES: ClassVar[dict[str, Any]] = {
        **FilesPipeline.STORE_SCHEMES,
        "": FolderStore,
        "file": FolderStore,
        "gs": GoogleStore,
    }

    async def process_item(self, item: ImageRecord) -> ImageRecord:  # type: ignore[override]
        """Give *item* its file.

        :raises DropItem: if the store refuses it; the run ends, and the line
            has no row
        """
        download = item.download
        if download is None or download.path is None:
            return item
        try:
            with download.path.open("rb") as file:
                stored = self.store.persist_file(
                    item.file, cast("Any", file), self.spiderinfo, None, {"Content-Type": item.type}
                )
                await ensure_awaitable(stored)
            if not isinstance(self.store, FolderStore):
                download.discard()
        except Exception as error:
            # Each kind of store has errors of its own; none is the picture's fault.
            stop_run(self.crawler, _as_store_error(item, error))
            raise DropItem(str(error), log_level="DEBUG") from error
        item.download = None
        self.inc_stats("downloaded")
        return item


def _as_store_error(item: ImageRecord, error: Exception) -> StoreError:
    if isinstance(error, StoreError):
        return error
    if isinstance(error, OSError):
        return store_error(item.file, error)
    return StoreError(f"{item.file}: {error}")
