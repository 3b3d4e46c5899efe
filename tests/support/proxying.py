"""An HTTP proxy on loopback: plain requests and CONNECT, with a password if wanted."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.support.server import Reader, Server, Writer, image


@dataclass
class Proxy:
    """What becomes of connections to a `Server` whose ``greet`` it is made."""

    password: str = ""
    """``user:password`` that it wants to be told; none if empty."""
    refuse: Callable[[str], bytes | None] = lambda _: None
    """Given a request line: what is answered instead, before hanging up."""
    seen: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    """Request lines and headers (names in lower case)."""

    def serve(self, server: Server) -> None:
        """Make *server* a proxy."""
        server.greet = self._greet

    async def _greet(self, reader: Reader, writer: Writer) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return
        line, *rest = head.decode("latin-1").split("\r\n")
        headers = {k.lower(): v for k, _, v in (row.partition(": ") for row in rest if row)}
        self.seen.append((line, headers))
        answer = self.refuse(line)
        given = headers.get("proxy-authorization")
        if self.password and given != f"Basic {base64.b64encode(self.password.encode()).decode()}":
            answer = b"HTTP/1.1 407 Who are you?\r\nContent-Length: 0\r\n\r\n"
        if answer is not None:
            writer.write(answer)
            await writer.drain()
            return
        method, target, _ = line.split(" ")
        tunnel = method == "CONNECT"
        host, _, port = target.removeprefix("http://").partition("/")[0].rpartition(":")
        there, there_writer = await asyncio.open_connection(host, int(port))
        if tunnel:
            writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
        else:
            there_writer.write(head)  # as it is: a server must understand a whole URL
        await asyncio.gather(copy(reader, there_writer), copy(there, writer))


async def copy(reader: Reader, writer: Writer) -> None:
    """Pass on all bytes, then close *writer*."""
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


def redirects(server: Server, url: str, to: str) -> None:
    """Let *server*, used as a proxy, redirect *url*."""

    async def respond(writer: Writer) -> None:
        writer.write(f"HTTP/1.1 302 X\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()

    server.raw[url] = respond


def shows(server: Server, url: str) -> None:
    """Let *server*, used as a proxy, respond to *url* with an image."""

    async def respond(writer: Writer) -> None:
        body = image(url)
        writer.write(f"HTTP/1.1 200 X\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()

    server.raw[url] = respond
