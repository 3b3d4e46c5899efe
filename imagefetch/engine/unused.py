"""Finds Scrapy's downloader middlewares that do nothing with the settings in force."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.request import getproxies

from scrapy.settings import BaseSettings

SCRAPY = "scrapy.downloadermiddlewares."
OURS = ("scrapy.", "scrapy_poet.", "imagefetch.")

COMPONENTS = (
    "ADDONS",
    "DOWNLOADER_MIDDLEWARES",
    "SPIDER_MIDDLEWARES",
    "ITEM_PIPELINES",
    "EXTENSIONS",
)
"""Settings of components that see requests."""

HEADERS = (
    f"{SCRAPY}defaultheaders.DefaultHeadersMiddleware",
    f"{SCRAPY}useragent.UserAgentMiddleware",
)
REQUEST_HEADERS = "imagefetch.engine.request_headers.RequestHeaders"


def shortened(settings: BaseSettings, spider: type) -> dict[Any, int | None]:
    """Return DOWNLOADER_MIDDLEWARES without those that do nothing, and with one in place of the
    two that add headers. A middleware that the user has set, or moved, stays as it is.

    If *spider* or a component is a user's, all middlewares stay: it may give a request a proxy,
    credentials or headers.
    """
    chosen = settings.getdict("DOWNLOADER_MIDDLEWARES")
    if not _is_ours(spider) or not all(_components_are_ours(settings)):
        return chosen
    given = {_path(component) for component in chosen}
    unused = {path: None for path in _unused(settings) if path not in given}
    if given.isdisjoint(HEADERS):
        order = settings.getdict("DOWNLOADER_MIDDLEWARES_BASE")[HEADERS[0]]
        unused |= {**dict.fromkeys(HEADERS), REQUEST_HEADERS: order}
    return {**chosen, **unused}


def _unused(settings: BaseSettings) -> Iterator[str]:
    if not settings.getbool("COOKIES_ENABLED"):
        yield f"{SCRAPY}cookies.CookiesMiddleware"
    if not (settings["HTTPAUTH_USER"] or settings["HTTPAUTH_PASS"]):
        yield f"{SCRAPY}httpauth.HttpAuthMiddleware"
    if not settings.getbool("HTTPCACHE_ENABLED"):
        yield f"{SCRAPY}httpcache.HttpCacheMiddleware"
    if not (settings.getbool("HTTPPROXY_ENABLED") and getproxies()):
        yield f"{SCRAPY}httpproxy.HttpProxyMiddleware"
    if not settings.getbool("DOWNLOADER_STATS"):
        yield f"{SCRAPY}stats.DownloaderStats"


def _components_are_ours(settings: BaseSettings) -> Iterator[bool]:
    """Yield for each component whether it is Scrapy's or this project's."""
    for setting in COMPONENTS:
        for component, order in settings.getdict(setting).items():
            yield order is None or _is_ours(component)


def _is_ours(component: Any) -> bool:
    return _path(component).startswith(OURS)


def _path(component: Any) -> str:
    """Return the import path of a component, which may be given as a class."""
    if isinstance(component, str):
        return component
    return f"{component.__module__}.{component.__qualname__}"
