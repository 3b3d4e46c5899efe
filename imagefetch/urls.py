"""Validates URLs; returns their host, their origin, and a key for equal URLs."""

from __future__ import annotations

import codecs
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import urlsplit

from ada_url import idna, normalize_url

from imagefetch.errors import BadInput, Failure, InvalidURL, UnsupportedScheme
from imagefetch.utils.cells import CUT
from imagefetch.utils.redaction import HIDDEN, hide_credentials_of

MAX_LINE = 65_536  # characters; a longer line is truncated, and is no URL
# UTF-32 comes first: its little-endian mark begins with that of UTF-16.
BYTE_ORDER_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}

PORT = r"(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"

# URLs that are sent unchanged, as no part of their path begins with a dot; parsing any other
# takes many times as long.
PLAIN_URL = re.compile(
    rf"https?://([a-z0-9]+(?:[.-][a-z0-9]+)*)(?::{PORT})?/"
    r"[A-Za-z0-9_~/-]*(?:(?<![/.])\.+[A-Za-z0-9_~/-]*)*(?:\?[A-Za-z0-9._~/=&-]+)?"
)

ORIGIN = re.compile(r"https?://[a-z0-9.:-]+(?=[/?#]|$)")

# Most characters of a host name and of a label in it that DNS messages can hold (RFC 1035,
# section 3.1).
MAX_HOST = 253
MAX_LABEL = 63

# Fast path for the host of most URLs; parsing one takes several times as long.
HOST = re.compile(r"https?://([a-z0-9.-]+)(?::[0-9]+)?(?=[/?#]|$)")


LineKey = tuple[int, int | None]
"""Number and part of a `Line`, which identify an image of a list."""

NO_COLUMNS: Mapping[str, str] = MappingProxyType({})


class Line(NamedTuple):
    """A line of the list, with the URL of an image; of a table, one image of a record."""

    number: int
    """Number of the record in the list, from 1; in a text list, that of the line, counting blank
    lines and comments; in a shard, the number in the whole list."""
    text: str
    """The URL as the user wrote it: the line, or a piece of a cell, stripped."""
    part: int | None = None
    """Which of several images of the record, from 1; None if the record has one."""
    record: Mapping[str, str] = NO_COLUMNS
    """The record's other columns that the report carries, by name."""
    invalid: bool = False
    """Whether the record can't be read, so that it has no URL: its row is ``InvalidRecord``."""
    repaired: str = ""
    """The URL that the text stands for, if it had to be repaired."""

    @property
    def url(self) -> str:
        """The URL to request, if it is one."""
        return "" if self.invalid else self.repaired or self.text

    @classmethod
    def from_json(cls, text: str) -> Line:
        """Return the line for the result of `to_json`.

        :raises ValueError, TypeError: if it is something else
        """
        number, url, part, record, *rest = json.loads(text)
        return cls(number, url, part, record or NO_COLUMNS, *rest)

    def to_json(self) -> str:
        """Return all fields as JSON."""
        return json.dumps([*self[:3], dict(self.record), *self[4:]])

    @property
    def key(self) -> LineKey:
        return self[0], self[2]

    @property
    def id(self) -> int:
        """`id_of` the line."""
        return self[0] if self[2] is None else id_of(self[0], self[2])

    @property
    def place(self) -> str:
        """The line for a message: ``line 7, part 2``."""
        return place_of(self[0], self[2])


def id_of(number: int, part: int | None) -> int:
    """Return a number that is different for each line and part: that of the line, if it has no
    parts."""
    return number + ((part or 0) << 64)


def place_of(number: int, part: int | None) -> str:
    """Return number and part of a line as text: ``line 7, part 2``."""
    return f"line {number}" if part is None else f"line {number}, part {part}"


def check_beginning(head: bytes, source: str) -> None:
    """Check the first bytes, *head*, of a list from *source*.

    :raises BadInput: if they can't be the beginning of a list
    """
    _encoding(head, source)


def request_url(text: str) -> str:
    """Return *text* if it is a URL for a request; `standard_url` is what is sent for it.

    :raises InvalidURL: if it is no absolute URL with a host
    :raises UnsupportedScheme: if its scheme is not http or https
    """
    if len(text) <= MAX_LINE and (plain := PLAIN_URL.fullmatch(text)):
        if plain.end(1) - plain.start(1) > MAX_LABEL:  # most are shorter
            check_host(plain[1])
        return text
    if len(text) > MAX_LINE or CUT in text or any(c < " " or c == "\x7f" for c in text):
        raise InvalidURL
    try:
        parts = urlsplit(text)
        _ = parts.port  # raises ValueError if it is invalid
    except ValueError as error:
        raise InvalidURL from error
    if not parts.scheme or (not parts.netloc and "." in parts.scheme):
        raise InvalidURL  # "example.com:80/a.jpg" has no scheme, despite its colon
    if parts.scheme not in {"http", "https"}:
        raise UnsupportedScheme
    host = (parts.hostname or "").partition("\\")[0]  # a slash, by the URL standard
    if any(c.isspace() or c in '<>"^`{|}%' for c in host):
        raise InvalidURL
    check_host(host)
    return text


def standard_url(text: str) -> str:
    """Return the URL in *text* as the URL standard (WHATWG) writes it.

    The host name is encoded by UTS 46, non-transitional; Scrapy would do so by IDNA 2003, which
    names other hosts. Dot segments are resolved, and backslashes are slashes.

    :raises InvalidURL: if it is no absolute URL with a host
    :raises UnsupportedScheme: if its scheme is not http or https
    """
    url = request_url(text)
    if PLAIN_URL.fullmatch(url):
        return url
    try:
        return normalize_url(url)
    except ValueError as error:
        raise InvalidURL from error


def ascii_host(host: str) -> str:
    """Return the host name *host* as it stands in DNS: encoded by UTS 46, non-transitional.

    :raises InvalidURL: if it can't be encoded
    """
    if host.isascii():
        return host
    try:
        return idna.encode(host).decode()
    except ValueError as error:
        raise InvalidURL from error


def check_host(host: str) -> None:
    """Check that *host* is an IPv6 address, or a name whose IDNA encoding is valid in DNS. A
    trailing dot is ignored.

    :raises InvalidURL: if it is neither
    """
    if ":" in host:
        return
    name = ascii_host(host).removesuffix(".")
    if len(name) > MAX_HOST or not all(0 < len(label) <= MAX_LABEL for label in name.split(".")):
        raise InvalidURL


def _encoding(head: bytes, path: Path | str) -> str:
    for mark, encoding in BYTE_ORDER_MARKS.items():
        if head.startswith(mark):
            return encoding
    if head.startswith(b"\x1f\x8b"):
        raise BadInput(f"{path}: is compressed; give it a name that ends in .gz")
    zeros = head.count(0)
    if zeros > len(head) / 10:
        # In URLs as UTF-16, nearly every second byte is zero, and no other.
        if head[1::2].count(0) == zeros:
            return "utf-16-le"
        if head[0::2].count(0) == zeros:
            return "utf-16-be"
    elif not zeros or _is_utf8(head):
        return "utf-8"
    raise BadInput(f"{path}: is not a text file; a list has one URL per line")


def _is_utf8(head: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)  # the last character may be truncated
    except UnicodeDecodeError:
        return False
    return True


def host_of(url: str) -> str:
    """Return the host of *url*, or "no host"."""
    if match := HOST.match(url):
        return match[1]
    try:
        return urlsplit(url).hostname or "no host"
    except ValueError:
        return "no host"


def origin_of(url: str) -> str | None:
    """Return the origin of *url*, ``http://a.example:80``; None if it has none."""
    if match := ORIGIN.match(url):
        return match[0]
    try:
        parts = urlsplit(url if url.isascii() and "\\" not in url else sent_url(url) or url)
    except ValueError:
        return None
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}" if parts.scheme and host else None


def key_of(url: str) -> bytes:
    """Return a hash of *url* without its fragment, which is not sent: the key of duplicates.

    It has 128 bits: among 10 million URLs the probability of any collision is 1e-25.
    """
    return hashlib.blake2b(url.partition("#")[0].encode(), digest_size=16).digest()


def sent_url(text: str) -> str | None:
    """Return the URL of the request for a line's *text*; None if there is none."""
    if PLAIN_URL.fullmatch(text):
        return text
    from scrapy import Request  # imported here: a subprocess that renders a page needs none

    try:
        return Request(standard_url(text)).url.partition("#")[0]
    except (Failure, ValueError):
        return None


def shown(address: str) -> str:
    """Return the URL *address* for display, without user, password and query."""
    base, mark, _ = hide_credentials_of(address).partition("#")[0].partition("?")
    return base.replace(f"{HIDDEN}@", "", 1) + (f"?{HIDDEN}" if mark else "")
