"""Connections: new ones, and kept ones with what can go wrong about them."""

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

# Methods that may be sent twice (RFC 9110, section 9.2.1).
SAFE = {"GET", "HEAD", "OPTIONS", "TRACE"}

# Times that a connection is tried again where this machine has no socket for it, and seconds
# between two of them. Kept connections are closed for it first.
TRIES = 20
PAUSE = 0.1


class KeptConnectionEnded(Exception):
    """A connection that had served before ended without an answer.

    Its server closed it just then, or read the request and hung up: nobody on
    this side can tell.
    """


class Connector(aiohttp.TCPConnector):
    """aiohttp's, but it is guarded, and knows which of its connections served before."""

    def __init__(self, guard: Guard, idle: Idle, **options: Any) -> None:
        """*idle*: of all connectors that share this machine's sockets."""
        super().__init__(socket_factory=guard.open_socket, **options)
        self._guard = guard
        self._idle = idle
        self._served: WeakSet[Any] = WeakSet()  # connections
        self._kept: WeakSet[aiohttp.ClientRequest] = WeakSet()  # what went over them again

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Any],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - as its base declares it
    ) -> aiohttp.connector.Connection:
        """Return a connection for *req*, a kept one if there is one.

        :raises BlockedAddress: if *req*'s server has no address that may be connected to
        :raises ProxyFailure: if the way to *req*'s server ends at its proxy
        :raises SystemLimit: if this machine has no socket for it
        :raises aiohttp.ClientError: otherwise
        """
        tries = TRIES
        while True:
            try:
                with self._guard.attempt(to_proxy=req.proxy is not None) as attempt:
                    connection = await super().connect(req, traces, timeout)
            except aiohttp.ClientError as error:
                if lack := _lack(error, attempt):
                    if tries := tries - 1:
                        await asyncio.sleep(0 if self._idle.close() else PAUSE)
                        continue
                    raise classify(lack) from error
                if attempt.refusal is not None and not attempt.passed:
                    raise attempt.refusal from error
                if req.proxy is None or not _is_of_proxy(error, req):
                    raise
                failure = classify(error)
                raise failure if isinstance(failure, LocalError) else ProxyFailure from error
            if meter := meter_of(connection):
                meter.begin()
            protocol = connection.protocol
            self._idle.remove(protocol)
            if protocol not in self._served:
                self._served.add(protocol)
                return connection
            if protocol is not None and not protocol.should_close:
                self._kept.add(req)
                return connection
            connection.close()  # bytes came that nobody asked for: an answer to what?

    def _release(self, key: Any, protocol: ResponseHandler, *, should_close: bool = False) -> None:
        """Take back a connection, as aiohttp does when an answer has been read."""
        super()._release(key, protocol, should_close=should_close)
        if protocol.is_connected():
            self._idle.add(protocol)

    async def send_once(
        self, request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Keep aiohttp from sending *request* again by itself: a client middleware.

        It does so for these types of errors only; by another name the attempt
        ends here, and `Attempts` is true.

        :raises KeptConnectionEnded: if it may not have been read, and may be sent again
        """
        try:
            return await send(request)
        except (aiohttp.ClientConnectorError, aiohttp.ServerTimeoutError):
            raise
        except (aiohttp.ClientConnectionError, aiohttp.ClientResponseError) as error:
            ended = isinstance(error, aiohttp.ClientOSError | aiohttp.ServerDisconnectedError)
            if ended and request in self._kept and request.method in SAFE:
                raise KeptConnectionEnded from error
            if request.proxy is not None and not request.is_ssl():
                raise ProxyFailure from error  # nobody else was talked to
            raise classify(error) from error


def _lack(error: aiohttp.ClientError, attempt: Attempt) -> OSError | None:
    """Return what this machine had none of, if that is why *attempt* failed."""
    if attempt.lack is not None:
        return attempt.lack if attempt.lack.errno in LOCAL else None
    return error if isinstance(error, OSError) and error.errno in LOCAL else None


def _is_of_proxy(error: aiohttp.ClientError, request: aiohttp.ClientRequest) -> bool:
    """Whether *error*, met on the way to *request*'s server, is about its proxy.

    Of the server's own are the TLS handshake through the tunnel, which raises
    the errors of a connector, and a tunnel that takes too long to stand.
    """
    if isinstance(error, aiohttp.ServerTimeoutError):
        return False
    if isinstance(error, aiohttp.ClientProxyConnectionError | aiohttp.ClientConnectorDNSError):
        return True
    if isinstance(error, aiohttp.ClientConnectorError):
        return (error.host, error.port) != (request.host, request.port)
    return True
