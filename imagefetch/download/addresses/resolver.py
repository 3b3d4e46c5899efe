"""Resolves host names in threads, so that slow lookups don't delay others."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from typing import Any, NamedTuple, TypedDict

from imagefetch.download.curl.error_mapping import DNS_NOT_FOUND, LOCAL
from imagefetch.utils.processes.threads import in_daemon_thread

# Maximum names in the cache of failed lookups, and in that of addresses; beyond it, the oldest are
# dropped.
FAILURES_MAX = 10_000
ADDRESSES_MAX = 10_000

# Maximum seconds that a lookup without a reply is cached, which says nothing about the name:
# long enough for all requests that wait for it now, too short to affect a retry.
NO_ANSWER_TTL = 1.0

# Seconds that the addresses of a host are cached.
DNS_TTL = 300.0

Infos = list[tuple[Any, ...]]
"""What `socket.getaddrinfo` returns."""


class Failed(NamedTuple):
    """A failed lookup. A cached exception would keep its traceback and all its frames alive."""

    until: float
    """When the name may be looked up again, in seconds of the resolver's clock."""
    number: int | None
    text: str | None


class Address(TypedDict):
    """An address of a host."""

    host: str
    """In numbers; an IPv6 address may end in its zone."""
    family: int


class PooledResolver:
    """Calls the system's resolver (including hosts file and search domains) in threads.

    Up to *threads* lookups run at once; with as many as there may be requests, no lookup
    waits for a thread. (asyncio's own pool has six on a machine with two cores.) A name
    that does not exist is not looked up again for *negative_ttl* seconds, however many
    lines contain it.
    """

    def __init__(
        self,
        threads: int,
        negative_ttl: float,
        lookup: Callable[..., Infos] = socket.getaddrinfo,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._slots = asyncio.Semaphore(threads)
        self._negative_ttl = negative_ttl
        self._lookup = lookup
        self._clock = clock
        self._failures: dict[str, Failed] = {}  # oldest first

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[Address]:
        """Return the addresses of *host*.

        :raises OSError: as `socket.getaddrinfo` does
        """
        known = self._failures.get(host)
        if known is not None and self._clock() < known.until:
            raise OSError(known.number, known.text)
        try:
            async with self._slots:
                infos = await self._in_thread(host, port, family)
        except OSError as error:
            if error.errno not in LOCAL:
                self._remember(host, error)
            raise
        return [Address(host=address[0], family=kind) for kind, _, _, _, address in infos]

    async def _in_thread(self, host: str, port: int, family: int) -> Infos:
        try:
            return await in_daemon_thread(self._ask, host, port, family)
        except RuntimeError as error:  # the system allows no more threads
            raise socket.gaierror(socket.EAI_AGAIN, str(error)) from error

    def _ask(self, host: str, port: int, family: int) -> Infos:
        flags = socket.AI_ADDRCONFIG
        try:
            return self._lookup(host, port, family, socket.SOCK_STREAM, 0, flags)
        except OSError:
            # Without a free descriptor, the system's resolver may report a timeout. Creating a
            # socket then raises the actual error.
            socket.socket().close()
            raise

    def _remember(self, host: str, error: OSError) -> None:
        ttl = self._negative_ttl
        if error.errno not in DNS_NOT_FOUND:
            ttl = min(ttl, NO_ANSWER_TTL)
        now = self._clock()
        self._failures.pop(host, None)
        self._failures[host] = Failed(now + ttl, error.errno, error.strerror)
        if len(self._failures) > FAILURES_MAX:
            del self._failures[next(iter(self._failures))]


class Addresses:
    """Caches the addresses of hosts, and merges concurrent lookups of one name."""

    def __init__(
        self, resolver: PooledResolver, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._resolver = resolver
        self._clock = clock
        self._known: dict[str, tuple[float, list[str]]] = {}  # oldest first
        self._asked: dict[str, asyncio.Future[list[str]]] = {}

    def known(self, host: str) -> list[str] | None:
        """Return the cached addresses of *host*; None if there are none."""
        found = self._known.get(host)
        return found[1] if found is not None and self._clock() < found[0] else None

    async def of(self, host: str) -> list[str]:
        """Return the addresses of *host*.

        :raises OSError: as `socket.getaddrinfo` does
        """
        if (found := self.known(host)) is not None:
            return found
        asked = self._asked.get(host)
        if asked is None:
            asked = self._asked[host] = asyncio.ensure_future(self._ask(host))
            asked.add_done_callback(_retrieve)
        return await asyncio.shield(asked)

    async def _ask(self, host: str) -> list[str]:
        try:
            infos = await self._resolver.resolve(host)
        finally:
            del self._asked[host]
        addresses = list(dict.fromkeys(info["host"] for info in infos))
        self._known.pop(host, None)
        self._known[host] = self._clock() + DNS_TTL, addresses
        if len(self._known) > ADDRESSES_MAX:
            del self._known[next(iter(self._known))]
        return addresses


def _retrieve(asked: asyncio.Future[list[str]]) -> None:
    """Retrieve the exception of *asked*, so that asyncio doesn't log it if nobody waits."""
    if not asked.cancelled():
        asked.exception()
