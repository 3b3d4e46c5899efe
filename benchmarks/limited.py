"""A server whose hosts have a limited capacity.

python -m benchmarks.limited HOSTS SECONDS

HOSTS is JSON: for each loopback address, its reaction to overload ("429", "reset", "slow")
and its capacity before and after SECONDS from the first request. The server prints its port;
at the end of its input it prints, as JSON, the responses of each host. It is written in Python,
since it limits by design and so is not the bottleneck.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

from benchmarks.pictures import small

# Seconds to a response, plus or minus a fifth.
SERVICE = 0.5

# An overloaded host is slower by this power of its load.
SLOWNESS = 1.5


@dataclass(frozen=True)
class Behaviour:
    """How a host reacts to load."""

    overload: str
    """Reaction to more requests than its capacity: ``429``, ``reset`` or ``slow``."""
    before: int
    """Its capacity, concurrent requests."""
    after: int
    """Its capacity after the change."""


@dataclass
class Host:
    """One address."""

    behaviour: Behaviour
    serving: int = 0
    peak: int = 0
    responses: Counter[str] = field(default_factory=Counter)
    """Number of responses: ``200``, ``429``, ``reset``."""


class LimitedServer:
    """Serves all hosts."""

    def __init__(self, behaviours: dict[str, Behaviour], seconds: float) -> None:
        self.hosts = {name: Host(behaviour) for name, behaviour in behaviours.items()}
        self.seconds = seconds
        self.begin: float | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host = self.hosts[writer.get_extra_info("sockname")[0]]
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                number = int(head.split(b" ")[1].rpartition(b"/")[2].removesuffix(b".jpg"))
                if not await self._respond(host, number, writer):
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _respond(self, host: Host, number: int, writer: asyncio.StreamWriter) -> bool:
        """Respond; return whether the connection stays open."""
        now = time.monotonic()
        self.begin = self.begin or now
        behaviour = host.behaviour
        capacity = behaviour.before if now - self.begin < self.seconds else behaviour.after
        if host.serving >= capacity and behaviour.overload != "slow":
            host.responses[behaviour.overload] += 1
            if behaviour.overload == "reset":
                writer.transport.abort()
                return False
            writer.write(b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            return True
        host.serving += 1
        host.peak = max(host.peak, host.serving)
        try:
            load = max(1.0, host.serving / capacity)
            await asyncio.sleep(SERVICE * random.uniform(0.8, 1.2) * load**SLOWNESS)
        finally:
            host.serving -= 1
        body = small(number)
        head = f"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        host.responses["200"] += 1
        return True


async def _run(limited: LimitedServer) -> None:
    names = list(limited.hosts)
    first = await asyncio.start_server(limited.serve, names[0], 0, backlog=4096)
    port = first.sockets[0].getsockname()[1]
    for name in names[1:]:
        await asyncio.start_server(limited.serve, name, port, backlog=4096)
    print(port, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    hosts = limited.hosts.items()
    print(json.dumps({name: {"responses": h.responses, "peak": h.peak} for name, h in hosts}))
    sys.stdout.flush()
    os._exit(0)  # responses in flight are not finished


def main() -> None:
    behaviours = {
        name: Behaviour(*behaviour) for name, behaviour in json.loads(sys.argv[1]).items()
    }
    asyncio.run(_run(LimitedServer(behaviours, float(sys.argv[2]))))


if __name__ == "__main__":
    main()
