"""Connections that are kept for a next request: bounded, and closed where descriptors lack."""

from __future__ import annotations

from collections import OrderedDict

from aiohttp.client_proto import ResponseHandler


class Idle:
    """Those of all connectors; the one longest unused is closed first."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._connections: OrderedDict[ResponseHandler, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._connections)

    def add(self, connection: ResponseHandler) -> None:
        """Note that *connection* is kept; close others where that makes too many."""
        self._connections[connection] = None
        while not (oldest := next(iter(self._connections))).is_connected():
            del self._connections[oldest]  # closed by its server, or by aiohttp
            if not self._connections:
                return
        while len(self._connections) > self.most:
            self._close_oldest()

    def remove(self, connection: ResponseHandler | None) -> None:
        """Note that *connection* is in use."""
        if connection is not None:
            self._connections.pop(connection, None)

    def close(self) -> bool:
        """Close all; return whether there were any. Their descriptors are free in the next turn
        of the loop."""
        any_ = bool(self._connections)
        while self._connections:
            self._close_oldest()
        return any_

    def _close_oldest(self) -> None:
        connection, _ = self._connections.popitem(last=False)
        connection.abort()  # to say goodbye in TLS first would keep its descriptor
