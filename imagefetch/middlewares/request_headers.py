"""Downloader middleware that adds the headers of the settings to requests."""

from __future__ import annotations

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.http import Headers
from scrapy.utils.python import without_none_values


class RequestHeaders:
    """Does what Scrapy's DefaultHeadersMiddleware and UserAgentMiddleware do, but encodes the
    headers once. Settings: DEFAULT_REQUEST_HEADERS, USER_AGENT."""

    def __init__(self, crawler: Crawler) -> None:
        settings = crawler.settings
        headers = Headers(without_none_values(settings["DEFAULT_REQUEST_HEADERS"]))
        if settings["USER_AGENT"]:
            headers.setdefault("User-Agent", settings["USER_AGENT"])
        self._headers = list(headers.items())

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> RequestHeaders:
        return cls(crawler)

    def process_request(self, request: Request) -> None:
        headers = request.headers
        for name, values in self._headers:
            dict.setdefault(headers, name, values.copy())  # names are normalized already
