"""Measures the phases of a sample of downloads."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace

import aiohttp

EVERY = 16
"""One download in `EVERY` is measured: to measure all would cost 2 % of the run."""


@dataclass
class Timing:
    """Seconds of one download, by phase."""

    dns: float = 0.0
    """Until the name was resolved; 0 if it was cached or the connection was reused."""
    connect: float = 0.0
    """From then until the connection was established, TLS included; 0 if it was reused."""
    time_to_headers: float = 0.0
    """From the request until the response headers arrived."""
    transfer: float = 0.0
    """From then until the last byte, without writing."""
    write: float = 0.0
    """Hashing the body and writing it to its file."""
    since: float = 0.0
    """When the current phase began (`time.monotonic`)."""

    def lap(self) -> float:
        """Return the seconds since the last lap."""
        now = time.monotonic()
        seconds, self.since = now - self.since, now
        return seconds

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Add the time of the block to `write`."""
        begin = time.monotonic()
        yield
        self.write += time.monotonic() - begin

    def end(self) -> None:
        """Set `transfer`, after the last byte."""
        self.transfer = max(0.0, self.lap() - self.write)


def tracing() -> aiohttp.TraceConfig:
    """Return a trace config that records phases in the `Timing` of each request's context."""

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
        timing.time_to_headers = timing.lap()

    trace = aiohttp.TraceConfig()
    trace.on_connection_create_start.append(begin)
    trace.on_dns_resolvehost_end.append(resolved)
    trace.on_connection_create_end.append(connected)
    trace.on_request_headers_sent.append(begin)
    trace.on_request_end.append(answered)
    return trace
