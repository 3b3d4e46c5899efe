"""Decides whether an image is kept: filters, completeness and decodability."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from scrapy.crawler import Crawler
from scrapy.settings import BaseSettings

from imagefetch import errors
from imagefetch.errors import (
    CutImage,
    DamagedImage,
    DecoderFailed,
    UndecodableImage,
    UnverifiedFormat,
)
from imagefetch.images.decoding.decoder_pool import DecoderPool
from imagefetch.images.detection import ImageInfo
from imagefetch.items import ImageRecord
from imagefetch.utils.processes.shutdown import is_stopping


class Acceptance:
    """Accepts or rejects images.

    Settings: VERIFY_IMAGES, MAX_IMAGE_PIXELS, KEEP_DAMAGED, and those of `Filters`.
    """

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
        """:raises SystemLimit: if images can't be decoded on this system"""
        if self.pool is not None:
            await self.pool.try_out()

    async def check(self, record: ImageRecord, info: ImageInfo, path: Path) -> None:
        """Check the image file at *path*, whose properties are *info*.

        If it is damaged but kept, or can't be verified, set the reason of *record*.

        :raises Rejection: if the image is not kept
        :raises Unverified: if the run ends before the image has been decoded
        """
        self.filters.check(record)
        try:
            if info.damaged:
                raise DamagedImage
            if info.whole is False:
                raise CutImage
            if self.pool is not None:
                await self._decode(self.pool, info, path)
        except UnverifiedFormat as problem:
            record.reason = problem.reason
        except (DamagedImage, CutImage, UndecodableImage, DecoderFailed) as damage:
            if not self.keep_damaged:
                raise
            record.reason = damage.reason

    async def _decode(self, pool: DecoderPool, info: ImageInfo, path: Path) -> None:
        """:raises UnverifiedFormat: if Pillow doesn't support the format"""
        if info.pillow is None:
            raise UnverifiedFormat
        if (info.width or 0) * (info.height or 0) <= pool.limit:
            await pool.check(path, info.pillow)

    def close(self) -> None:
        if self.pool is not None:
            self.pool.close()


@dataclass(frozen=True)
class Filters:
    """Bounds for images. 0 and the empty set mean no bound; an unknown value passes."""

    min_width: int = 0
    """Pixels."""
    min_height: int = 0
    max_pixels: int = 0
    max_aspect_ratio: float = 0
    """Ratio of the longer side to the shorter."""
    min_bytes: int = 0
    allowed_types: frozenset[str] = frozenset()

    @classmethod
    def from_settings(cls, settings: BaseSettings) -> Filters:
        return cls(
            settings.getint("MIN_WIDTH"),
            settings.getint("MIN_HEIGHT"),
            settings.getint("MAX_PIXELS"),
            settings.getfloat("MAX_ASPECT_RATIO"),
            settings.getint("MIN_BYTES"),
            frozenset(settings.getlist("ALLOWED_TYPES")),
        )

    def check(self, record: ImageRecord) -> None:
        """:raises Rejection: if the image of *record* is out of bounds"""
        if self.allowed_types and record.type not in self.allowed_types:
            raise errors.TypeNotAllowed
        if record.bytes is not None and record.bytes < self.min_bytes:
            raise errors.TooFewBytes
        width, height = record.width, record.height
        if width is None or height is None:
            return
        if width < self.min_width:
            raise errors.TooNarrow
        if height < self.min_height:
            raise errors.TooLow
        if 0 < self.max_pixels < width * height:
            raise errors.TooManyPixels
        if self.max_aspect_ratio and max(width, height) > self.max_aspect_ratio * min(
            width, height
        ):
            raise errors.TooElongated
