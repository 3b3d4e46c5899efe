"""Recognizes SVG documents by their root element, and reads their size, also of compressed ones."""

from __future__ import annotations

import zlib
from contextlib import suppress

from imagefetch.images.bounded_bytes import (
    Bytes,
    MalformedError,
    NotThisFormatError,
    TooLongError,
    UnknownSizeError,
)
from imagefetch.images.headers.base import Header, sized
from imagefetch.images.headers.svg_size import ATTRIBUTES, size_of
from imagefetch.images.headers.xml_root import (
    STARTS,
    NoRootError,
    Root,
    UnfinishedError,
    as_ascii,
    root_of,
)

NAMESPACE = "http://www.w3.org/2000/svg"

WINDOWS = 2**12, 2**16, 2**20
"""Bytes that are read of a document, until they include its root's start tag."""

GZIP = b"\x1f\x8b"
MEMBERS = 100
"""Maximum members of a gzip file that are read."""


def may_be_svg(head: bytes) -> bool:
    """Return whether a file that begins with *head* can be an SVG document: its root is ``svg``,
    or does not begin in *head*."""
    if not head.startswith(STARTS):
        return False
    try:
        return root_of(as_ascii(head)).name == "svg"
    except UnfinishedError:
        return True
    except NoRootError:
        return False


def may_be_svgz(head: bytes) -> bool:
    """Return the same of a document that is compressed with gzip."""
    return head.startswith(GZIP) and may_be_svg(_inflated(head, WINDOWS[0]))


def svg(data: Bytes) -> Header:
    """Read the size in CSS pixels.

    :raises NotThisFormatError: if the document is not SVG, or its root comes too late to tell
    """
    *shorter, longest = WINDOWS
    for window in shorter:
        if window < len(data):
            with suppress(UnfinishedError):
                return _header(_svg_root(as_ascii(data[:window])))
    return _last_header(as_ascii(data[:longest]), complete=len(data) <= longest)


def svgz(data: Bytes) -> Header:
    """Read the same of a compressed document."""
    text = _inflated(data[: WINDOWS[1]], WINDOWS[2])
    return _last_header(as_ascii(text), complete=len(text) < WINDOWS[2])


def _last_header(text: bytes, *, complete: bool) -> Header:
    """Read the size, if *text* is all that can be read; *complete*: all there is."""
    try:
        root = _svg_root(text)
    except UnfinishedError:
        raise NotThisFormatError from None
    try:
        return _header(root)
    except UnfinishedError:
        pass
    if root.prefix:
        raise NotThisFormatError
    raise MalformedError if complete else TooLongError


def _inflated(data: bytes, limit: int) -> bytes:
    """Return the first *limit* bytes of the members of a gzip file (RFC 1952, section 2.2), of
    which *data* may be the beginning."""
    text = b""
    for _ in range(MEMBERS):
        member = zlib.decompressobj(wbits=31)
        try:
            text += member.decompress(data, limit - len(text))
        except zlib.error:
            break
        data = member.unused_data
        if not data.startswith(GZIP) or len(text) >= limit:
            break
    return text


def _svg_root(text: bytes) -> Root:
    """:raises UnfinishedError: if the text ends before the root
    :raises NotThisFormatError: if it is no ``svg``"""
    try:
        root = root_of(text)
    except NoRootError as error:
        raise NotThisFormatError from error
    if root.name != "svg":
        raise NotThisFormatError
    return root


def _header(root: Root) -> Header:
    """:raises UnfinishedError: if the text ends before the root's start tag does"""
    attributes = root.attributes()
    name = "xmlns" if root.prefix is None else f"xmlns:{root.prefix}"
    space = root.resolved(attributes.get(name))
    if space != NAMESPACE and (root.prefix or (space is not None and "&" not in space)):
        raise NotThisFormatError
    size = size_of({key: root.resolved(attributes.get(key)) for key in ATTRIBUTES})
    if size is None:
        raise UnknownSizeError
    return sized(*size)._replace(frames=None)
