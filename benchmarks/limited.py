"""A server whose hosts serve so many requests at once, and no more.

python -m benchmarks.limited HOSTS SECONDS

HOSTS is JSON: for each loopback address how it says no ("429", "reset", "slow")
and its capacity before and after SECONDS from the first request on. It prints
its port; at the end of its input it prints, as JSON, what each host answered.
In Python: it limits by design, and so is no bottleneck.
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

# Seconds that an answer takes, give or take a fifth.
SERVICE = 0.5

# By which power of the load an overloaded host is slower.
SLOWNESS = 1.5


@dataclass(frozen=True)
class Manner:
    """How a host serves."""

    says_no: str
    before: int
    """Requests at once."""
    after: int


@dataclass
class Host:
    """One address."""

    manner: Manner
    serving: int = 0
    peak: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    """How many of each: "200", "429", "reset"."""


class Limited:
    """All hosts."""

    def __init__(self, manners: dict[str, Manner], seconds: float) -> None:
        self.hosts = {name: Host(manner) for name, manner in manners.items()}
        self.seconds = seconds
        self.begin: float | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host = self.hosts[writer.get_extra_info("sockname")[0]]
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                number = int(head.split(b" ")[1].rpartition(b"/")[2].removesuffix(b".jpg"))
                if not await self._answer(host, number, writer):
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, host: Host, number: int, writer: asyncio.StreamWriter) -> bool:
        """Answer; return whether the connection stands."""
        now = time.monotonic()
        self.begin = self.begin or now
        manner = host.manner
        capacity = manner.before if now - self.begin < self.seconds else manner.after
        if host.serving >= capacity and manner.says_no != "slow":
            host.answers[manner.says_no] += 1
            if manner.says_no == "reset":
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
        host.answers["200"] += 1
        return True


async def _run(limited: Limited) -> None:
    names = list(limited.hosts)
    first = await asyncio.start_server(limited.serve, names[0], 0, backlog=4096)
    port = first.sockets[0].getsockname()[1]
    for name in names[1:]:
        await asyncio.start_server(limited.serve, name, port, backlog=4096)
    print(port, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    hosts = limited.hosts.items()
    print(json.dumps({name: {"answers": h.answers, "peak": h.peak} for name, h in hosts}))
    sys.stdout.flush()
    os._exit(0)  # nobody waits for what is still being served


def main() -> None:
    manners = {name: Manner(*manner) for name, manner in json.loads(sys.argv[1]).items()}
    asyncio.run(_run(Limited(manners, float(sys.argv[2]))))


if __name__ == "__main__":
    main()
