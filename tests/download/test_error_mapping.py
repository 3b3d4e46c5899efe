"""Tests of imagefetch.download.error_mapping, with real servers on loopback."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
import struct
from asyncio import StreamReader, StreamWriter
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import trustme
import yarl
from aiohttp.abc import AbstractResolver, ResolveResult

from imagefetch import errors
from imagefetch.download.error_mapping import classify

OK = b"HTTP/1.1 200 OK\r\n"
WHOLE = OK + b"Content-Length: 0\r\n\r\n"
LENGTH_9 = OK + b"Content-Length: 9\r\n\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
DAY = timedelta(days=1)
RESET_AT_CLOSE = struct.pack("ii", 1, 0)


class FailingResolver(AbstractResolver):
    """A resolver that always raises the same error."""

    def __init__(self, code: int) -> None:
        self.error = socket.gaierror(code, "as if")

    async def resolve(self, *args: Any, **kwargs: Any) -> list[ResolveResult]:
        raise self.error

    async def close(self) -> None:
        pass


class Answer:
    """The bytes that a server sends to any request, and what it does then: close, reset or wait."""

    def __init__(self, said: bytes = b"", then: str = "close") -> None:
        self.said, self.then = said, then

    async def __call__(self, reader: StreamReader, writer: StreamWriter) -> None:
        await reader.read(4_096)
        writer.write(self.said)
        await writer.drain()
        if self.then == "wait":
            await reader.read()
        if self.then == "reset":
            end = writer.get_extra_info("socket")
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
        writer.close()

    def __repr__(self) -> str:
        return f"{self.said[-30:]!r} {self.then}"


async def fetch(
    url: str,
    tls: ssl.SSLContext | bool = True,
    resolver: AbstractResolver | None = None,
    **options: Any,
) -> str:
    """Return the name of the failure of fetching *url*."""
    connector = aiohttp.TCPConnector(ssl=tls, resolver=resolver)
    async with aiohttp.ClientSession(connector=connector) as session:
        try:
            async with session.get(yarl.URL(url, encoded=True), **options) as answer:
                await answer.read()
        except Exception as error:
            return type(classify(error)).__name__
    return "none"


def failure(
    url: str,
    answer: Answer | None = None,
    server_tls: ssl.SSLContext | None = None,
    proxy: str = "",
    **options: Any,
) -> str:
    """Return the name of the failure of *url*, with *answer* at PORT; None: nothing listens."""

    async def run() -> str:
        server = await asyncio.start_server(answer or Answer(), "127.0.0.1", 0, ssl=server_tls)
        port = str(server.sockets[0].getsockname()[1])
        if answer is None:
            server.close()
        try:
            through = proxy.replace("PORT", port) or None
            return await fetch(url.replace("PORT", port), proxy=through, **options)
        finally:
            server.close()

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(WHOLE), "none"),
        (None, "ConnectionRefused"),
        (Answer(), "ConnectionReset"),
        (Answer(then="reset"), "ConnectionReset"),
        (Answer(OK + b"Content-", "reset"), "ConnectionReset"),
        (Answer(OK + b"Content-"), "ConnectionReset"),
        (Answer(b"SSH-2.0-OpenSSH\r\n"), "BadHTTP"),
        (Answer(b"Too many connections\r\n\r\n"), "BadHTTP"),
        (Answer(b"<html>HTTP/0.9</html>"), "BadHTTP"),
        (Answer(b"HTTP/1.1 abc\r\n\r\n"), "BadHTTP"),
        (Answer(OK + b"no colon\r\n\r\n"), "BadHTTP"),
        (Answer(OK + b"X: a\0b\r\n\r\n"), "BadHTTP"),
        (Answer(OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"), "BadHTTP"),
        (Answer(OK + b"Content-Length: 99999999999999999999999\r\n\r\n"), "BadHTTP"),
        (Answer(OK + b"X: " + b"a" * 9_000 + b"\r\n\r\n"), "HeadersTooLarge"),
        (Answer(OK + b"X" * 9_000 + b": a\r\n\r\n"), "HeadersTooLarge"),
        (Answer(OK + b"X: a\r\n" * 5_000 + b"\r\n"), "HeadersTooLarge"),
        (Answer(LENGTH_9 + b"abc"), "IncompleteBody"),
        (Answer(LENGTH_9 + b"abc", "reset"), "IncompleteBody"),
        (Answer(CHUNKED + b"9\r\nabc"), "IncompleteBody"),
        (Answer(CHUNKED + b"3\r\nabc\r\n"), "IncompleteBody"),
        (Answer(then="wait"), "DownloadTimeout"),
        (Answer(LENGTH_9 + b"abc", "wait"), "DownloadTimeout"),
    ],
    ids=repr,
)
def test_what_a_server_does(answer: Answer | None, expected: str) -> None:
    """Truncated, malformed and missing responses are mapped to distinct errors."""
    waits = answer is not None and answer.then == "wait"
    timeout = aiohttp.ClientTimeout(total=0.05 if waits else 60)
    assert failure("http://127.0.0.1:PORT/", answer, timeout=timeout) == expected


@pytest.mark.skipif("sys.platform != 'linux'", reason="backlogs overflow in other ways elsewhere")
def test_no_connection_is_a_connect_timeout() -> None:
    """A host that never accepts the connection is distinguished from one that never responds."""
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):  # they fill the backlog
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(server.getsockname())
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        timeout = aiohttp.ClientTimeout(sock_connect=0.05)
        assert asyncio.run(fetch(url, timeout=timeout)) == "ConnectTimeout"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (socket.EAI_NONAME, "HostNotFound"),
        (getattr(socket, "EAI_NODATA", socket.EAI_NONAME), "HostNotFound"),
        (socket.EAI_AGAIN, "DNSFailure"),
        (socket.EAI_FAIL, "DNSFailure"),
    ],
)
def test_name_service(code: int, expected: str) -> None:
    """A host that does not exist is distinguished from a DNS lookup without a reply."""
    assert failure("http://a.example/", resolver=FailingResolver(code)) == expected


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".example", "127.1", "2130706433"])
def test_host_that_cannot_be(host: str) -> None:
    """A host that is no valid name or address is InvalidURL; it is not looked up."""
    assert failure(f"http://{host}/") == "InvalidURL"


@pytest.mark.parametrize("answer", [None, Answer(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")])
def test_proxy(answer: Answer | None) -> None:
    """A proxy that is unreachable or refuses the request is a ProxyFailure."""
    assert failure("https://a.example/", answer, proxy="http://127.0.0.1:PORT") == "ProxyFailure"


@pytest.mark.parametrize(
    ("kind", "host", "expected"),
    [
        ("good", "127.0.0.1", "none"),
        ("expired", "127.0.0.1", "CertificateExpired"),
        ("early", "127.0.0.1", "CertificateExpired"),
        ("of a stranger", "127.0.0.1", "CertificateUntrusted"),
        ("self-signed", "127.0.0.1", "CertificateUntrusted"),
        ("of another host", "localhost", "CertificateWrongHost"),
        ("of another host", "127.0.0.1", "CertificateWrongHost"),
        ("without revocations", "127.0.0.1", "CertificateInvalid"),
    ],
)
def test_certificates(tmp_path: Path, kind: str, host: str, expected: str) -> None:
    """Each problem of a certificate is mapped to its own error."""
    authority, now = trustme.CA(), datetime.now(UTC)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    client = ssl.create_default_context()
    if kind not in {"of a stranger", "self-signed"}:
        authority.configure_trust(client)
    if kind == "without revocations":
        client.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    begin = {"expired": now - 9 * DAY, "early": now + DAY}.get(kind, now - DAY)
    end = now - DAY if kind == "expired" else now + 9 * DAY
    name = "b.example" if kind == "of another host" else "127.0.0.1"
    authority.issue_cert(name, not_before=begin, not_after=end).configure_cert(server)
    if kind == "self-signed":
        authority.cert_pem.write_to_path(tmp_path / "cert")
        authority.private_key_pem.write_to_path(tmp_path / "key")
        server.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    url = f"https://{host}:PORT/"
    assert failure(url, Answer(WHOLE), server_tls=server, tls=client) == expected


@pytest.mark.parametrize("answer", [Answer(WHOLE), Answer()], ids=["plain HTTP", "hung up"])
def test_handshake_that_breaks_off(answer: Answer) -> None:
    """An interrupted handshake is a TLSFailure, not a connection failure."""
    assert failure("https://127.0.0.1:PORT/", answer) == "TLSFailure"


BY_NAME: dict[str, list[Exception]] = {
    "ConnectionRefused": [aiohttp.ClientOSError(errno.ECONNREFUSED, "")],
    "ConnectionReset": [
        *(aiohttp.ClientOSError(code, "") for code in (errno.ECONNABORTED, errno.EPIPE)),
        aiohttp.ClientConnectionResetError("Cannot write to closing transport"),
    ],
    "ConnectTimeout": [aiohttp.ClientOSError(errno.ETIMEDOUT, "")],
    "HostUnreachable": [
        *(aiohttp.ClientOSError(code, "") for code in (errno.ENETUNREACH, errno.EHOSTUNREACH)),
        aiohttp.ClientOSError(errno.EACCES, ""),
        aiohttp.ClientOSError("Multiple exceptions: [Errno 111] …, [Errno 101] …"),
    ],
    "SystemLimit": [
        aiohttp.ClientOSError(code, "") for code in (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
    ],
}


@pytest.mark.parametrize(
    ("error", "name"), [(e, name) for name, found in BY_NAME.items() for e in found], ids=str
)
def test_what_the_operating_system_says(error: Exception, name: str) -> None:
    """Each errno is mapped to an error, and so is an OSError without errno."""
    assert type(classify(error)).__name__ == name


@pytest.mark.parametrize(
    "error", [errors.TooLarge(), errors.NotFound(), errors.StoreError(""), KeyError(), ValueError()]
)
def test_the_rest_stays_as_it_is(error: Exception) -> None:
    """Errors of `imagefetch.errors` are unchanged; a bug is never mapped to a server failure."""
    assert classify(error) is error
