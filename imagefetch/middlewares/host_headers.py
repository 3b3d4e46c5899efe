"""Downloader middleware that adds the headers of a host: Referer, HOST_HEADERS, and credentials.

A redirect to another origin takes none of them along; the target's own ones are added, unless it
leads from https to http.
"""

from __future__ import annotations

import netrc
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured
from w3lib.http import basic_auth_header

from imagefetch.errors import BadInput
from imagefetch.meta import HOST_HEADERS, LINE
from imagefetch.urls import host_of, origin_of

Credentials = Mapping[str, tuple[str, str]]
"""User and password, by host."""


class HostHeadersMiddleware:
    """Settings: REFERER, HOST_HEADERS, NETRC."""

    def __init__(self, crawler: Crawler) -> None:
        """:raises NotConfigured: if none of the settings is given
        :raises BadInput: if the netrc file can't be read"""
        settings = crawler.settings
        self.referer: str = settings["REFERER"]
        self.headers: dict[str, Mapping[str, Any]] = {
            host.lower(): headers for host, headers in settings.getdict("HOST_HEADERS").items()
        }
        self.credentials = read_netrc() if settings.getbool("NETRC") else {}
        if not (self.referer or self.headers or self.credentials):
            raise NotConfigured

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> HostHeadersMiddleware:
        return cls(crawler)

    def process_request(self, request: Request) -> None:
        if LINE not in request.meta:
            return
        origin = origin_of(request.url)
        before, names = request.meta.get(HOST_HEADERS, (None, ()))
        if before == origin:
            return  # a retry, or a redirect within the origin
        for name in names:
            request.headers.pop(name, None)
        passed = request.meta.get("redirect_urls", ())
        if any(url.startswith("https:") for url in passed) and request.url.startswith("http:"):
            added = {}
        else:
            added = dict(self._headers_of(request.url, is_redirect=bool(passed)))
        for name, value in added.items():
            request.headers[name] = value
        request.meta[HOST_HEADERS] = origin, tuple(added)

    def _headers_of(self, url: str, *, is_redirect: bool) -> Iterator[tuple[str, Any]]:
        host = host_of(url)
        if self.referer and not is_redirect:
            yield "Referer", self.referer
        if host in self.credentials and not urlsplit(url).username:
            yield "Authorization", basic_auth_header(*self.credentials[host])
        yield from self.headers.get(host, {}).items()


def read_netrc() -> Credentials:
    """Return the credentials of the file that the environment variable NETRC names, else of
    ``~/.netrc``; without its entry ``default``, which would apply to all hosts of a list.

    :raises BadInput: if it can't be read
    """
    path = Path(os.environ.get("NETRC") or Path.home() / ".netrc")
    try:
        hosts = netrc.netrc(str(path)).hosts
    except OSError as error:
        raise BadInput(f"setting NETRC: {path}: {error.strerror}") from error
    except (netrc.NetrcParseError, UnicodeDecodeError) as error:
        raise BadInput(f"setting NETRC: {path}: is no valid netrc file: {error}") from error
    return {
        host.lower(): (login, password or "")
        for host, (login, _, password) in hosts.items()
        if host != "default"
    }
