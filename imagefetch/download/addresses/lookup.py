"""Finds the addresses that a request may connect to, and hands them over to libcurl."""

from __future__ import annotations

import asyncio
import time

from imagefetch.download.addresses.address_guard import Guard
from imagefetch.download.addresses.proxy import Proxy
from imagefetch.download.addresses.resolver import Addresses
from imagefetch.download.curl.client import TRIES
from imagefetch.download.curl.deadlines import Deadline
from imagefetch.download.curl.error_mapping import LOCAL, dns_failure
from imagefetch.download.sent_request import Server
from imagefetch.download.session import Session
from imagefetch.errors import ConnectTimeout, DownloadTimeout, Failure, ProxyFailure


class Lookup:
    """Looks up the names of servers and proxies."""

    def __init__(self, session: Session, guard: Guard) -> None:
        self._session = session
        self._guard = guard

    async def resolve(
        self, server: Server, proxy: Proxy | None, deadline: Deadline, *, keep: bool
    ) -> tuple[list[str], float]:
        """Return the addresses of the hosts to connect to, as libcurl takes them, and the seconds
        that the lookups took.

        :raises Failure: if there are none
        """
        resolve: list[str] = []
        seconds = 0.0
        connect_by, total_by = deadline.connect_by, deadline.total_by
        if proxy is not None:
            try:
                resolve, seconds = await self._look_up(proxy.host, proxy.port, keep, connect_by)
            except Failure as error:
                raise ProxyFailure from error
        if server.literal is not None or (proxy is not None and proxy.resolves):
            return resolve, seconds
        guard = None if proxy is None else self._guard  # without proxy, the socket is checked
        until = min(connect_by, total_by)
        try:
            found, more = await self._look_up(server.host, server.port, keep, until, guard)
        except ConnectTimeout as error:
            if total_by < connect_by:
                raise DownloadTimeout from error
            raise
        return resolve + found, seconds + more

    async def _look_up(
        self, host: str, port: int, keep: bool, until: float, guard: Guard | None = None
    ) -> tuple[list[str], float]:
        """Return the addresses of *host* that *guard* allows.

        :raises ConnectTimeout: if the lookup takes until *until*, a time of the event loop
        :raises Failure: if there are no addresses
        """
        cache = self._session.addresses(keep=keep)
        seconds = 0.0
        if (found := cache.known(host)) is None:
            begin = time.monotonic()
            try:
                async with asyncio.timeout_at(until):
                    found = await self._ask(cache, host)
            except TimeoutError as error:
                raise ConnectTimeout from error
            except OSError as error:
                raise dns_failure(error) from error
            seconds = time.monotonic() - begin
        if guard is not None:
            found = guard.allowed_of(found)
        addresses = [f"[{a.partition('%')[0]}]" if ":" in a else a for a in found]
        return [f"+{host}:{port}:{','.join(addresses)}"], seconds

    async def _ask(self, cache: Addresses, host: str) -> list[str]:
        """:raises OSError: as `socket.getaddrinfo` does"""
        for _ in range(TRIES - 1):
            try:
                return await cache.of(host)
            except OSError as error:
                if error.errno not in LOCAL:
                    raise
            await self._session.client.close_idle_connections()
        return await cache.of(host)
