"""Which proxy a request goes through, and what it is told."""

from __future__ import annotations

from typing import NamedTuple

import yarl
from scrapy import Request
from scrapy.http import Headers

from imagefetch.errors import Failure, ProxyFailure
from imagefetch.urls import request_url


class Route(NamedTuple):
    """The way to a server."""

    proxy: yarl.URL | None = None
    headers: dict[str, str] | None = None
    """For the proxy alone."""


def proxy_url(proxy: str) -> yarl.URL:
    """Return the address of an HTTP proxy, which may be written without a scheme.

    :raises ProxyFailure: if *proxy* is none
    """
    try:
        proxy = proxy if "://" in proxy else f"http://{proxy}"
        request_url(proxy)
        return yarl.URL(proxy)
    except (ValueError, Failure) as error:
        raise ProxyFailure from error


def route_of(request: Request, headers: Headers) -> Route:
    """Return the way that *request* takes: its ``proxy`` meta, as Scrapy's
    HttpProxyMiddleware fills it in from the environment.

    A plain request carries its credentials for the proxy itself; those of one
    that is tunnelled must not reach the server, and are taken out of *headers*.

    :raises ProxyFailure: if the meta is no address of an HTTP proxy
    """
    proxy: str | None = request.meta.get("proxy")
    if not proxy:
        headers.pop(b"Proxy-Authorization", None)
        return Route()
    url = proxy_url(proxy)
    if request.url.startswith("http://"):
        return Route(url)
    told = {"User-Agent": headers.get(b"User-Agent")}
    told["Proxy-Authorization"] = headers.pop(b"Proxy-Authorization", [None])[0]
    return Route(url, {name: value.decode("latin-1") for name, value in told.items() if value})
