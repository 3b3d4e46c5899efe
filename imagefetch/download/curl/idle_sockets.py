"""Detects idle connections that must not be reused: closed ones, and ones with unexpected data."""

from __future__ import annotations

import os
import select
import socket
from contextlib import suppress

Endpoints = tuple[str, str, int, int]
"""Of a connection: remote and local address, remote and local port."""

# Bytes of the message that ends a TLS connection, at most.
NOTICE = 64


class IdleSockets:
    """The sockets of idle connections.

    libcurl does not check a connection that was idle for less than a second before it reuses it.
    Bytes that the server sent in that time would be taken for the next response.
    """

    def __init__(self, most: int) -> None:
        """*most*: of the sockets that are remembered."""
        self._sockets: dict[Endpoints, int] = {}
        self._most = most
        self._untrusted: dict[str, None] = {}  # oldest first

    def add(self, endpoints: Endpoints, number: int) -> None:
        """Remember the socket *number* of a connection that is idle now."""
        self._sockets[endpoints] = number
        if len(self._sockets) > self._most:
            del self._sockets[next(iter(self._sockets))]

    def forget(self, endpoints: Endpoints) -> None:
        """Forget a connection that has ended; its socket's number may be another file's by now."""
        self._sockets.pop(endpoints, None)

    def distrust(self, origin: str) -> None:
        """Reuse no connection to *origin* from now on: it has sent bytes without a request."""
        self._untrusted[origin] = None
        if len(self._untrusted) > self._most:
            del self._untrusted[next(iter(self._untrusted))]

    def trusts(self, origin: str) -> bool:
        """Return whether connections to *origin* may be reused: none got bytes without a request.

        Bytes that arrive just when the next request is sent can't be detected: they are taken for
        its response. The actual response then arrives without a request, which is detected.
        """
        return origin not in self._untrusted

    def is_stale(self, endpoints: Endpoints, origin: str) -> bool:
        """Return whether a kept connection to *origin* has ended, or has brought bytes while it
        was idle."""
        number = self._sockets.pop(endpoints, None)
        if number is None:
            return False  # it was forgotten: too many are idle
        if not _is_readable(number):
            return False
        with suppress(OSError), socket.socket(fileno=os.dup(number)) as peek:
            if len(peek.recv(NOTICE + 1, socket.MSG_PEEK)) > (NOTICE if origin[4] == "s" else 0):
                self.distrust(origin)
        return True


def _is_readable(number: int) -> bool:
    if not hasattr(select, "poll"):
        return bool(select.select([number], [], [], 0)[0])
    poll = select.poll()
    poll.register(number, select.POLLIN)
    return bool(poll.poll(0))
