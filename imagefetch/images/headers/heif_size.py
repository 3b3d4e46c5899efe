"""Computes the size of a HEIF image from the properties of its item (ISO/IEC 23008-12)."""

from __future__ import annotations

import struct

from imagefetch.images.bounded_bytes import UnknownSizeError

Size = tuple[int, int]
Properties = list[tuple[bytes, bytes]]
"""Name and content of each property of an item, in the order in which they apply."""


def in_order(properties: Properties) -> Size | None:
    """Return the size after the crops and rotations of *properties*; None if it is missing."""
    found: Size | None = None
    for name, content in properties:
        if name == b"ispe":
            found = struct.unpack(">II", content[4:12])
        elif name == b"clap" and found is not None:
            found = _cropped(found, content)
        elif name == b"irot" and found is not None:
            found = _rotated(found, content)
    return found


def as_all_agree(properties: Properties) -> Size | None:
    """Return the same, where browsers show the image in that size.

    They apply a crop only if it begins in the upper left corner, and before any rotation.

    :raises UnknownSizeError: if they differ
    """
    size, named = in_order(properties), dict(properties)
    shown = in_order([(b"ispe", named[b"ispe"])]) if b"ispe" in named else None
    if shown is not None and (crop := named.get(b"clap")) and _is_at_corner(shown, crop):
        shown = _cropped(shown, crop)
    if shown is not None and (rotation := named.get(b"irot")):
        shown = _rotated(shown, rotation)
    if size != shown:
        raise UnknownSizeError
    return size


def _rotated(size: Size, content: bytes) -> Size:
    return (size[1], size[0]) if content[0] & 1 else size


def _cropped(size: Size, content: bytes) -> Size:
    """Return the clean aperture of an image of *size*; *size* itself if it is not a part of it."""
    width, below, height, under = struct.unpack(">4I", content[:16])
    if not below or not under:
        return size
    cropped = width // below, height // under
    return cropped if all(0 < new <= old for new, old in zip(cropped, size, strict=True)) else size


def _is_at_corner(size: Size, content: bytes) -> bool:
    """Return whether a clean aperture has whole sides, and begins in the upper left corner. The
    offsets are those of its centre from the image's centre."""
    numbers = struct.unpack(">IIIIiIiI", content[:32])
    (width, below), (height, under), (right, right_of), (down, down_of) = zip(
        numbers[::2], numbers[1::2], strict=True
    )
    return all(
        number % divisor == 0 and shift_of and (number // divisor - side) * shift_of == 2 * shift
        for side, number, divisor, shift, shift_of in (
            (size[0], width, below, right, right_of),
            (size[1], height, under, down, down_of),
        )
        if divisor
    )
