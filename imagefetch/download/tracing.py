"""Where the time of a download goes: looked at closely for one in so many."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace

import aiohttp

EVERY = 16
"""One download in so many is looked at: all of them would cost 2 % of the run."""


@dataclass
class Timing:
    """Seconds of one download, by what they went to."""

    dns: float = 0.0
    """Until the name was resolved; 0 where it was known, or the connection kept."""
    connect: float = 0.0
    """From then until the connection stood, TLS included; 0 for a kept one."""
    answer: float = 0.0
    """From the request until the answer's headers were there."""
    transfer: float = 0.0
    """From then until the last byte, writing aside."""
    write: float = 0.0
    """Hashing the body and writing it into its file."""
    since: float = 0.0
    """When the phase that is under way began (monotonic)."""

    def lap(self) -> float:
        """Return the seconds since the last lap."""
        now = time.monotonic()
        seconds, self.since = now - self.since, now
        return seconds

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Take the time of what is done within."""
        begin = time.monotonic()
        yield
        self.write += time.monotonic() - begin

    def end(self) -> None:
        """Take the time of the body."""
        self.transfer = max(0.0, self.lap() - self.write)


def tracing() -> aiohttp.TraceConfig:
    """Return what notes phases in the `Timing` that a request is given as its context."""

    async def begin(session: object, context: SimpleNamespace, event: object) -> None:
        context.trace_request_ctx.lap()

    async def resolved(session: object, context: SimpleNamespace, event: object) -> None:
        timing: Timing = context.trace_request_ctx
        timing.dns += timing.lap()

    async def connected(session: object, context: SimpleNamespace, event: object) -> None:
        timing: Timing = context.trace_request_ctx
        timing.connect += timing.lap()

    async def answered(session: object, context: SimpleNamespace, event: object) -> None:
        timing: Timing = context.trace_request_ctx
        timing.answer = timing.lap()

    trace = aiohttp.TraceConfig()
    trace.on_connection_create_start.append(begin)
    trace.on_dns_resolvehost_end.append(resolved)
    trace.on_connection_create_end.append(connected)
    trace.on_request_headers_sent.append(begin)
    trace.on_request_end.append(answered)
    return trace
