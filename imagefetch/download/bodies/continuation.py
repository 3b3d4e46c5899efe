"""Decides how an interrupted body is continued: which request asks for its rest, and which response
is that rest (RFC 9110, sections 13.1.5, 14 and 15.3.7).

The bytes of two responses are joined only if both are of the same representation. So a body is
continued only where the server sent a strong validator and no Content-Encoding, and where the range
that comes is just the one that is missing.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import NamedTuple

from scrapy import Request
from scrapy.http import Headers

from imagefetch.download.curl.response_head import Head
from imagefetch.output.partial_files import PartialFile
from imagefetch.utils.http_date import time_of

CONTINUED_MIN = 2**20
"""Bytes from which a body is continued; to fetch fewer again costs less than to be wrong."""

# A strong entity tag (RFC 9110, section 8.8.3).
STRONG_TAG = re.compile(r'"[!#-~\x80-\xff]*"')

# Seconds by which a date must be older than its response to be a strong validator: a second change
# within its resolution, or between two clocks, would not show (RFC 9110, section 8.8.2.2; the
# figure is that of RFC 7232, section 2.2.2).
DATE_AGE = 60.0

CONTENT_RANGE = re.compile(
    r"bytes[ \t]+([0-9]{1,18})[ \t]*-[ \t]*([0-9]{1,18})[ \t]*/[ \t]*([0-9]{1,18})", re.IGNORECASE
)

# Maximum bytes of the headers of an interrupted body that are remembered.
FIELDS_MAX = 2**14

Fields = list[tuple[bytes, bytes]]
"""Names and values of headers."""


class ContentRange(NamedTuple):
    """The bytes that a 206 brings."""

    first: int
    last: int
    total: int
    """Bytes of the whole body."""


def range_of(head: Head) -> ContentRange | None:
    """Return the Content-Range of *head*; None without one that names all three numbers."""
    match = CONTENT_RANGE.fullmatch(", ".join(head.values(b"content-range")))
    return None if match is None else ContentRange(*map(int, match.groups()))


def is_everything(head: Head) -> bool:
    """Return whether the Content-Range of a 206 is the whole."""
    found = range_of(head)
    return found is not None and found.first == 0 and found.last + 1 == found.total


class Validator(NamedTuple):
    """What tells one representation of a URL from the next."""

    name: bytes
    """Of its header, in lower case."""
    value: str


def validator_of(head: Head) -> Validator | None:
    """Return the strong validator of a response; None if it has none.

    A date counts only without an entity tag, even a weak one (RFC 9110, section 13.1.5).
    """
    if tags := head.values(b"etag"):
        is_tag = len(tags) == 1 and STRONG_TAG.fullmatch(tags[0])
        return Validator(b"etag", tags[0]) if is_tag else None
    modified = _time_of(head, b"last-modified")
    if modified is None:
        return None
    sent = _time_of(head, b"date") or time.time()
    is_strong = sent - modified >= DATE_AGE
    return Validator(b"last-modified", head.values(b"last-modified")[0]) if is_strong else None


def _time_of(head: Head, name: bytes) -> float | None:
    """Return the date in a header, seconds since the epoch; None without a single valid one."""
    values = head.values(name)
    return time_of(values[0]) if len(values) == 1 else None


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The begin of a body, and what tells its rest."""

    part: PartialFile
    """Closed."""
    url: str
    """Of its response, after redirects."""
    validator: Validator
    total: int | None
    """Bytes of the whole body; None if that is unknown."""
    fields: Fields
    """Of the response that brought the begin, unless they are too large."""

    @property
    def size(self) -> int:
        """Bytes received."""
        return self.part.size

    def asking(self, headers: Headers) -> Headers:
        """Return *headers* of a request for the whole, changed to ask for the rest."""
        changed = headers.copy()
        changed["Range"] = f"bytes={self.size}-"
        changed["If-Range"] = self.validator.value.encode("latin-1")
        changed["Accept-Encoding"] = "identity"
        return changed

    def is_continued_by(self, head: Head) -> bool:
        """Return whether the bytes of the response *head* are the rest, or begin it."""
        found = range_of(head)
        if head.status != 206 or found is None or not is_unencoded(head):
            return False
        first, last, total = found
        if not self.size == first <= last < total or self.total not in {None, total}:
            return False
        if head.length not in {None, last + 1 - first}:
            return False
        name, value = self.validator
        # A server need not repeat what it was told in If-Range, save the entity tag. Without it,
        # the length at least must be known to be the same.
        told = set(head.values(name))
        return told == {value} or (not told and self.total is not None)

    def merged(self, fields: Fields) -> Fields:
        """Return the headers of the whole: *fields*, those of the rest, and what they lack
        (RFC 9110, section 15.3.7.3)."""
        names = {name.lower() for name, _ in fields}
        return [*fields, *(each for each in self.fields if each[0].lower() not in names)]


def is_unencoded(head: Head) -> bool:
    """Return whether the bytes of the body are those of the file, whatever the range."""
    return not set(head.words(b"content-encoding")) - {"identity"}


def is_plain(request: Request) -> bool:
    """Return whether *request* is for the whole of a URL."""
    headers = request.headers
    return request.method == "GET" and not (
        request.body or b"Range" in headers or b"If-Range" in headers
    )


def begin_of(request: Request, head: Head, part: PartialFile) -> Interrupted | None:
    """Return the begin of a body in *part*, which the response *head* brought; None if it can't be
    continued."""
    validator = validator_of(head)
    if (
        validator is None
        or head.status not in {200, 206}
        or "bytes" not in head.words(b"accept-ranges")
        or not is_unencoded(head)
        or not is_plain(request)
        or not CONTINUED_MIN <= part.size < (head.length or part.size + 1)
    ):
        return None
    is_small = sum(len(name) + len(value) for name, value in head.fields) <= FIELDS_MAX
    fields = head.fields if is_small else []
    return Interrupted(part, request.url, validator, head.length, fields)
