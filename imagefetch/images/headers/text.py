"""Reads the headers of formats whose header is text: PNM, PAM, Radiance, XBM, XPM, IM."""

from __future__ import annotations

import re
from collections.abc import Callable

from imagefetch.images.bounded_bytes import (
    Bytes,
    MalformedError,
    NotThisFormatError,
    TooLongError,
)
from imagefetch.images.headers.base import Header, ReadHeader, sized

WINDOWS = 2**10, 2**16
"""Bytes that are read of a header: those of the second, if the first don't suffice."""

NUMBER = rb"(\d{1,10})"
"""Pillow reads as many digits."""


def _growing(parse: Callable[[bytes], Header]) -> ReadHeader:
    """Return a reader of a header with *parse*, which raises `MalformedError` if it needs more."""

    def header(data: Bytes) -> Header:
        for window in WINDOWS:
            try:
                return parse(data[:window])
            except MalformedError:
                if len(data) <= window:
                    raise
        raise TooLongError

    return header


PNM_MODES = {b"P1": "1", b"P4": "1", b"P3": "RGB", b"P6": "RGB", b"Pf": "F"}
PNM_NEXT = {b"P1": rb"[01]", b"P4": rb"", b"Pf": rb"-?[\d.]+\s", b"PF": rb"-?[\d.]+\s"}
"""What follows the size; in other formats, the maximum value."""

# Atomic, not possessive: Python before 3.11.5 matches possessive groups with alternatives wrongly.
_SPACE = rb"(?>(?:[ \t\r\n\v\f]++|#[^\r\n]*+[\r\n])+)"
_PNM = {
    magic: re.compile(magic + (_SPACE + NUMBER) * 2 + _SPACE + following)
    for magic in (b"P1", b"P2", b"P3", b"P4", b"P5", b"P6", b"Pf", b"PF")
    for following in [PNM_NEXT.get(magic, rb"\d{1,5}\s")]
}
_PNM_TEXT = re.compile(
    rb"P.(?>(?:[ \t\r\n\v\f\d.-]++|#[^\r\n]*+[\r\n])*)(?:#[^\r\n]*+)?\Z", re.DOTALL
)


def _pnm(text: bytes) -> Header:
    found = _PNM[text[:2]].match(text)
    if found is not None:
        header = sized(int(found[1]), int(found[2]), frames=1)
        return header._replace(mode=PNM_MODES.get(text[:2]))
    raise MalformedError if _PNM_TEXT.match(text) else NotThisFormatError


pnm = _growing(_pnm)
"""Read the two numbers after the signature of a PBM, PGM, PPM or PFM (Netpbm); comments may
surround them.

:raises NotThisFormatError: if other text follows
"""

_PAM_LINE = re.compile(rb"^(WIDTH|HEIGHT)[ \t]+" + NUMBER + rb"[ \t]*\r?$", re.MULTILINE)


def _pam(text: bytes) -> Header:
    head, end, _ = text.partition(b"\nENDHDR")
    values = {name: int(number) for name, number in _PAM_LINE.findall(head)}
    if not end:
        raise MalformedError
    return sized(values.get(b"WIDTH", 0), values.get(b"HEIGHT", 0), frames=1)


pam = _growing(_pam)
"""Read WIDTH and HEIGHT of a PAM, in any order (Netpbm, pam(5))."""

_RESOLUTION = re.compile(rb"\n\r?\n[-+]([XY]) +" + NUMBER + rb" +[-+]([XY]) +" + NUMBER + rb"\s")


def _radiance(text: bytes) -> Header:
    found = _RESOLUTION.search(text)
    if found is None:
        raise MalformedError
    sides = {found[1]: int(found[2]), found[3]: int(found[4])}
    return sized(sides.get(b"X", 0), sides.get(b"Y", 0), frames=1)


radiance = _growing(_radiance)
"""Read the resolution string after the header's empty line (Radiance file formats)."""

_XBM = re.compile(
    rb"#define[ \t]+\w*?width[ \t]+" + NUMBER + rb"\s+#define[ \t]+\w*?height[ \t]+" + NUMBER
)
_XBM_BITS = re.compile(rb"\bstatic\b[^={]{1,200}\[")


def _xbm(text: bytes) -> Header:
    found = _XBM.search(text)
    if found is None:
        raise MalformedError
    if not _XBM_BITS.search(text, found.end()):
        raise NotThisFormatError
    return sized(int(found[1]), int(found[2]), frames=1)


def xbm(data: Bytes) -> Header:
    """Read the definitions of an X bitmap, which is a C source file (X11, XReadBitmapFile).

    :raises NotThisFormatError: if it is another source file
    """
    try:
        return _xbm(data[: WINDOWS[0]])
    except MalformedError:
        raise NotThisFormatError from None


_XPM = re.compile(rb'"\s*' + NUMBER + rb"\s+" + NUMBER + rb'\s+\d{1,10}\s+\d{1,10}(?:\s[^"]*)?"')


def _xpm(text: bytes) -> Header:
    found = _XPM.search(text)
    if found is None:
        raise MalformedError
    return sized(int(found[1]), int(found[2]), frames=1)


xpm = _growing(_xpm)
"""Read the first string of an X pixmap (XPM Manual, version 3)."""


_IM = re.compile(rb"\n\r?Image size \(x\*y\):\s*" + NUMBER + rb"\*" + NUMBER + rb"\s")


def im(data: Bytes) -> Header:
    """Read the size in the header of an IFUNC image (IM).

    :raises NotThisFormatError: if there is none
    """
    found = _IM.search(data[:512])
    if found is None:
        raise NotThisFormatError
    return sized(int(found[1]), int(found[2]))
