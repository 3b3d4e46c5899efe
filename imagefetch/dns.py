"""Host names to addresses, without one slow lookup holding up the others."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

# Names that failed to resolve are kept up to this number; then the memory of
# them starts anew.
FAILURES_MAX = 10_000

Lookup = Callable[..., list[tuple[Any, ...]]]


class PooledResolver(AbstractResolver):
    """Asks the system's resolver (hosts file, search domains and all) in threads.

    There are as many threads as requests may be under way, made as they are
    needed, so that a lookup never waits for another's thread; asyncio's own
    pool has six on a machine of two cores. A name that failed is not looked up
    again for *negative_ttl* seconds, however many lines have it. Successes are
    cached by aiohttp's connector, as are lookups of one name at one time.
    """

    def __init__(
        self, threads: int, negative_ttl: float, lookup: Lookup = socket.getaddrinfo
    ) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="dns")
        self._negative_ttl = negative_ttl
        self._lookup = lookup
        self._failures: dict[str, tuple[float, OSError]] = {}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return *host*'s addresses.

        :raises OSError: as `socket.getaddrinfo` does
        """
        until, known = self._failures.get(host, (0.0, None))
        if known is not None and time.monotonic() < until:
            raise OSError(*known.args) from known
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(self._pool, self._ask, host, port, family)
        except OSError as error:
            if len(self._failures) >= FAILURES_MAX:
                self._failures.clear()
            self._failures[host] = (time.monotonic() + self._negative_ttl, error)
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

    def _ask(self, host: str, port: int, family: int) -> list[tuple[Any, ...]]:
        flags = socket.AI_ADDRCONFIG
        return self._lookup(host, port, family, socket.SOCK_STREAM, 0, flags)

    async def close(self) -> None:
        """Start no lookup any more; those under way end by themselves."""
        self._pool.shutdown(wait=False, cancel_futures=True)
