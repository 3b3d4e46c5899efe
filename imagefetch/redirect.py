"""Downloader middleware: redirects, to http and https only."""

from __future__ import annotations

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.redirect import RedirectMiddleware
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response

from imagefetch.errors import BadRedirect, TooManyRedirects


class NamedRedirectMiddleware(RedirectMiddleware):
    """Scrapy's, but each way a chain can fail has its name."""

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> NamedRedirectMiddleware:
        # Scrapy's connects a check for its Referer middleware, which isn't used.
        middleware = cls(crawler.settings)
        middleware.crawler = crawler
        return middleware

    def handle_referer(self, request: Request, response: Response) -> None:
        """No Referer is sent."""

    def process_response(self, request: Request, response: Response) -> Request | Response:  # type: ignore[override]
        """:raises TooManyRedirects: for a loop, or past REDIRECT_MAX_TIMES
        :raises BadRedirect: for a Location that can't be followed"""
        try:
            result = super().process_response(request, response)
        except IgnoreRequest as error:
            raise TooManyRedirects from error
        except ValueError as error:
            raise BadRedirect from error
        if isinstance(result, Request):
            if result.url in {request.url, *request.meta.get("redirect_urls", ())}:
                raise TooManyRedirects
            result.meta.pop("download_slot", None)  # of the host that redirected
        elif response.status in {301, 302, 303, 307, 308} and "Location" in response.headers:
            raise BadRedirect
        return result
