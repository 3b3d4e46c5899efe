"""Tells whether the proxies of the environment can be connected to.

Nearly all requests depend on them. While one is down, each line would fail for a cause that is not
its host's. So then the run ends, with one line about the proxy, and the same command goes on later.
A proxy that a middleware chose for a request is left alone: it may choose another for the next.
"""

from __future__ import annotations

import time
from contextlib import suppress
from urllib.request import getproxies

import pycurl
from scrapy.settings import BaseSettings

from imagefetch.download.addresses.proxy import Proxy, proxy_of
from imagefetch.download.curl.easy_handle import Handle
from imagefetch.download.curl.error_mapping import Code, CURLcode
from imagefetch.errors import ConnectTimeout, ProxyDown, ProxyFailure

# Seconds for which a proxy that was connected to before may be down: a restart takes less, and so
# do the retries of a line by default.
PATIENCE = 20.0


class ProxyHealth:
    """Counts failed connections to proxies. Settings: BREAKER_FAILURES, HTTPPROXY_ENABLED."""

    def __init__(self, settings: BaseSettings) -> None:
        self._failures = settings.getint("BREAKER_FAILURES")
        self._watched: set[str] = set()
        if settings.getbool("HTTPPROXY_ENABLED") and self._failures:
            for scheme, address in getproxies().items():
                with suppress(ProxyFailure):
                    if scheme != "no":
                        self._watched.add(proxy_of(address).url)
        self._reached: set[str] = set()
        self._failed: dict[str, tuple[int, float]] = {}
        """Failed connections in a row, and the time of the first of them."""

    def checked(
        self, proxy: Proxy, handle: Handle, code: Code, error: Exception | None
    ) -> Exception | None:
        """Return the error of a transfer through *proxy*, given what `error_of` returned."""
        if handle.connection.sent or handle.tunnelled or error is None:
            self._failed.pop(proxy.url, None)
            if proxy.url in self._watched:
                self._reached.add(proxy.url)
            return error
        return self.failure(proxy) if _is_unreachable(proxy, handle, code, error) else error

    def failure(self, proxy: Proxy) -> Exception:
        """Return the error of a request whose *proxy* could not be connected to: `ProxyDown` to end
        the run."""
        if proxy.url not in self._watched:
            return ProxyFailure()
        now = time.monotonic()
        failures, since = self._failed.get(proxy.url, (0, now))
        self._failed[proxy.url] = failures + 1, since
        patience = PATIENCE if proxy.url in self._reached else 0
        if failures + 1 < self._failures or now - since < patience:
            return ProxyFailure()
        return ProxyDown(
            f"{proxy.url}: the proxy accepts no connection; start it, or correct the environment"
            " variables http_proxy, https_proxy and all_proxy"
        )


def _is_unreachable(proxy: Proxy, handle: Handle, code: Code, error: Exception) -> bool:
    """Return whether there was no connection to *proxy*; else it refused to connect further."""
    if isinstance(error, ConnectTimeout):
        # Of a SOCKS proxy, libcurl does not tell which of the connections it waited for.
        return not proxy.is_socks and not handle.easy.getinfo(pycurl.CONNECT_TIME)
    return (
        isinstance(error, ProxyFailure)
        and code.number == CURLcode.COULDNT_CONNECT
        and bool(handle.easy.getinfo(pycurl.OS_ERRNO))
    )
