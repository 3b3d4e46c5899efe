"""Limits idle connections, and closes them when file descriptors run out."""

from __future__ import annotations

from collections import OrderedDict

from aiohttp.client_proto import ResponseHandler


class Idle:
    """The idle connections of all connectors, at most *most*; the oldest is closed first."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._connections: OrderedDict[ResponseHandler, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._connections)

    def add(self, connection: ResponseHandler) -> None:
        """Add *connection*; close the oldest ones if there are too many."""
        self._connections[connection] = None
        while not (oldest := next(iter(self._connections))).is_connected():
            del self._connections[oldest]  # closed by its server or by aiohttp
            if not self._connections:
                return
        while len(self._connections) > self.most:
            self._close_oldest()

    def remove(self, connection: ResponseHandler | None) -> None:
        """Remove *connection*, which is in use again."""
        if connection is not None:
            self._connections.pop(connection, None)

    def close(self) -> bool:
        """Close all; return whether there were any.

        Their descriptors are free in the next iteration of the event loop.
        """
        any_ = bool(self._connections)
        while self._connections:
            self._close_oldest()
        return any_

    def _close_oldest(self) -> None:
        connection, _ = self._connections.popitem(last=False)
        connection.abort()  # a TLS shutdown would keep the descriptor open
