"""Tests of imagefetch.download.reception: Scrapy's signals and meta keys, the handler alone."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from scrapy import Request, signals
from scrapy.exceptions import StopDownload
from scrapy.http import Headers, Response, TextResponse

from imagefetch.download.response import FileResponse
from imagefetch.errors import DownloadTimeout, IncompleteBody
from imagefetch.meta import STREAM_TO
from tests.support.handling import fetch, handler
from tests.support.raw_responses import OK, PICTURE, Endless, sends, then_silent
from tests.support.server import Server

CUT = sends(OK + b"Content-Length: 900\r\n\r\n" + PICTURE[:99])


def test_signals(server: Server, tmp_path: Path) -> None:
    """Headers once, then every byte as sent; for a body in a file, too."""
    heard: list[tuple[str, Any]] = []

    def headers_received(headers: Headers, body_length: int, request: Request) -> None:
        heard.append((request.url, (headers["Content-Encoding"], body_length)))

    def bytes_received(data: bytes, request: Request) -> None:
        heard.append((request.url, data))

    async def run(request: Request) -> Response:
        async with handler() as made:
            made.crawler.signals.connect(headers_received, signals.headers_received)
            made.crawler.signals.connect(bytes_received, signals.bytes_received)
            return await made.download_request(request)

    plain = asyncio.run(run(Request(server.url("/gzip/a.jpg"))))
    streamed = asyncio.run(run(Request(server.url("/gzip/b.jpg"), meta={STREAM_TO: tmp_path})))
    assert isinstance(streamed, FileResponse)
    for response, size in ((plain, len(plain.body)), (streamed, streamed.download.size)):
        (_, (encoding, length)), *data = [what for what in heard if what[0] == response.url]
        assert encoding == b"gzip"
        assert len(b"".join(piece for _, piece in data)) == length < size + 100


@pytest.mark.parametrize("fail", [True, False])
@pytest.mark.parametrize("streamed", [True, False])
@pytest.mark.parametrize("signal", ["headers_received", "bytes_received"])
def test_stop_download(
    server: Server, tmp_path: Path, signal: str, streamed: bool, fail: bool
) -> None:
    """A handler of either signal stops the download at once, with or without a failure."""
    endless = Endless(OK + b"\r\n", [PICTURE])
    server.raw["/raw/a"] = endless
    request = Request(server.url("/raw/a"), meta={STREAM_TO: tmp_path} if streamed else {})

    def stop() -> None:
        raise StopDownload(fail=fail)

    async def run() -> Response:
        async with handler() as made:
            made.crawler.signals.connect(stop, getattr(signals, signal))
            return await made.download_request(request)

    if fail:
        with pytest.raises(StopDownload) as stopped:
            asyncio.run(run())
        response = stopped.value.response
    else:
        response = asyncio.run(run())
    assert response is not None
    assert (response.status, response.flags) == (200, ["download_stopped"])
    assert bool(response.body) == (signal == "bytes_received" and not streamed)
    assert PICTURE.startswith(response.body[: len(PICTURE)])
    assert list(tmp_path.iterdir()) == []


def test_download_latency(server: Server) -> None:
    """It is set when the headers arrive, so an endless body has one, too."""
    server.raw["/raw/a"] = then_silent(OK + b"Content-Length: 900\r\n\r\n")
    request = Request(server.url("/raw/a"), meta={"download_timeout": 0.5})
    with pytest.raises(DownloadTimeout):
        fetch(request)
    assert 0 < request.meta["download_latency"] < 0.5 <= request.meta["seconds"]


def test_download_timeout(server: Server) -> None:
    """The meta of the request overrides the setting."""
    server.raw["/raw/a"] = then_silent()
    with pytest.raises(DownloadTimeout):
        fetch(Request(server.url("/raw/a"), meta={"download_timeout": 0.2}), DOWNLOAD_TIMEOUT=900)


@pytest.mark.parametrize(
    ("meta", "setting", "fails"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"download_fail_on_dataloss": False}, True, False),
        ({"download_fail_on_dataloss": True}, False, True),
    ],
)
def test_dataloss(server: Server, meta: dict[str, Any], setting: bool, fails: bool) -> None:
    """A truncated body is a failure, or a response with a flag: by meta, then by setting."""
    server.raw["/raw/a"] = CUT
    request = Request(server.url("/raw/a"), meta=meta)
    if fails:
        with pytest.raises(IncompleteBody):
            fetch(request, DOWNLOAD_FAIL_ON_DATALOSS=setting)
    else:
        response = fetch(request, DOWNLOAD_FAIL_ON_DATALOSS=setting)
        assert (response.body, response.flags) == (PICTURE[:99], ["dataloss"])


def test_a_file_is_never_partial(server: Server, tmp_path: Path) -> None:
    """A truncated file is a failure with any DOWNLOAD_FAIL_ON_DATALOSS."""
    server.raw["/raw/a"] = CUT
    with pytest.raises(IncompleteBody):
        request = Request(server.url("/raw/a"), meta={STREAM_TO: tmp_path})
        fetch(request, DOWNLOAD_FAIL_ON_DATALOSS=False)
    assert list(tmp_path.iterdir()) == []


def test_ordinary_requests_get_ordinary_responses(server: Server) -> None:
    """The response class matches the content type; headers are kept as sent."""
    head = b"Content-Type: text/html; charset=latin-1\r\nX: caf\xe9\r\nX: two\r\n"
    server.raw["/raw/a"] = sends(OK + head + b"\r\n<p>caf\xe9")
    response = fetch(Request(server.url("/raw/a")))
    assert isinstance(response, TextResponse)
    assert response.text == "<p>café"
    assert response.headers.getlist("X") == [b"caf\xe9", b"two"]
    assert response.protocol == "HTTP/1.1"
