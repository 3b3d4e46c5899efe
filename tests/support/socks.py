"""A SOCKS5 proxy on loopback (RFC 1928), with a password if wanted (RFC 1929)."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass, field

from tests.support.proxying import copy
from tests.support.server import Reader, Server, Writer


@dataclass
class Socks:
    """What becomes of connections to a `Server` whose ``greet`` it is made."""

    password: str = ""
    """``user:password`` that it wants to be told; none if empty."""
    names: dict[str, str] = field(default_factory=dict)
    """Addresses of the names that it knows."""
    refusal: int = 0
    """The code with which it refuses to connect; 0: it connects."""
    asked: list[tuple[str, int]] = field(default_factory=list)
    """Hosts and ports that it was asked for."""

    def serve(self, server: Server) -> None:
        """Make *server* a proxy."""
        server.greet = self._greet

    async def _greet(self, reader: Reader, writer: Writer) -> None:
        _, count = await reader.readexactly(2)
        methods = await reader.readexactly(count)
        method = 2 if self.password else 0
        writer.write(bytes([5, method if method in methods else 255]))
        if method not in methods or (method and not await self._is_known(reader, writer)):
            return
        _, _, _, kind = await reader.readexactly(4)
        if kind == 3:
            host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
        else:
            family, size = (socket.AF_INET, 4) if kind == 1 else (socket.AF_INET6, 16)
            host = socket.inet_ntop(family, await reader.readexactly(size))
        port = int.from_bytes(await reader.readexactly(2), "big")
        self.asked.append((host, port))
        writer.write(bytes([5, self.refusal, 0, 1, 0, 0, 0, 0, 0, 0]))
        if self.refusal:
            return
        there = await asyncio.open_connection(self.names.get(host, host), port)
        await asyncio.gather(copy(reader, there[1]), copy(there[0], writer))

    async def _is_known(self, reader: Reader, writer: Writer) -> bool:
        await reader.readexactly(1)
        told = [await reader.readexactly((await reader.readexactly(1))[0]) for _ in range(2)]
        known = b":".join(told).decode() == self.password
        writer.write(bytes([1, not known]))
        return known
