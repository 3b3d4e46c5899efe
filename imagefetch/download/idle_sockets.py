"""Tells which kept connections must not be used again."""

from __future__ import annotations

import select

import pycurl

Endpoints = tuple[str, str, int, int]
"""Of a connection: remote and local address, remote and local port."""


class IdleSockets:
    """The sockets of kept connections.

    libcurl reuses a connection without looking at it if it was idle for less than a second.
    Bytes that came meanwhile would be taken for the next response: they may look like one.
    """

    def __init__(self, most: int) -> None:
        """*most*: of the sockets that are remembered."""
        self._sockets: dict[Endpoints, int] = {}
        self._most = most

    def add(self, endpoints: Endpoints, easy: pycurl.Curl) -> None:
        """Remember the connection of *easy*, whose transfer has ended, if it is still open."""
        number = easy.getinfo(pycurl.ACTIVESOCKET)
        if number >= 0:
            self._sockets[endpoints] = number
            if len(self._sockets) > self._most:
                del self._sockets[next(iter(self._sockets))]

    def is_spoiled(self, endpoints: Endpoints) -> bool:
        """Return whether a kept connection has ended, or has brought bytes while it was idle."""
        number = self._sockets.pop(endpoints, None)
        if number is None:
            return False  # it is new
        if not hasattr(select, "poll"):
            return bool(select.select([number], [], [], 0)[0])
        poll = select.poll()
        poll.register(number, select.POLLIN)
        return bool(poll.poll(0))
