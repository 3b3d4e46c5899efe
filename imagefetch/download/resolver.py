"""Host names to addresses, without one slow lookup holding up the others."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from aiohttp.abc import AbstractResolver, ResolveResult

from imagefetch.download.error_mapping import DNS_NOT_FOUND, LOCAL
from imagefetch.utils.threads import in_daemon_thread

# Names that failed to resolve are kept up to this number; beyond it, the oldest
# are forgotten.
FAILURES_MAX = 10_000

# Seconds at most that the lack of an answer is kept, which says nothing of the
# name: long enough for all who wait for it now, too short to answer a retry.
NO_ANSWER_TTL = 1.0

Infos = list[tuple[Any, ...]]
"""What `socket.getaddrinfo` returns."""


class Failed(NamedTuple):
    """A lookup that failed. An exception would keep its traceback, and every frame in that."""

    until: float
    """When the name may be looked up again, seconds of the resolver's clock."""
    number: int | None
    text: str | None


class PooledResolver(AbstractResolver):
    """Asks the system's resolver (hosts file, search domains and all) in threads.

    Up to *threads* lookups are under way at once; with as many as there may be
    requests, none waits for another's thread. (asyncio's own pool has six on a
    machine of two cores.) A name that does not exist is not looked up again for
    *negative_ttl* seconds, however many lines have it. Successes are cached by
    aiohttp's connector, as are lookups of one name at one time.
    """

    def __init__(
        self,
        threads: int,
        negative_ttl: float,
        lookup: Callable[..., Infos] = socket.getaddrinfo,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._places = asyncio.Semaphore(threads)
        self._negative_ttl = negative_ttl
        self._lookup = lookup
        self._clock = clock
        self._failures: dict[str, Failed] = {}  # the oldest first

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return *host*'s addresses.

        :raises OSError: as `socket.getaddrinfo` does
        """
        known = self._failures.get(host)
        if known is not None and self._clock() < known.until:
            raise OSError(known.number, known.text)
        try:
            async with self._places:
                found = await self._in_thread(host, port, family)
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
            for kind, _, proto, _, address in found
        ]

    async def _in_thread(self, host: str, port: int, family: int) -> Infos:
        try:
            return await in_daemon_thread(self._ask, host, port, family)
        except RuntimeError as error:  # this system lets no more threads be made
            raise socket.gaierror(socket.EAI_AGAIN, str(error)) from error

    def _ask(self, host: str, port: int, family: int) -> Infos:
        flags = socket.AI_ADDRCONFIG
        try:
            return self._lookup(host, port, family, socket.SOCK_STREAM, 0, flags)
        except OSError:
            # Without a socket to ask with, the system's resolver may say that nobody answered.
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
        """Do nothing: lookups under way end by themselves, or with the program."""
