"""Fills the columns of a record that describe its response."""

from __future__ import annotations

import time

from scrapy import Request
from scrapy.http import Response

from imagefetch.items import ImageRecord
from imagefetch.line import Line
from imagefetch.meta import LINE

VALIDATOR_MAX = 1_024
"""Maximum length of an ``ETag`` or ``Last-Modified`` that is kept, in bytes. Truncated, it would
match nothing."""


def fill_in(record: ImageRecord, request: Request, response: Response, came: float) -> None:
    """Describe in *record* the *response* to *request*, which came at *came* (Unix time)."""
    line: Line = request.meta[LINE]
    if line.repaired or response.url.partition("#")[0] != first_url(request).partition("#")[0]:
        record.final_url = response.url
    record.fetched = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(came))
    record.etag = _validator(response, b"ETag")
    record.last_modified = _validator(response, b"Last-Modified")


def first_url(request: Request) -> str:
    """Return the URL of the line of *request*, from before any redirect."""
    first: str = request.meta.get("redirect_urls", [request.url])[0]
    return first


def _validator(response: Response, name: bytes) -> str:
    value: bytes = response.headers.get(name) or b""
    return value.strip().decode("latin-1") if len(value) <= VALIDATOR_MAX else ""
