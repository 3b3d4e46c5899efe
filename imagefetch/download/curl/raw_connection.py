"""Sends and receives bytes on a connection that libcurl has established (CURLOPT_CONNECT_ONLY)."""

from __future__ import annotations

import asyncio

import pycurl

from imagefetch.errors import ConnectionReset, ResponseTimeout

READ = 2**16  # bytes at a time


class RawConnection:
    """A connection without HTTP, TLS included."""

    def __init__(self, easy: pycurl.Curl, timeout: float) -> None:
        """*easy*: the handle that has connected; *timeout*: seconds without a byte after which
        sending and receiving fail."""
        self._easy = easy
        self._socket: int = easy.getinfo(pycurl.ACTIVESOCKET)
        self._timeout = timeout

    async def send(self, data: bytes) -> None:
        """Send all of *data*.

        :raises ConnectionReset: if the connection is reset
        :raises ResponseTimeout: if the server reads nothing for too long
        """
        while data:
            try:
                data = data[self._easy.send(data) :]
            except BlockingIOError:
                await self._ready(write=True)
            except pycurl.error as error:
                raise ConnectionReset from error

    async def receive(self) -> bytes:
        """Return the next bytes; none at the end of the connection.

        :raises ConnectionReset: if it is reset
        :raises ResponseTimeout: if the server sends nothing for too long
        """
        while True:
            try:
                data: bytes = self._easy.recv(READ)
            except BlockingIOError:
                await self._ready(write=False)
            except pycurl.error as error:
                raise ConnectionReset from error
            else:
                return data

    async def _ready(self, *, write: bool) -> None:
        """:raises ResponseTimeout: if the connection is silent for too long"""
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        add, remove = loop.add_reader, loop.remove_reader
        if write:
            add, remove = loop.add_writer, loop.remove_writer
        add(self._socket, ready.set)
        try:
            await asyncio.wait_for(ready.wait(), self._timeout)
        except TimeoutError as error:
            raise ResponseTimeout from error
        finally:
            remove(self._socket)
