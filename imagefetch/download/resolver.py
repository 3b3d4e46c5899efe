"""Resolves host names in threads, so that slow lookups don't delay others."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from aiohttp.abc import AbstractResolver, ResolveResult

from imagefetch.download.error_mapping import DNS_NOT_FOUND, LOCAL
from imagefetch.utils.threads import in_daemon_thread

# Maximum names in the cache of failed lookups; beyond it, the oldest are dropped.
FAILURES_MAX = 10_000

# Maximum seconds that a lookup without a reply is cached, which says nothing about the name:
# long enough for all requests that wait for it now, too short to affect a retry.
NO_ANSWER_TTL = 1.0

Infos = list[tuple[Any, ...]]
"""What `socket.getaddrinfo` returns."""


class Failed(NamedTuple):
    """A failed lookup. A cached exception would keep its traceback and all its frames alive."""

    until: float
    """When the name may be looked up again, in seconds of the resolver's clock."""
    number: int | None
    text: str | None


class PooledResolver(AbstractResolver):
    """Calls the system's resolver (including hosts file and search domains) in threads.

    Up to *threads* lookups run at once; with as many as there may be requests, no lookup
    waits for a thread. (asyncio's own pool has six on a machine with two cores.) A name
    that does not exist is not looked up again for *negative_ttl* seconds, however many
    lines contain it. aiohttp's connector caches successes and merges concurrent lookups
    of one name.
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
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
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
        return [
            ResolveResult(
                hostname=host,
                host=address[0],
                port=port,
                family=kind,
                proto=proto,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for kind, _, proto, _, address in infos
        ]

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

    async def close(self) -> None:
        """Do nothing: lookups in flight end by themselves, or with the program."""
