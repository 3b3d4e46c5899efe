"""Rare variants of image formats, each with its type and size.

Those of web formats are compared with what Chromium shows.
"""

from __future__ import annotations

from tests.support.variants.avif import AVIFS, AVIFS_OF_NO_SIZE
from tests.support.variants.base import SIZE, Variant
from tests.support.variants.others import OTHERS
from tests.support.variants.svg import SVGS, SVGZS
from tests.support.variants.web import APNGS, GIFS, JPEGS, PNGS, WEBPS
from tests.support.variants.windows import BITMAPS, ICONS

__all__ = ["VARIANTS", "WEB", "Variant"]


def _all(
    media_type: str, name: str, contents: dict[str, bytes], size: tuple[int, int] | None = SIZE
) -> dict[str, Variant]:
    return {
        f"{name}, {key}": Variant(media_type, content, size) for key, content in contents.items()
    }


WEB: dict[str, Variant] = {
    **_all("image/jpeg", "JPEG", JPEGS),
    **_all("image/png", "PNG", PNGS),
    **_all("image/apng", "PNG", APNGS),
    **_all("image/gif", "GIF", GIFS),
    **_all("image/webp", "WebP", WEBPS),
    **_all("image/avif", "AVIF", AVIFS),
    **_all("image/avif", "AVIF", AVIFS_OF_NO_SIZE, None),
    **_all("image/bmp", "BMP", BITMAPS),
    **{f"icon, {name}": variant for name, variant in ICONS.items()},
    **_all("image/svg+xml", "SVG", SVGS),
    **_all("image/svg+xml", "SVG, compressed", SVGZS),
}
"""Variants of formats that browsers show."""

VARIANTS = {**WEB, **OTHERS}
