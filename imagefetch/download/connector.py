"""Opens guarded connections and handles the errors of reused ones."""

from __future__ import annotations

import asyncio
from typing import Any
from weakref import WeakSet

import aiohttp
from aiohttp.client_proto import ResponseHandler

from imagefetch.download.address_guard import Attempt, Guard
from imagefetch.download.error_mapping import LOCAL, classify
from imagefetch.download.framing import meter_of
from imagefetch.download.idle_connections import Idle
from imagefetch.errors import LocalError, ProxyFailure

# Safe methods, which may be sent twice (RFC 9110, section 9.2.1).
SAFE = {"GET", "HEAD", "OPTIONS", "TRACE"}

# Attempts to open a connection when this machine has no free socket, and seconds between two
# of them. Idle connections are closed first.
TRIES = 20
PAUSE = 0.1


class KeptConnectionEnded(Exception):
    """A reused connection ended without a response.

    Either its server closed it just then, or it read the request and hung up: the client
    can't tell which.
    """


class Connector(aiohttp.TCPConnector):
    """A `TCPConnector` that checks addresses and knows which connections are reused."""

    def __init__(self, guard: Guard, idle: Idle, **options: Any) -> None:
        """*idle*: the idle connections of all connectors."""
        super().__init__(socket_factory=guard.open_socket, **options)
        self._guard = guard
        self._idle = idle
        self._used: WeakSet[Any] = WeakSet()  # connections that were used for a request
        self._reusing: WeakSet[aiohttp.ClientRequest] = WeakSet()  # requests sent on them later

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Any],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - declared by the base class
    ) -> aiohttp.connector.Connection:
        """Return a connection for *req*, an idle one if there is one.

        :raises BlockedAddress: if all addresses of the server are blocked
        :raises ProxyFailure: if the proxy of *req* fails
        :raises SystemLimit: if this machine has no free socket
        :raises aiohttp.ClientError: for all other connection errors
        """
        tries = TRIES
        while True:
            try:
                with self._guard.attempt(to_proxy=req.proxy is not None) as attempt:
                    connection = await super().connect(req, traces, timeout)
            except aiohttp.ClientError as error:
                if local := _local_error(error, attempt):
                    if tries := tries - 1:
                        await asyncio.sleep(0 if self._idle.close() else PAUSE)
                        continue
                    raise classify(local) from error
                if attempt.refusal is not None and not attempt.allowed:
                    raise attempt.refusal from error
                if req.proxy is None or not _is_of_proxy(error, req):
                    raise
                failure = classify(error)
                raise failure if isinstance(failure, LocalError) else ProxyFailure from error
            if meter := meter_of(connection):
                meter.begin()
            protocol = connection.protocol
            self._idle.remove(protocol)
            if protocol not in self._used:
                self._used.add(protocol)
                return connection
            if protocol is not None and not protocol.should_close:
                self._reusing.add(req)
                return connection
            connection.close()  # unsolicited bytes arrived, which may look like a response

    def _release(self, key: Any, protocol: ResponseHandler, *, should_close: bool = False) -> None:
        """Take back a connection; aiohttp calls this after a response was read."""
        super()._release(key, protocol, should_close=should_close)
        if protocol.is_connected():
            self._idle.add(protocol)

    async def send_once(
        self, request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """A client middleware that keeps aiohttp from retrying *request* by itself.

        aiohttp retries after these types of errors only. They are converted to other
        errors, so that the column ``Attempts`` is correct.

        :raises KeptConnectionEnded: if the request may be unread, and may be sent again
        """
        try:
            return await send(request)
        except (aiohttp.ClientConnectorError, aiohttp.ServerTimeoutError):
            raise
        except (aiohttp.ClientConnectionError, aiohttp.ClientResponseError) as error:
            ended = isinstance(error, aiohttp.ClientOSError | aiohttp.ServerDisconnectedError)
            if ended and request in self._reusing and request.method in SAFE:
                raise KeptConnectionEnded from error
            if request.proxy is not None and not request.is_ssl():
                raise ProxyFailure from error  # the proxy is the only peer
            raise classify(error) from error


def _local_error(error: aiohttp.ClientError, attempt: Attempt) -> OSError | None:
    """Return the error about a lack of local resources that *attempt* failed with, if any."""
    if attempt.socket_error is not None:
        return attempt.socket_error if attempt.socket_error.errno in LOCAL else None
    return error if isinstance(error, OSError) and error.errno in LOCAL else None


def _is_of_proxy(error: aiohttp.ClientError, request: aiohttp.ClientRequest) -> bool:
    """Return whether *error*, raised while connecting, was caused by the proxy of *request*.

    The server, not the proxy, causes errors of the TLS handshake through the tunnel, which
    are connector errors, and timeouts while the tunnel is set up.
    """
    if isinstance(error, aiohttp.ServerTimeoutError):
        return False
    if isinstance(error, aiohttp.ClientProxyConnectionError | aiohttp.ClientConnectorDNSError):
        return True
    if isinstance(error, aiohttp.ClientConnectorError):
        return (error.host, error.port) != (request.host, request.port)
    return True
