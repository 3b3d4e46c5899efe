"""Recognizes SVG documents, and reads their root element.

The root may follow comments, instructions and a document type, in any encoding that browsers
know. All searches are linear in the bytes that are read, and these are limited.
"""

from __future__ import annotations

import re
import zlib
from html import unescape

from imagefetch.images.bounded_bytes import (
    Bytes,
    MalformedError,
    NotThisFormatError,
    TooLongError,
    UnknownSizeError,
)
from imagefetch.images.headers.base import Header, sized
from imagefetch.images.headers.svg_size import size_of

NAMESPACE = "http://www.w3.org/2000/svg"

WINDOWS = 2**12, 2**16, 2**20
"""Bytes that are read of a document, until they include its root's start tag."""

DOCTYPE_MAX = 2**18
"""Maximum bytes of a document type."""

TOKENS = 2_000
"""Maximum comments and instructions before the root; the same of its attributes."""

GZIP = b"\x1f\x8b"

# Byte order marks, and the first characters of documents without one, in encodings in which
# markup is not ASCII (XML 1.0, appendix F).
ENCODINGS = (
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
    (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
)
STARTS = (b"<", b" ", b"\t", b"\r", b"\n", b"\xef\xbb\xbf", *(start for start, _ in ENCODINGS))
# In this encoding, bytes of other characters look like markup.
_ESCAPED = re.compile(rb"<\?xml[^>]{0,200}encoding\s*=\s*[\"']iso-2022-jp", re.IGNORECASE)

_SPACE = re.compile(rb"[ \t\r\n]*+")
_HTML = re.compile(rb"<!DOCTYPE\s+html", re.IGNORECASE)
# Texts, comments and instructions in a document type may contain any character. Every alternative
# begins in its own way, so that no byte is looked at twice. Repeated groups are atomic, (?>...),
# not possessive: Python before 3.11.5 matches possessive groups with alternatives wrongly.
_TEXTS = rb"\"[^\"]*+\"|'[^']*+'"
_DOCTYPE = re.compile(
    rb"<!DOCTYPE\s(?>(?:[^\[\]\"'<>]++|" + _TEXTS + rb")*)"
    rb"(?:\[(?>(?:[^\]\"'<]++|" + _TEXTS + rb"|<!--(?>(?:[^-]++|-(?!->))*)-->"
    rb"|<\?(?>(?:[^?]++|\?(?!>))*)\?>|<(?!!--|\?)[^\]\"'<]*+)*)\]\s*+)?>"
)
_ROOT = re.compile(rb"<(?:([^\s<>/=:\"'&!?]++):)?svg(?=[\s/>])")
_ATTRIBUTE = re.compile(rb"\s++([^\s=<>/\"']++)\s*+=\s*+(?:\"([^\"<]*+)\"|'([^'<]*+)')")
_TAG_END = re.compile(rb"\s*+/?>")
_REFERENCE = re.compile(rb"&([^#;&\s][^;&\s]{0,99});")
VALUE_MAX = 1_000


class _Unfinished(Exception):
    """The text ends before the root's start tag does."""


def may_be_svg(head: bytes) -> bool:
    """Return whether a file that begins with *head* can be an SVG document: its root is ``svg``,
    or does not begin in *head*."""
    if not head.startswith(STARTS):
        return False
    text = _as_ascii(head)
    try:
        return _ROOT.match(text, _root(text)) is not None
    except _Unfinished:
        return True
    except NotThisFormatError:
        return False


def may_be_svgz(head: bytes) -> bool:
    """Return the same of a document that is compressed with gzip."""
    return head.startswith(GZIP) and may_be_svg(_inflated(head, WINDOWS[0]))


def svg(data: Bytes) -> Header:
    """Read the size in CSS pixels.

    :raises NotThisFormatError: if the document is not SVG, or its root comes too late to tell
    """
    for window in WINDOWS:
        text = _as_ascii(data[:window])
        if len(data) <= window:
            break
        try:
            return _header(text)
        except _Unfinished:
            continue
    return _last_header(text, complete=len(data) <= window)


def svgz(data: Bytes) -> Header:
    """Read the same of a compressed document."""
    text = _inflated(data[: WINDOWS[1]], WINDOWS[2])
    return _last_header(_as_ascii(text), complete=len(text) < WINDOWS[2])


def _last_header(text: bytes, *, complete: bool) -> Header:
    """Read the size, if *text* is all that can be read; *complete*: all there is."""
    try:
        return _header(text)
    except _Unfinished:
        pass
    try:
        root = _ROOT.match(text, _root(text))
    except _Unfinished:
        root = None
    if root is None or root[1]:
        raise NotThisFormatError
    raise MalformedError if complete else TooLongError


def _inflated(data: bytes, limit: int) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(data, limit)
    except zlib.error:
        return b""


def _as_ascii(head: bytes) -> bytes:
    """Return a document with its markup in ASCII, and nothing before it."""
    for start, encoding in ENCODINGS:
        if head.startswith(start):
            head = head.decode(encoding, "replace").encode("utf-8", "replace")
            break
    head = head.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")
    if _ESCAPED.match(head):
        head = head.decode("iso2022_jp", "replace").encode()
    return head


def _root(text: bytes) -> int:
    """Return the offset of the root element.

    :raises _Unfinished: if the text ends before it
    :raises NotThisFormatError: if there is none, or the document is HTML
    """
    at = 0
    for _ in range(TOKENS):
        space = _SPACE.match(text, at)
        assert space is not None
        at = space.end()
        if text.startswith(b"<!--", at):
            end = text.find(b"-->", at + 4)
        elif text.startswith(b"<?", at):
            end = text.find(b"?>", at + 2)
        elif text.startswith(b"<!DOCTYPE", at) and not _HTML.match(text, at):
            doctype = _DOCTYPE.match(text, at, at + DOCTYPE_MAX)
            if doctype is None and len(text) - at >= DOCTYPE_MAX:
                raise NotThisFormatError
            end = doctype.end() if doctype else -1
        else:
            if not re.search(rb"[\s/>]", text[at : at + VALUE_MAX]) and text[at : at + 1] in b"<":
                raise _Unfinished
            return at
        if end < 0:
            raise _Unfinished
        at = end if text[end - 1 : end] == b">" else text.index(b">", end) + 1
    raise NotThisFormatError


def _header(text: bytes) -> Header:
    """:raises _Unfinished: if the text ends before the root's start tag does"""
    at = _root(text)
    root = _ROOT.match(text, at)
    if root is None:
        raise NotThisFormatError
    attributes = _attributes(text, root.end())
    prefix = root[1]
    name = "xmlns" if prefix is None else f"xmlns:{prefix.decode(errors='replace')}"
    space = _resolved(attributes.get(name), text[:at])
    if space != NAMESPACE and (prefix or (space is not None and "&" not in space)):
        raise NotThisFormatError
    size = size_of({key: _resolved(attributes.get(key), text[:at]) for key in SIZES})
    if size is None:
        raise UnknownSizeError
    return sized(*size)._replace(frames=None)


SIZES = "width", "height", "viewBox", "preserveAspectRatio"


def _attributes(text: bytes, at: int) -> dict[str, bytes]:
    """Return the attributes of the start tag whose name ends at the offset *at*."""
    found: dict[str, bytes] = {}
    for _ in range(TOKENS):
        attribute = _ATTRIBUTE.match(text, at)
        if attribute is None:
            if _TAG_END.match(text, at):
                return found
            break
        value = attribute[2] if attribute[3] is None else attribute[3]
        found[attribute[1].decode(errors="replace")] = value
        at = attribute.end()
    raise _Unfinished


def _resolved(value: bytes | None, prologue: bytes) -> str | None:
    """Return the *value* of an attribute with its references replaced, as far as the document type
    in *prologue* declares them."""
    if value is None or len(value) > VALUE_MAX:
        return None
    for _ in range(3):
        reference = _REFERENCE.search(value)
        if reference is None:
            break
        declared = re.search(
            rb"<!ENTITY\s++"
            + re.escape(reference[1])
            + rb"\s++(?:\"([^\"]{0,999})\"|'([^']{0,999})')",
            prologue,
        )
        if declared is None:
            break
        value = value.replace(reference[0], declared[1] or declared[2] or b"")[: VALUE_MAX + 1]
    return unescape(value.decode(errors="replace")).strip()
