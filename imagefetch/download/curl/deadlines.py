"""Ends transfers that exceed a timeout, are below the minimum speed, or have too much framing."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Collection
from typing import NamedTuple

import pycurl

from imagefetch.download.curl.easy_handle import Handle
from imagefetch.download.curl.transfer import ResponseComplete
from imagefetch.errors import (
    BadHTTP,
    ConnectTimeout,
    DownloadTimeout,
    Failure,
    ResponseTimeout,
    TooSlow,
)

# Bytes of framing (chunk sizes, chunk extensions) that a connection may bring beyond twice
# those of the body.
FRAMING_MAX = 2**19

# Bytes that were received, and that libcurl may not have passed on yet.
UNREAD = 3 * 2**18

# Offset of tcpi_bytes_received in Linux's struct tcp_info (linux/tcp.h), a 64-bit number.
BYTES_RECEIVED = 128

# Seconds between two checks of all transfers: a share of the shortest limit, within bounds.
SHARE = 1 / 8
SOONEST, LATEST = 0.02, 0.25


class Limits(NamedTuple):
    """The settings that limit the time of a transfer, in seconds, and its speed."""

    connect: float
    response: float
    min_speed: float
    """Bytes per second; 0: no minimum."""
    window: float

    def interval(self, *others: float) -> float:
        """Return the seconds between two checks; *others*: limits that are not in the settings."""
        speed = self.window if self.min_speed else self.response
        return min(max(min(self.connect, self.response, speed, *others) * SHARE, SOONEST), LATEST)


class Deadline:
    """The time limits of one transfer, and its progress at the last check."""

    def __init__(self, limits: Limits, begin: float, connect_by: float, total_by: float) -> None:
        """*begin*, *connect_by*, *total_by*: times of the event loop."""
        self.limits = limits
        self.connect_by = connect_by
        self.total_by = total_by
        self._active = begin
        """Time of the last progress."""
        self._seen = -1
        self._headers_at: float | None = None
        self._quota_at = 0.0
        """When the current window of the minimum speed began, and the bytes received then."""
        self._quota_from = 0
        self._framing: tuple[int, int] | None = None
        """Bytes that the connection and the body had brought when it was first inspected."""

    def check(
        self, handle: Handle, active_at: Callable[[Handle], float], now: float
    ) -> Failure | ResponseComplete | None:
        """Return the error with which the transfer of *handle* must end now, if any.

        *active_at*: returns when its connection was active last, 0 if it is not its alone.
        """
        if now >= self.total_by:
            return DownloadTimeout()
        if not handle.connection.sent:
            return ConnectTimeout() if now >= self.connect_by else None
        seen = handle.header_bytes + handle.received
        if seen != self._seen or handle.paused:
            self._seen, self._active = seen, now
        elif now - self._active >= self.limits.response:
            # Bytes of an incomplete line don't show.
            self._active = max(self._active, active_at(handle))
            if now - self._active >= self.limits.response:
                return ResponseTimeout()
        return None if handle.head is None else self._check_body(handle, now)

    def _check_body(self, handle: Handle, now: float) -> Failure | ResponseComplete | None:
        if self._headers_at is None:
            self._headers_at = self._quota_at = now
        if now - self._headers_at >= handle.transfer.consumer.patience:
            return ResponseComplete()
        if not self.limits.min_speed:
            return None
        quota = self.limits.min_speed * self.limits.window
        if handle.received - self._quota_from >= quota or handle.paused:
            self._quota_from, self._quota_at = handle.received, now
        elif now - self._quota_at >= self.limits.window:
            return TooSlow()
        return None

    def check_framing(self, handle: Handle, number: int) -> Failure | None:
        """Return the error if the connection, socket *number*, brings bytes, but no body.

        For chunked bodies: libcurl limits headers and trailers itself.
        """
        if sys.platform != "linux":
            return None
        with socket.socket(fileno=socket.dup(number)) as peek:
            info = peek.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, BYTES_RECEIVED + 8)
        raw = int.from_bytes(info[BYTES_RECEIVED:], sys.byteorder)
        if self._framing is None:
            self._framing = raw, handle.received
        before, body = self._framing
        too_much = raw - before > 2 * (handle.received - body) + FRAMING_MAX + UNREAD
        return BadHTTP() if too_much else None


def on_socket(handles: Collection[Handle], number: int) -> list[Handle]:
    """Return those of *handles* whose connection is the socket *number*."""
    return [handle for handle in handles if handle.easy.getinfo(pycurl.ACTIVESOCKET) == number]
