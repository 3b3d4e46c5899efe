"""Selects the proxy of a request, and the headers for it."""

from __future__ import annotations

import base64
import binascii
from typing import NamedTuple
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import pycurl
from scrapy import Request
from scrapy.http import Headers

from imagefetch.download.curl.transfer import Options
from imagefetch.errors import Failure, ProxyFailure
from imagefetch.urls import request_url

HTTP = {"http": 80, "https": 443}
SOCKS = {"socks5": 1080, "socks5h": 1080}
"""Schemes of proxies and their ports. For socks5, names are resolved here; for socks5h, by the
proxy, as HTTP proxies do."""


class Proxy(NamedTuple):
    """The address of a proxy."""

    scheme: str
    host: str
    port: int

    @property
    def is_socks(self) -> bool:
        return self.scheme in SOCKS

    @property
    def resolves(self) -> bool:
        """Whether it resolves the names of servers."""
        return self.scheme != "socks5"

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


class EnvironmentProxies:
    """What Scrapy's HttpProxyMiddleware leaves out of the environment: ``all_proxy``, and that an
    address without a scheme is that of an HTTP proxy, for https URLs, too."""

    def __init__(self, *, enabled: bool) -> None:
        """*enabled*: the setting HTTPPROXY_ENABLED."""
        found = getproxies() if enabled else {}
        self._all = found.get("all")
        self._plain = {
            value.rpartition("@")[2]
            for scheme, value in found.items()
            if scheme != "no" and "://" not in value
        }

    def address_of(self, request: Request) -> str | None:
        """Return the address of the proxy for *request*, None for no proxy."""
        address: str | None = request.meta.get("proxy")
        if self._all and "proxy" not in request.meta and not self._bypasses(request.url):
            address = self._all
        if address and self._plain and (host := address.partition("://")[2]) in self._plain:
            return f"http://{host}"
        return address

    @staticmethod
    def _bypasses(url: str) -> bool:
        return bool(proxy_bypass(urlsplit(url).hostname or ""))


class Route(NamedTuple):
    """The route to a server: direct if *proxy* is None."""

    proxy: Proxy | None
    options: Options
    is_tunnel: bool = False
    """Whether the proxy connects to the server and passes all bytes on."""


DIRECT = Route(None, ((pycurl.PROXY, ""),))


def proxy_of(address: str) -> Proxy:
    """Return the proxy at *address*, a URL that may lack its scheme.

    :raises ProxyFailure: if *address* is not a valid URL of a known kind of proxy
    """
    try:
        address = address if "://" in address else f"http://{address}"
        parts = urlsplit(address)
        port = (HTTP | SOCKS).get(parts.scheme)
        if port is None:
            raise ProxyFailure
        request_url(parts._replace(scheme="http", path="/").geturl())
        return Proxy(parts.scheme, parts.hostname or "", parts.port or port)
    except (ValueError, Failure) as error:
        raise ProxyFailure from error


def route_of(request: Request, headers: Headers, address: str | None) -> Route:
    """Return the route of *request* through the proxy at *address*.

    Scrapy's HttpProxyMiddleware moves credentials to a header. An http request through an HTTP
    proxy carries them itself; otherwise they must not reach the server, so they are removed from
    *headers*.

    :raises ProxyFailure: if *address* is not the URL of a proxy
    """
    if not address:
        headers.pop(b"Proxy-Authorization", None)
        return DIRECT
    proxy = proxy_of(address)
    if (pair := _credentials_of(address)) and b"Proxy-Authorization" not in headers:
        headers[b"Proxy-Authorization"] = b"Basic " + base64.b64encode(pair.encode())
    if not proxy.is_socks and request.url.startswith("http:"):
        return Route(proxy, _options(proxy, tunnel=False))
    authorization: bytes | None = headers.pop(b"Proxy-Authorization", [None])[0]
    if proxy.is_socks:
        credentials = _credentials(authorization)
        return Route(proxy, _options(proxy, credentials=credentials), is_tunnel=True)
    lines = [b"Proxy-Connection:"]  # none
    if agent := headers.get(b"User-Agent"):
        lines.append(b"User-Agent: " + agent)
    if authorization:
        lines.append(b"Proxy-Authorization: " + authorization)
    return Route(proxy, _options(proxy, tunnel=True, lines=tuple(lines)), is_tunnel=True)


def _options(
    proxy: Proxy, *, tunnel: bool = False, credentials: str = "", lines: tuple[bytes, ...] = ()
) -> Options:
    """Return all options for *proxy*, since a handle keeps those of another."""
    return (
        (pycurl.PROXY, proxy.url),
        (pycurl.HTTPPROXYTUNNEL, int(tunnel)),
        (pycurl.PROXYUSERPWD, credentials or None),
        (pycurl.PROXYHEADER, lines),
    )


def _credentials(authorization: bytes | None) -> str:
    """Return the user and password of a Basic *authorization*, as ``user:password``."""
    try:
        return base64.b64decode((authorization or b"").partition(b" ")[2]).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _credentials_of(address: str) -> str:
    user, at, _ = address.rpartition("://")[2].partition("/")[0].rpartition("@")
    return unquote(user) if at else ""
