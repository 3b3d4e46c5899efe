"""Creates the aiohttp sessions that send requests."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from functools import cache
from typing import Any, cast

import aiohttp
from scrapy.settings import BaseSettings

from imagefetch.download.address_guard import Guard
from imagefetch.download.connector import Connector
from imagefetch.download.idle_connections import Idle
from imagefetch.download.resolver import PooledResolver
from imagefetch.download.tracing import tracing
from imagefetch.utils.descriptors import share

# Bytes that aiohttp buffers per connection. It pauses reading at twice as many, and one more
# read of asyncio (256 KiB) may then be in memory. aiohttp's default is four times as many: a
# megabyte and more per connection, without saving CPU time.
READ_BUFFER = 2**16

# Seconds that an idle connection is kept open. Servers close theirs after 5 or
# more; a request on a connection that is being closed is a wasted attempt.
KEEPALIVE = 4.0

# Seconds that the addresses of a host are cached.
DNS_TTL = 300


class Sessions:
    """aiohttp sessions, each created at its first request: before, no event loop runs.

    Settings: DNS_NEGATIVE_TTL, CONCURRENT_REQUESTS (for concurrent lookups and idle
    connections), DOWNLOAD_VERIFY_CERTIFICATES, DOWNLOAD_BIND_ADDRESS (an address).
    """

    def __init__(self, settings: BaseSettings, guard: Guard) -> None:
        """:raises ValueError: if a setting is invalid; its message is one line"""
        self.guard = guard
        self.negative_ttl = settings.getfloat("DNS_NEGATIVE_TTL")
        requests = settings.getint("CONCURRENT_REQUESTS")
        # Twice as many: the lookup of a request that timed out may still be in flight.
        self.lookups = 2 * requests
        self.idle = Idle(share(requests).idle)
        self.bind_address = bind_address(settings.get("DOWNLOAD_BIND_ADDRESS"))
        self.tls = tls_context(settings.getbool("DOWNLOAD_VERIFY_CERTIFICATES"))
        self._resolver: PooledResolver | None = None
        self._sessions: dict[bool, aiohttp.ClientSession] = {}
        self._traced: aiohttp.ClientSession | None = None

    def get(self, *, keep: bool) -> aiohttp.ClientSession:
        """Return the session that reuses connections, or the one that closes them."""
        if keep not in self._sessions:
            if self._resolver is None:
                self._resolver = PooledResolver(self.lookups, self.negative_ttl)
            connector = Connector(
                self.guard,
                self.idle,
                limit=0,  # the scheduler enforces the limits
                ssl=self.tls,
                resolver=self._resolver,
                ttl_dns_cache=DNS_TTL,
                local_addr=(self.bind_address, 0) if self.bind_address else None,
                **({"keepalive_timeout": KEEPALIVE} if keep else {"force_close": True}),
            )
            self._sessions[keep] = self._session(connector)
        return self._sessions[keep]

    def traced(self) -> aiohttp.ClientSession:
        """Return the session for requests with a `Timing` as their trace context.

        It shares the connections of the session that reuses them.
        """
        if self._traced is None:
            self._traced = self._session(
                cast("Connector", self.get(keep=True).connector),
                connector_owner=False,
                trace_configs=[tracing()],
            )
        return self._traced

    async def close(self) -> None:
        if self._traced is not None:
            await self._traced.close()
        for session in self._sessions.values():
            await session.close()

    @staticmethod
    def _session(connector: Connector, **options: Any) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            read_bufsize=READ_BUFFER,
            middlewares=(connector.send_once,),
            skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent", "Content-Type"),
            **options,
        )


@cache
def tls_context(verify: bool) -> ssl.SSLContext:
    """Return the TLS context. Cached, since it loads all certificate authorities."""
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def bind_address(value: object) -> str | None:
    """Return the source address of connections, from DOWNLOAD_BIND_ADDRESS.

    :raises ValueError: if it is not an address of this machine
    """
    if not value:
        return None
    address = value[0] if isinstance(value, tuple) and value[1:] == (0,) else value
    try:
        family = (
            socket.AF_INET6 if ipaddress.ip_address(str(address)).version == 6 else socket.AF_INET
        )
        with socket.socket(family) as probe:
            probe.bind((address, 0))
    except (ValueError, OSError) as error:
        raise ValueError(
            f"setting DOWNLOAD_BIND_ADDRESS = {value!r}: must be an IP address of this machine"
        ) from error
    return str(address)
