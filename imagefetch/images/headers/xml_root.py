"""Finds the root element of an XML document, and reads the attributes of its start tag.

The root may follow comments, instructions and a document type, in any encoding that browsers
know. All searches are linear in the bytes that are read, and these are limited.
"""

from __future__ import annotations

import re
from html import unescape
from typing import NamedTuple

DOCTYPE_MAX = 2**18
"""Maximum bytes of a document type."""

TOKENS = 2_000
"""Maximum comments and instructions before the root; the same of its attributes."""

VALUE_MAX = 1_000
"""Maximum bytes of a name, and of a value that is read."""

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
"""First bytes of a document."""

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
_TAG = re.compile(rb"<(?:([^\s<>/=:\"'&!?]++):)?([^\s<>/=:\"'&!?]++)(?=[\s/>])")
_ATTRIBUTE = re.compile(rb"\s++([^\s=<>/\"']++)\s*+=\s*+(?:\"([^\"<]*+)\"|'([^'<]*+)')")
_TAG_END = re.compile(rb"\s*+/?>")
_REFERENCE = re.compile(rb"&([^#;&\s][^;&\s]{0,99});")


class NoRootError(Exception):
    """The document is HTML or no XML, or its root comes too late to tell."""


class UnfinishedError(Exception):
    """The text ends before the start tag of the root, or before that tag ends."""


class Root(NamedTuple):
    """The start tag of a root element."""

    text: bytes
    """The document from its beginning on."""
    at: int
    """Offset of the tag in `text`."""
    end: int
    """Offset of the end of its name."""
    prefix: str | None
    name: str
    """Without its prefix; empty if it has none, as text."""

    def attributes(self) -> dict[str, bytes]:
        """Return the attributes of the tag, as written.

        :raises UnfinishedError: if the text ends before the tag does
        """
        found: dict[str, bytes] = {}
        at = self.end
        for _ in range(TOKENS):
            attribute = _ATTRIBUTE.match(self.text, at)
            if attribute is None:
                if _TAG_END.match(self.text, at):
                    return found
                break
            value = attribute[2] if attribute[3] is None else attribute[3]
            found[attribute[1].decode(errors="replace")] = value
            at = attribute.end()
        raise UnfinishedError

    def resolved(self, value: bytes | None) -> str | None:
        """Return the *value* of an attribute with its references replaced, as far as the document
        type declares them; None if there is none, or it is too long."""
        if value is None or len(value) > VALUE_MAX:
            return None
        for _ in range(3):
            reference = _REFERENCE.search(value)
            if reference is None:
                break
            entity = rb"<!ENTITY\s++" + re.escape(reference[1])
            declared = re.compile(entity + rb"\s++(?:\"([^\"]{0,999})\"|'([^']{0,999})')").search(
                self.text, 0, self.at
            )
            if declared is None:
                break
            value = value.replace(reference[0], declared[1] or declared[2] or b"")[: VALUE_MAX + 1]
        return unescape(value.decode(errors="replace")).strip()


def as_ascii(head: bytes) -> bytes:
    """Return a document with its markup in ASCII, and nothing before it."""
    for start, encoding in ENCODINGS:
        if head.startswith(start):
            head = head.decode(encoding, "replace").encode("utf-8", "replace")
            break
    head = head.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")
    if _ESCAPED.match(head):
        head = head.decode("iso2022_jp", "replace").encode()
    return head


def root_of(text: bytes) -> Root:
    """Return the root element of a document, whose first bytes `as_ascii` are *text*.

    :raises UnfinishedError: if the text ends before it
    :raises NoRootError: if there is none, or the document is HTML
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
                raise NoRootError
            end = doctype.end() if doctype else -1
        else:
            return _named(text, at)
        if end < 0:
            raise UnfinishedError
        at = end if text[end - 1 : end] == b">" else text.index(b">", end) + 1
    raise NoRootError


def _named(text: bytes, at: int) -> Root:
    """Return the root element at the offset *at*."""
    tag = _TAG.match(text, at, at + VALUE_MAX)
    if tag is not None:
        prefix = None if tag[1] is None else tag[1].decode(errors="replace")
        return Root(text, at, tag.end(), prefix, tag[2].decode(errors="replace"))
    if not re.search(rb"[\s/>]", text[at : at + VALUE_MAX]) and text[at : at + 1] in b"<":
        raise UnfinishedError
    return Root(text, at, at, None, "")
