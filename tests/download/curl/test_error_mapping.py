"""Tests of imagefetch.download.curl.error_mapping, with real servers on loopback."""

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

import pytest
import trustme
from scrapy import Request

from imagefetch import errors
from imagefetch.download.addresses.resolver import PooledResolver
from imagefetch.download.curl.error_mapping import certificate_failure, connect_failure
from tests.support.handling import handler

OK = b"HTTP/1.1 200 OK\r\n"
WHOLE = OK + b"Content-Length: 0\r\n\r\n"
LENGTH_9 = OK + b"Content-Length: 9\r\n\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
DAY = timedelta(days=1)
RESET_AT_CLOSE = struct.pack("ii", 1, 0)


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


async def failure_of(url: str, meta: dict[str, Any], settings: dict[str, Any]) -> str:
    """Return the name of the failure of fetching *url*."""
    async with handler(**settings) as made:
        try:
            await made.download_request(Request(url, meta=meta))
        except errors.Failure as failure:
            return type(failure).__name__
    return "none"


def failure(
    url: str,
    answer: Answer | None = None,
    server_tls: ssl.SSLContext | None = None,
    proxy: str = "",
    **settings: Any,
) -> str:
    """Return the name of the failure of *url*, with *answer* at PORT; None: nothing listens."""

    async def run() -> str:
        server = await asyncio.start_server(answer or Answer(), "127.0.0.1", 0, ssl=server_tls)
        port = str(server.sockets[0].getsockname()[1])
        if answer is None:
            server.close()
        try:
            meta = {"proxy": proxy.replace("PORT", port)} if proxy else {}
            return await failure_of(url.replace("PORT", port), meta, settings)
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
        (Answer(OK + b"X: " + b"a" * 110_000 + b"\r\n\r\n"), "HeadersTooLarge"),
        (Answer(OK + b"X" * 110_000 + b": a\r\n\r\n"), "HeadersTooLarge"),
        (Answer(OK + b"X: a\r\n" * 6_000 + b"\r\n"), "HeadersTooLarge"),
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
    timeout = 0.2 if waits else 60
    assert failure("http://127.0.0.1:PORT/", answer, DOWNLOAD_TIMEOUT=timeout) == expected


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
        assert failure(url, CONNECT_TIMEOUT=0.2) == "ConnectTimeout"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (socket.EAI_NONAME, "HostNotFound"),
        (getattr(socket, "EAI_NODATA", socket.EAI_NONAME), "HostNotFound"),
        (socket.EAI_AGAIN, "DNSFailure"),
        (socket.EAI_FAIL, "DNSFailure"),
    ],
)
def test_name_service(code: int, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that does not exist is distinguished from a DNS lookup without a reply."""

    def fail(*_: object) -> None:
        raise socket.gaierror(code, "as if")

    monkeypatch.setattr(PooledResolver, "_ask", fail)
    assert failure("http://a.example/") == expected


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".example"])
def test_host_that_cannot_be(host: str) -> None:
    """A host that is no valid name is InvalidURL; it is not looked up."""
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
    ],
)
def test_certificates(
    tmp_path: Path, kind: str, host: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each problem of a certificate is mapped to its own error."""
    authority, now = trustme.CA(), datetime.now(UTC)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trusted = authority if kind not in {"of a stranger", "self-signed"} else trustme.CA()
    trusted.cert_pem.write_to_path(tmp_path / "trusted.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "trusted.pem"))
    begin = {"expired": now - 9 * DAY, "early": now + DAY}.get(kind, now - DAY)
    end = now - DAY if kind == "expired" else now + 9 * DAY
    name = "b.example" if kind == "of another host" else "127.0.0.1"
    authority.issue_cert(name, not_before=begin, not_after=end).configure_cert(server)
    if kind == "self-signed":
        authority.cert_pem.write_to_path(tmp_path / "cert")
        authority.private_key_pem.write_to_path(tmp_path / "key")
        server.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    url = f"https://{host}:PORT/"
    assert failure(url, Answer(WHOLE), server_tls=server) == expected


@pytest.mark.parametrize("answer", [Answer(WHOLE), Answer()], ids=["plain HTTP", "hung up"])
def test_handshake_that_breaks_off(answer: Answer) -> None:
    """An interrupted handshake is a TLSFailure, not a connection failure."""
    assert failure("https://127.0.0.1:PORT/", answer) == "TLSFailure"


BY_NUMBER = {
    errno.ECONNREFUSED: errors.ConnectionRefused,
    errno.ECONNABORTED: errors.ConnectionReset,
    errno.EPIPE: errors.ConnectionReset,
    errno.ETIMEDOUT: errors.ConnectTimeout,
    errno.ENETUNREACH: errors.HostUnreachable,
    errno.EHOSTUNREACH: errors.HostUnreachable,
    errno.EACCES: errors.HostUnreachable,
    0: errors.HostUnreachable,
    errno.EMFILE: errors.SystemLimit,
    errno.ENFILE: errors.SystemLimit,
    errno.ENOMEM: errors.SystemLimit,
}


@pytest.mark.parametrize("number", BY_NUMBER)
def test_what_the_operating_system_says(number: int) -> None:
    """Each errno of a connection attempt is mapped to an error, and so is none."""
    assert type(connect_failure(number)) is BY_NUMBER[number]


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (23, errors.CertificateInvalid),
        (10, errors.CertificateExpired),
        (1, errors.CertificateInvalid),
    ],
)
def test_what_openssl_says(result: int, expected: type[errors.Failure]) -> None:
    """A verify result without an error of its own is a CertificateInvalid: revoked, say."""
    assert type(certificate_failure(result, "SSL certificate problem")) is expected
