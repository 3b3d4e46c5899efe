"""Downloader middleware: lines that need no download end here."""

from __future__ import annotations

from scrapy import Request
from scrapy.exceptions import IgnoreRequest

from imagefetch.meta import DUPLICATE_OF, SETTLED


class SettledMiddleware:
    """Sends a line that is no URL, or a duplicate, to its errback."""

    def process_request(self, request: Request) -> None:
        """:raises Failure: the line's own
        :raises IgnoreRequest: for a duplicate"""
        if SETTLED in request.meta:
            raise request.meta[SETTLED]
        if DUPLICATE_OF in request.meta:
            raise IgnoreRequest("a duplicate")
