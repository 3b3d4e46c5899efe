"""Downloader middleware that follows redirects, to http and https only."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.redirect import RedirectMiddleware
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response

import imagefetch.utils.public_suffixes  # noqa: F401 - for its side effect
from imagefetch.errors import BadRedirect, InvalidURL, TooManyRedirects
from imagefetch.meta import COOKIES_SENT
from imagefetch.urls import request_url

if TYPE_CHECKING:
    from scrapy.downloadermiddlewares.cookies import CookiesMiddleware

MOVED = {301, 302, 303, 307, 308}


class NamedRedirectMiddleware(RedirectMiddleware):
    """Scrapy's middleware, but with an error class for each way in which a redirect can fail."""

    cookies: CookiesMiddleware | None = None
    """None without COOKIES_ENABLED, and before the run, when the list is downloaded."""

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> NamedRedirectMiddleware:
        # Scrapy's method connects a check for its Referer middleware, which isn't used.
        middleware = cls(crawler.settings)
        middleware.crawler = crawler
        crawler.signals.connect(middleware.spider_opened, signal=signals.spider_opened)
        return middleware

    def spider_opened(self) -> None:
        from scrapy.downloadermiddlewares.cookies import CookiesMiddleware

        self.cookies = self.crawler.get_downloader_middleware(CookiesMiddleware)

    def handle_referer(self, request: Request, response: Response) -> None:
        """Do nothing: no Referer is sent."""

    def process_response(self, request: Request, response: Response) -> Request | Response:  # type: ignore[override]
        """Follow a redirect.

        :raises TooManyRedirects: if it is a loop, or exceeds REDIRECT_MAX_TIMES
        :raises BadRedirect: if its Location can't be followed
        """
        moved = response.status in MOVED and "Location" in response.headers
        if moved and not response.headers["Location"]:
            raise BadRedirect  # as a relative URL, it would be this URL again
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
            visited = {request.url, *request.meta.get("redirect_urls", ())}
            if not self._has_new_cookies(request, result) and result.url in visited:
                raise TooManyRedirects
            result.meta.pop("download_slot", None)  # the slot of the redirecting host
        elif moved:
            raise BadRedirect
        return result

    def _has_new_cookies(self, request: Request, result: Request) -> bool:
        """Return whether *result* would be sent with other cookies than any request for the line
        to the same URL before: then it is no loop."""
        if self.cookies is None:
            return False
        plain = Request(result.url)
        self.cookies.jars[result.meta.get("cookiejar")].add_cookie_header(plain)
        sent = {*request.meta.get(COOKIES_SENT, ()), (request.url, request.headers.get("Cookie"))}
        result.meta[COOKIES_SENT] = sent
        return (result.url, plain.headers.get("Cookie")) not in sent

    def process_exception(self, request: Request, exception: Exception) -> None:
        """:raises BadRedirect: if the download handler rejected the URL of a Location"""
        if isinstance(exception, InvalidURL) and request.meta.get("redirect_urls"):
            raise BadRedirect from exception


def with_credentials(source: str, target: str) -> str:
    """Return *target* with the user and password of *source*, if both have the same origin.

    Credentials are not sent to other origins (RFC 9110, section 15.4, and RFC 6454).
    """
    user, at, host = urlsplit(source).netloc.rpartition("@")
    parts = urlsplit(target)
    if at and (parts.scheme, parts.netloc) == (urlsplit(source).scheme, host):
        return parts._replace(netloc=f"{user}@{host}").geturl()
    return target
