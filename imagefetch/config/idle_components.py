"""Leaves out components of Scrapy that do nothing with the settings in force.

Each costs time for each request, or at the start: the module of a component is imported even if
the component is disabled with None.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.request import getproxies

from scrapy.settings import BaseSettings

OURS = ("scrapy.", "scrapy_poet.", "imagefetch.")

COMPONENTS = (
    "ADDONS",
    "DOWNLOADER_MIDDLEWARES",
    "SPIDER_MIDDLEWARES",
    "ITEM_PIPELINES",
    "EXTENSIONS",
)
"""Settings of components that see requests."""

SWITCHED = {
    "COOKIES_ENABLED": "scrapy.downloadermiddlewares.cookies.CookiesMiddleware",
    "HTTPCACHE_ENABLED": "scrapy.downloadermiddlewares.httpcache.HttpCacheMiddleware",
    "DOWNLOADER_STATS": "scrapy.downloadermiddlewares.stats.DownloaderStats",
    "TELNETCONSOLE_ENABLED": "scrapy.extensions.telnet.TelnetConsole",
    "REMOTE_CONTROL_ENABLED": "scrapy.extensions.remote_control.RemoteControl",
    "MEMDEBUG_ENABLED": "scrapy.extensions.memdebug.MemoryDebugger",
    "AUTOTHROTTLE_ENABLED": "scrapy.extensions.throttle.AutoThrottle",
}
"""Components by the setting that switches them on."""

AUTH = "scrapy.downloadermiddlewares.httpauth.HttpAuthMiddleware"
PROXY = "scrapy.downloadermiddlewares.httpproxy.HttpProxyMiddleware"
HEADERS = (
    "scrapy.downloadermiddlewares.defaultheaders.DefaultHeadersMiddleware",
    "scrapy.downloadermiddlewares.useragent.UserAgentMiddleware",
)
REQUEST_HEADERS = "imagefetch.middlewares.request_headers.RequestHeaders"


def leave_out(settings: BaseSettings, spider: type) -> None:
    """Leave out what does nothing, and put one middleware in place of the two that add headers.

    If *spider* or a component is a user's, all stay: it may give a request a proxy, credentials
    or headers, or change settings later. What the user has set or moved stays as it is.
    """
    if not _is_ours(spider) or not all(_components_are_ours(settings)):
        return
    unused = set(_unused(settings))
    for name in ("DOWNLOADER_MIDDLEWARES", "EXTENSIONS"):
        chosen, base = settings.getdict(name), settings.getdict(f"{name}_BASE")
        given = {_path(component) for component in chosen}
        if given.isdisjoint(HEADERS) and HEADERS[0] in base:
            unused |= set(HEADERS)
            chosen[REQUEST_HEADERS] = base[HEADERS[0]]
            settings.set(name, chosen, priority=settings.getpriority(name) or 0)
        kept = {path: order for path, order in base.items() if path not in unused - given}
        settings.set(f"{name}_BASE", kept, priority="project")


def _unused(settings: BaseSettings) -> Iterator[str]:
    for switch, path in SWITCHED.items():
        if not settings.getbool(switch):
            yield path
    if not (settings["HTTPAUTH_USER"] or settings["HTTPAUTH_PASS"]):
        yield AUTH
    if not (settings.getbool("HTTPPROXY_ENABLED") and getproxies()):
        yield PROXY


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
