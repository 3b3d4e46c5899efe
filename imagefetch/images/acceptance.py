"""Is this picture kept? Whether it is wanted, and whether it is whole."""

from __future__ import annotations

from pathlib import Path

from scrapy.crawler import Crawler

from imagefetch.errors import CutImage, DecoderFailed, UndecodableImage
from imagefetch.images.decoder_pool import DecoderPool
from imagefetch.images.filters import Filters
from imagefetch.images.formats import Picture
from imagefetch.items import ImageRecord
from imagefetch.utils.shutdown import is_stopping


class Judge:
    """Settings: VERIFY_IMAGES, MAX_IMAGE_PIXELS, KEEP_DAMAGED, and those of `Filters`."""

    def __init__(self, crawler: Crawler) -> None:
        settings = crawler.settings
        self.filters = Filters.from_settings(settings)
        self.keep_damaged = settings.getbool("KEEP_DAMAGED")
        self.pool: DecoderPool | None = None
        if settings["VERIFY_IMAGES"] == "full":
            self.pool = DecoderPool(
                settings.getint("MAX_IMAGE_PIXELS"), stopping=lambda: is_stopping(crawler)
            )

    async def begin(self) -> None:
        """:raises SystemLimit: if pictures can't be decoded here"""
        if self.pool is not None:
            await self.pool.try_out()

    async def judge(self, record: ImageRecord, picture: Picture, path: Path) -> None:
        """Give *record* the reason why its *picture*, the file at *path*, is no good, if it
        is kept all the same.

        :raises Rejection: if it isn't
        :raises Unverified: if the run ends before that is known
        """
        self.filters.check(record)
        try:
            if picture.whole is False:
                raise CutImage
            if self.pool is not None and picture.pillow and self._within(picture):
                await self.pool.check(path, picture.pillow)
        except (CutImage, UndecodableImage, DecoderFailed) as damage:
            if not self.keep_damaged:
                raise
            record.reason = damage.reason

    def _within(self, picture: Picture) -> bool:
        assert self.pool is not None
        return (picture.width or 0) * (picture.height or 0) <= self.pool.limit

    def close(self) -> None:
        if self.pool is not None:
            self.pool.close()
