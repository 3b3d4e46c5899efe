"""Downloader middleware that ends lines that need no download."""

from __future__ import annotations

from scrapy import Request
from scrapy.exceptions import IgnoreRequest

from imagefetch.meta import DUPLICATE_OF, FAILURE


class ShortCircuitMiddleware:
    """Ends an invalid line or a duplicate by calling its errback."""

    def process_request(self, request: Request) -> None:
        """:raises Failure: if the line has one
        :raises IgnoreRequest: if the line is a duplicate"""
        if FAILURE in request.meta:
            raise request.meta[FAILURE]
        if DUPLICATE_OF in request.meta:
            raise IgnoreRequest("a duplicate")
