"""Selects the proxy of a request, and the headers for it."""

from __future__ import annotations

from typing import NamedTuple

import yarl
from scrapy import Request
from scrapy.http import Headers

from imagefetch.errors import Failure, ProxyFailure
from imagefetch.urls import request_url


class Route(NamedTuple):
    """The route to a server: direct if *proxy* is None."""

    proxy: yarl.URL | None = None
    headers: dict[str, str] | None = None
    """Headers for the proxy only."""


def proxy_url(proxy: str) -> yarl.URL:
    """Return the URL of an HTTP proxy, which may be given without a scheme.

    :raises ProxyFailure: if *proxy* is not a valid URL
    """
    try:
        proxy = proxy if "://" in proxy else f"http://{proxy}"
        request_url(proxy)
        return yarl.URL(proxy)
    except (ValueError, Failure) as error:
        raise ProxyFailure from error


def route_of(request: Request, headers: Headers) -> Route:
    """Return the route of *request*, from its ``proxy`` meta.

    Scrapy's HttpProxyMiddleware sets this meta from the environment. An http request carries
    the credentials for the proxy itself. Those of a tunnelled request must not reach the
    server, so they are removed from *headers*.

    :raises ProxyFailure: if the meta is not the URL of an HTTP proxy
    """
    proxy: str | None = request.meta.get("proxy")
    if not proxy:
        headers.pop(b"Proxy-Authorization", None)
        return Route()
    url = proxy_url(proxy)
    if request.url.startswith("http://"):
        return Route(url)
    proxy_headers = {"User-Agent": headers.get(b"User-Agent")}
    proxy_headers["Proxy-Authorization"] = headers.pop(b"Proxy-Authorization", [None])[0]
    return Route(
        url, {name: value.decode("latin-1") for name, value in proxy_headers.items() if value}
    )
