"""An HTTP server on loopback whose answers are chosen by the path asked for.

    /image/<any>                a JPEG that no other path has
    /new/<any>                  a JPEG that is another each time
    /status/<code>/<any>        that status, a short text as body
    /later/<n>/<status>/<any>   that status for the first n requests, then the image
    /to/<percent-encoded>       302 to that Location
    /hops/<n>/<any>             n redirects, then the image
    /size/<bytes>/<any>         a JPEG padded to that length, in pieces
    /type/<any>                 an HTML page that calls itself image/jpeg
    /empty/<any>                200 without a byte
    /slow/<ms>/<any>            the image, after a pause
    /gzip|deflate|br|zstd/<any> the image in that Content-Encoding
    /cut-<encoding>/<any>       the same, its encoded data cut short
    /most/<n>/<any>             429 if its host has more than n requests under way, else the image
                                after a pause, and not before the host has refused a request
    /limited/<any>              the image, or what the `LimitedHost` of its host answers
    /raw/<any>                  what was registered with `Server.raw`

It counts what was asked and how much was under way at once, per host (the
address connected to) and in all.
"""

from __future__ import annotations

import asyncio
import gzip
import io
import ssl
import sys
import threading
import zlib
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from urllib.parse import unquote

import brotli
from PIL import Image

from tests.support.rate_limited import LimitedHost

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstd.compress,
}

PAGE = b"<!doctype html><title>Gone</title><p>This picture was removed."

Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter


@cache
def _plain_jpeg() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 48), (10, 120, 200)).save(file, "JPEG")
    return file.getvalue()


def jpeg(comment: bytes) -> bytes:
    """Return a whole JPEG of 64 by 48 pixels that carries *comment* (at most 65,533 bytes)."""
    plain = _plain_jpeg()
    return plain[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + plain[2:]


def image(path: str) -> bytes:
    """Return the picture at *path*."""
    return jpeg(path.encode())


@dataclass
class Server:
    """What a test sees of the server."""

    port: int = 0
    scheme: str = "http"
    connections: int = 0
    """Accepted, with TLS where it has a certificate."""
    arrived: list[str] = field(default_factory=list)
    """Paths, in the order in which their requests came."""
    hits: Counter[str] = field(default_factory=Counter)
    """Requests, by path."""
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    """Of the last request for a path; names in lower case."""
    under_way: Counter[str] = field(default_factory=Counter)
    peak: Counter[str] = field(default_factory=Counter)
    """Most requests under way at once: by host, and in all under "all"."""
    raw: dict[str, Callable[[Writer], Awaitable[None]]] = field(default_factory=dict)
    """By path: writes whatever it likes, until it or the client ends the connection."""
    greet: Callable[[Reader, Writer], Awaitable[None]] | None = None
    """Instead of HTTP: what is done with each connection before it is closed."""
    refused: Counter[str] = field(default_factory=Counter)
    """Requests for `/most/` paths that were too many, by host."""
    limited: dict[str, LimitedHost] = field(default_factory=dict)
    """By host: how `/limited/` paths are limited."""
    gate: threading.Event = field(default_factory=threading.Event)
    """While clear, `/held/` paths get no answer."""

    def serve(self, path: str, body: bytes) -> None:
        """Answer *path*, which begins with ``/raw/``, with *body*."""

        async def write(writer: Writer) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
            await writer.drain()

        self.raw[path] = write

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"


async def _answer(server: Server, host: str, path: str, writer: Writer) -> None:
    kind, _, rest = path[1:].partition("/")
    first, _, rest = rest.partition("/")
    status, headers, body = 200, {"Content-Type": "image/jpeg"}, image(path)
    match kind:
        case "new":
            body = image(f"{path} {server.hits[path]}")
        case "status":
            status, body = int(first), b"so it is"
        case "later":
            code = rest.partition("/")[0]
            if server.hits[path] <= int(first):
                status, body = int(code), b"not yet"
        case "to":
            status, headers["Location"], body = 302, unquote(path[4:]), b""
        case "hops" if int(first):
            status, headers["Location"], body = 302, f"/hops/{int(first) - 1}/{rest}", b""
        case "size":
            await _send_padded(writer, path, int(first))
            return
        case "type":
            body = PAGE
        case "empty":
            body = b""
        case "slow":
            await asyncio.sleep(int(first) / 1000)
        case "most" if server.under_way[host] > int(first):
            status, body = 429, b"too many"
            server.refused[host] += 1
        case "most":
            await asyncio.sleep(0.05)
            while not server.refused[host]:
                await asyncio.sleep(0.01)
        case "limited":
            if (told := server.limited[host].answer(path)) is not None:
                status, body = server.limited[host].status, b"too many"
                headers.update(told)
        case "held":
            await asyncio.to_thread(server.gate.wait)
        case _:
            encoding = kind.removeprefix("cut-")
            if encoding in ENCODERS:
                headers["Content-Encoding"] = encoding
                body = ENCODERS[encoding](body)
                body = body[:-12] if kind.startswith("cut-") else body
            elif kind not in {"image", "hops", "held"}:
                status, body = 404, b"nothing here"
    head = [f"HTTP/1.1 {status} X", *(f"{name}: {value}" for name, value in headers.items())]
    head.append(f"Content-Length: {len(body)}")
    writer.write("\r\n".join(head).encode() + b"\r\n\r\n" + body)
    await writer.drain()


async def _send_padded(writer: Writer, path: str, size: int) -> None:
    writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode())
    body = image(path)
    writer.write(body)
    left = size - len(body)
    while left > 0:
        piece = b"\0" * min(left, 65_536)
        writer.write(piece)
        left -= len(piece)
        await writer.drain()


async def while_there(reader: Reader, answer: Awaitable[None]) -> None:
    """Let *answer* go on until it ends, or the client is gone."""
    answering, gone = asyncio.ensure_future(answer), asyncio.ensure_future(reader.read())
    try:
        await asyncio.wait({answering, gone}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (answering, gone):
            task.cancel()
        await asyncio.gather(answering, gone, return_exceptions=True)


async def _serve(server: Server, reader: Reader, writer: Writer) -> None:
    host = writer.get_extra_info("sockname")[0]
    server.connections += 1
    try:
        if server.greet is not None:
            await server.greet(reader, writer)
            return
        while head := await reader.readuntil(b"\r\n\r\n"):
            request_line, *lines = head.decode("latin-1").split("\r\n")
            path = request_line.split(" ")[1].removeprefix(f"http://{host}:{server.port}")
            named = (line.partition(": ") for line in lines if line)
            server.headers[path] = {name.lower(): value for name, _, value in named}
            server.hits[path] += 1
            server.arrived.append(path)
            for key in (host, "all"):
                server.under_way[key] += 1
                server.peak[key] = max(server.peak[key], server.under_way[key])
            try:
                if path in server.raw:
                    await while_there(reader, server.raw[path](writer))
                    return
                await _answer(server, host, path, writer)
            finally:
                for key in (host, "all"):
                    server.under_way[key] -= 1
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


@contextmanager
def serving(hosts: list[str], tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """Run a server on *hosts* (loopback addresses), all on one free port, with *tls* as https."""
    server = Server(scheme="https" if tls else "http")
    loop = asyncio.new_event_loop()

    async def begin() -> list[asyncio.Server]:
        def accept(reader: Reader, writer: Writer) -> Awaitable[None]:
            return _serve(server, reader, writer)

        first = await asyncio.start_server(accept, hosts[0], 0, backlog=1024, ssl=tls)
        server.port = first.sockets[0].getsockname()[1]
        others = [
            await asyncio.start_server(accept, host, server.port, backlog=1024, ssl=tls)
            for host in hosts[1:]
        ]
        return [first, *others]

    listeners = loop.run_until_complete(begin())
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.gate.set()
        for listener in listeners:
            loop.call_soon_threadsafe(listener.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.set_exception_handler(lambda *_: None)  # tasks cut short are no news
        if tasks := asyncio.all_tasks(loop):
            for task in tasks:
                task.cancel()
            loop.run_until_complete(asyncio.wait(tasks))
        loop.close()
