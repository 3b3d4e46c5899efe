"""A server whose hosts limit requests per second.

python -m benchmarks.rate_server HOSTS

HOSTS is JSON: for each loopback address, the kind of its limit (`benchmarks.rates.LIMITS`), the
requests that it allows, in how many seconds, and whether its 429s tell a time. The server prints
its port; at the end of its input it prints, as JSON, a `Count` of each host.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import sys
import time
from dataclasses import asdict, dataclass

from benchmarks.pictures import small
from benchmarks.rates import LIMITS

# Seconds to a response.
SERVICE = 0.05

# Seconds after the first request from which requests are counted as late, and after a response
# in which a request is taken for one that was in flight.
LATE = 60.0
IN_FLIGHT = 0.25


@dataclass(frozen=True)
class RateLimit:
    """How a host limits requests."""

    kind: str
    """A key of `LIMITS`."""
    requests: int
    seconds: float
    told: bool
    """Whether a refusal has Retry-After."""


@dataclass
class Count:
    """The requests to a host."""

    accepted: int = 0
    refused: int = 0
    late: int = 0
    """Requests after `LATE`."""
    late_refused: int = 0
    early: int = 0
    """Requests during a pause that it had told, without those in flight."""


class Host:
    """One address."""

    def __init__(self, limit: RateLimit) -> None:
        self.told = limit.told
        self.limit = LIMITS[limit.kind](limit.requests, limit.seconds)
        self.count = Count()
        self._begin = self._told_at = self._until = 0.0

    def wait(self) -> float:
        """Count a request; return 0 if it is allowed, else the seconds until one would be."""
        now = time.monotonic()
        self._begin = self._begin or now
        wait, count = self.limit.wait(now), self.count
        is_late = now - self._begin > LATE
        count.late += is_late
        if self._told_at + IN_FLIGHT < now < self._until:
            count.early += 1
        if not wait:
            count.accepted += 1
            return 0.0
        count.refused += 1
        count.late_refused += is_late
        if self.told:
            self._told_at = now if now > self._until else self._told_at
            self._until = max(self._until, now + math.ceil(wait))
        return wait


async def _serve(
    hosts: dict[str, Host], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    host = hosts[writer.get_extra_info("sockname")[0]]
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            number = int(head.split(b" ")[1].rpartition(b"/")[2].removesuffix(b".jpg"))
            wait = host.wait()
            await asyncio.sleep(SERVICE)
            status, body = ("429 Too Many Requests", b"") if wait else ("200 OK", small(number))
            told = f"Retry-After: {math.ceil(wait)}\r\n" if wait and host.told else ""
            length = f"Content-Length: {len(body)}\r\n\r\n"
            writer.write(f"HTTP/1.1 {status}\r\n{told}{length}".encode() + body)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def _run(hosts: dict[str, Host]) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _serve(hosts, reader, writer)

    first, *others = hosts
    server = await asyncio.start_server(serve, first, 0, backlog=4096)
    port = server.sockets[0].getsockname()[1]
    for name in others:
        await asyncio.start_server(serve, name, port, backlog=4096)
    print(port, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    print(json.dumps({name: asdict(host.count) for name, host in hosts.items()}), flush=True)
    os._exit(0)  # responses in flight are not finished


def main() -> None:
    limits = {name: RateLimit(*limit) for name, limit in json.loads(sys.argv[1]).items()}
    asyncio.run(_run({name: Host(limit) for name, limit in limits.items()}))


if __name__ == "__main__":
    main()
