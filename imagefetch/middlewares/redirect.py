"""Downloader middleware: redirects, to http and https only."""

from __future__ import annotations

from urllib.parse import urlsplit

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.redirect import RedirectMiddleware
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response

from imagefetch.errors import BadRedirect, InvalidURL, TooManyRedirects
from imagefetch.urls import request_url

MOVED = {301, 302, 303, 307, 308}


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
        moved = response.status in MOVED and "Location" in response.headers
        if moved and not response.headers["Location"]:
            raise BadRedirect  # taken as a relative URL, it would lead here again
        try:
            result = super().process_response(request, response)
            if isinstance(result, Request):
                request_url(result.url)
                result = result.replace(url=with_credentials(request.url, result.url))
        except IgnoreRequest as error:
            raise TooManyRedirects from error
        except (ValueError, InvalidURL) as error:
            raise BadRedirect from error
        if isinstance(result, Request):
            if result.url in {request.url, *request.meta.get("redirect_urls", ())}:
                raise TooManyRedirects
            result.meta.pop("download_slot", None)  # of the host that redirected
        elif moved:
            raise BadRedirect
        return result

    def process_exception(self, request: Request, exception: Exception) -> None:
        """:raises BadRedirect: where it was a Location that only the handler found to be no URL"""
        if isinstance(exception, InvalidURL) and request.meta.get("redirect_urls"):
            raise BadRedirect from exception


def with_credentials(begin: str, end: str) -> str:
    """Return *end* with the user and password of *begin*, if it is of the same origin.

    No other origin is told them (RFC 9110, section 15.4, and RFC 6454).
    """
    user, at, host = urlsplit(begin).netloc.rpartition("@")
    parts = urlsplit(end)
    if at and (parts.scheme, parts.netloc) == (urlsplit(begin).scheme, host):
        return parts._replace(netloc=f"{user}@{host}").geturl()
    return end
