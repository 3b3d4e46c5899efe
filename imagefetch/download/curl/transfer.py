"""Defines what is sent in a transfer, and who takes its response."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple, Protocol

from imagefetch.download.addresses.address_guard import Guard
from imagefetch.download.curl.response_head import Head

Options = tuple[tuple[int, Any], ...]
"""Pairs of an option of libcurl (CURLOPT_*) and its value."""


class ResponseComplete(Exception):
    """Raised by a `Consumer`: the response is complete, whatever follows."""


class Consumer(Protocol):
    """Takes a response, in callbacks."""

    unwanted: bool
    """Whether the status says it all, so that no fault of the body counts."""
    patience: float
    """Seconds that may pass between the headers and the end of the body."""

    @property
    def busy(self) -> asyncio.Future[None] | None:
        """What a refused piece waits for."""

    def begin(self, head: Head) -> None:
        """Take the headers; what it raises ends the transfer."""

    def feed(self, data: bytes) -> bool:
        """Take a piece of the body, not decoded; what it raises ends the transfer.

        Return False to get the same piece again when `busy` is done.
        """


class Transfer(NamedTuple):
    """What is sent, and who takes the response."""

    origin: str
    """Scheme, host and port, as libcurl needs to connect: ``https://a.example:443/``."""
    target: str
    """Path and query as sent; the whole URL for an HTTP proxy."""
    headers: tuple[bytes, ...]
    options: Options
    """Those that depend on the request: method, body, proxy."""
    resolve: list[str]
    """The addresses of the host, as CURLOPT_RESOLVE has them."""
    guard: Guard | None
    """Decides which addresses may be connected to; None for those of the user's proxy."""
    keep: bool
    """Whether a connection may be reused, and is kept."""
    consumer: Consumer
    handshake_only: bool = False
    """Whether to connect only, TLS included, and send nothing."""
    hold: bool = False
    """Whether the handle stays with its connection until `CurlClient.close_handle`."""
