"""Computes the size of an SVG document in CSS pixels from the attributes of its root element."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

PIXELS = {
    "": 1.0,
    "px": 1.0,
    "in": 96.0,
    "cm": 96 / 2.54,
    "mm": 96 / 25.4,
    "q": 96 / 101.6,
    "pt": 96 / 72,
    "pc": 16.0,
    "em": 16.0,
    "rem": 16.0,
}
"""CSS pixels of a unit (CSS Values and Units 4, section 6); of a font, at its initial size."""

ATTRIBUTES = "width", "height", "viewBox", "preserveAspectRatio"
"""What the size depends on."""

SIDE_MAX = 2**24
"""Browsers limit larger sides, each to a bound of its own."""

_NUMBER = r"[+-]?(?:\d{1,99}(?:\.\d{1,99})?|\.\d{1,99})(?:[eE][+-]?\d{1,3})?"
_LENGTH = re.compile(rf"({_NUMBER})([a-zA-Z]*|%)")
_BOX = re.compile(rf"\s*({_NUMBER})" + rf"(?:\s*,\s*|\s+|(?=[-+]))({_NUMBER})" * 3 + r"\s*")


def size_of(attributes: Mapping[str, str | None]) -> tuple[int, int] | None:
    """Return width and height (SVG 2, section 8.9, Intrinsic sizing properties); None if the
    attributes don't state them.

    A side that is missing, or relative to what the image is placed in, follows from the other one
    and the view box. If both are, the image has a ratio, but no size: browsers fit it into what
    it is placed in, by default 300 by 150 pixels, and other programs take the view box for it.
    """
    width, height = _length(attributes.get("width")), _length(attributes.get("height"))
    if any(side is not None and math.isnan(side) for side in (width, height)):
        return None
    if (width is None) != (height is None):
        wide, high = _proportions(attributes)
        if width is not None:
            height = width * high / wide if wide else None
        elif height is not None:
            width = height * wide / high if high else None
    if width is None or height is None:
        return None
    if not (math.isfinite(width) and math.isfinite(height)):
        return None
    sides = math.floor(width + 0.5), math.floor(height + 0.5)
    return sides if all(0 < side <= SIDE_MAX for side in sides) else None


def _proportions(attributes: Mapping[str, str | None]) -> tuple[float, float]:
    """Return width and height of the view box; zeros if there is none, or it is stretched."""
    box = _BOX.fullmatch(attributes.get("viewBox") or "")
    if box is None or (attributes.get("preserveAspectRatio") or "").startswith("none"):
        return 0, 0
    wide, high = float(box[3]), float(box[4])
    return (wide, high) if wide > 0 and high > 0 else (0, 0)


def _length(text: str | None) -> float | None:
    """Return a length in CSS pixels; None if it is relative, missing or malformed, NaN if it
    depends on fonts or the window."""
    found = _LENGTH.fullmatch(text or "")
    if found is None:
        return math.nan if text and "(" in text else None
    if found[2] == "%":
        return None
    return float(found[1]) * PIXELS.get(found[2].lower(), math.nan)
