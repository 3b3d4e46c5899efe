"""What the variants of image formats have in common."""

from __future__ import annotations

import io
from typing import Any, NamedTuple

from PIL import Image

SIZE = (40, 30)


class Variant(NamedTuple):
    media_type: str
    content: bytes
    size: tuple[int, int] | None = SIZE
    """None: unknown."""


def noise(mode: str = "RGB", size: tuple[int, int] = SIZE) -> Image.Image:
    return Image.effect_noise(size, 90).convert(mode)


def saved(plugin: str, image: Image.Image | None = None, **options: Any) -> bytes:
    out = io.BytesIO()
    (image or noise()).save(out, plugin, **options)
    return out.getvalue()
