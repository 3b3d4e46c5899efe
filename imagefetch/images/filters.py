"""Which pictures are wanted, by what is known of them."""

from __future__ import annotations

from dataclasses import dataclass

from scrapy.settings import BaseSettings

from imagefetch import errors
from imagefetch.items import ImageRecord


@dataclass(frozen=True)
class Filters:
    """Bounds; 0 and the empty set are none. What isn't known is within them."""

    min_width: int = 0
    """Pixels."""
    min_height: int = 0
    max_pixels: int = 0
    max_aspect_ratio: float = 0
    """Of the longer side to the shorter."""
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
        """:raises Rejection: if *record*'s picture is not wanted"""
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
