"""Reads the boxes of an ISO base media file (ISO/IEC 14496-12, section 4.2), as AVIF, HEIF and
JPEG 2000 are, and tells which of these a file is."""

from __future__ import annotations

from collections.abc import Iterator

from imagefetch.images.bounded_bytes import Bytes, TooLongError

BOXES = 2_000
"""Maximum boxes in one box."""

# Brands by the media type that they stand for (ISO/IEC 23008-12, annex B; AV1 Image File Format).
HEIC = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
AVIF = frozenset({b"avif", b"avis", b"avio", b"MA1A", b"MA1B"})
HEIF = frozenset(
    {b"mif1", b"mif2", b"mif3", b"msf1", b"miaf", b"1pic", b"avci", b"avcs", b"avce"}
    | {b"jpeg", b"jpgs", b"j2ki", b"j2is", b"vvic", b"vvis", b"evbi", b"evbs", b"unif"}
)
CR3 = frozenset({b"crx "})


def media_type_of(head: bytes) -> str | None:
    """Return the media type of an image that begins with the file type box *head*; None if it is
    none. The major brand decides, then the compatible ones: browsers show as AVIF what names it
    anywhere."""
    name, at, length = next(_boxes(head, 0, len(head)), (b"", 0, 0))
    if name != b"ftyp":
        return None
    begin, end = begin_of(head, at), min(length, len(head))
    major, minor = head[begin : begin + 4], head[begin + 4 : begin + 8]
    others = {head[at : at + 4] for at in range(begin + 8, end - 3, 4)}
    if major in CR3:
        return "image/x-canon-cr3"
    if major == b"mif3":  # the codec's brand stands in place of the version
        others.add(minor)
        if AVIF.isdisjoint(others):
            return "image/heif" if HEIC.isdisjoint(others) else "image/heic"
    if major in HEIC:
        return "image/heic"
    if major in AVIF or not AVIF.isdisjoint(others):
        return "image/avif"
    return "image/heif" if major in HEIF else None


def top_boxes(data: Bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, offset and length of each box that is not in another one.

    A box with an invalid length, below 8, is the last; the file may end before the last box does.
    """
    return _boxes(data, 0, len(data))


def inner_boxes(
    data: Bytes | bytes, at: int, end: int | None = None
) -> Iterator[tuple[bytes, int, int]]:
    """Yield the same of the boxes from the offset *at* to *end*.

    :raises TooLongError: if there are more than `BOXES`
    """
    for number, box in enumerate(_boxes(data, at, len(data) if end is None else end)):
        if number >= BOXES:
            raise TooLongError
        yield box


def _boxes(data: Bytes | bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    while at < end:
        head = data[at : at + 16]
        length, name = int.from_bytes(head[:4], "big"), head[4:8]
        if length == 1:
            length = int.from_bytes(head[8:], "big")
        elif length == 0:
            length = end - at
        yield name, at, length
        if length < 8:
            return
        at += length


def begin_of(data: Bytes | bytes, at: int) -> int:
    """Return the offset of the content of the box at the offset *at*, whose length takes 4 or 12
    bytes."""
    return at + (16 if data[at : at + 4] == b"\0\0\0\1" else 8)
