"""Tests of imagefetch.download.curl.deadlines: unlimited framing would prolong a download."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from scrapy import Request

from imagefetch.download.curl.deadlines import FRAMING_MAX, UNREAD
from imagefetch.download.curl.easy_handle import INTERIM_MAX
from imagefetch.download.response import FileResponse
from imagefetch.errors import BadHTTP, Failure, HeadersTooLarge
from imagefetch.meta import STREAM_TO
from tests.support.faults import GONE, chunk
from tests.support.handling import fetch, handler
from tests.support.raw_responses import CHUNKED, LAST, OK, PICTURE, Answer, Endless, sends
from tests.support.server import Server

HINT = b"HTTP/1.1 100\r\n\r\n"
LONG_HINT = b"HTTP/1.1 103 Early Hints\r\nLink: <" + b"x" * 8_000 + b">\r\n\r\n"
GONE_CHUNKED = GONE + CHUNKED[len(OK) :]

# Maximum bytes in the socket buffers of both sides.
BUFFERS = 16 * 2**20

# Timeouts that are never reached: the number of bytes ends the download.
PATIENT = {"DOWNLOAD_TIMEOUT": 600, "RESPONSE_TIMEOUT": 600, "MIN_SPEED": 0}

ENDLESS: dict[str, tuple[Endless, type[Failure]]] = {
    "1xx": (Endless(b"", [HINT * 2_000]), HeadersTooLarge),
    "long 1xx": (Endless(b"", [LONG_HINT * 8]), HeadersTooLarge),
    "headers": (Endless(OK, [b"X: y\r\n" * 1_000]), HeadersTooLarge),
    "chunk extension": (Endless(CHUNKED + b"1;", [b"x" * 65_536]), BadHTTP),
    "chunk extension after a body": (
        Endless(CHUNKED + chunk(PICTURE * 20) + b"1;", [b"x" * 65_536]),
        BadHTTP,
    ),
    "an extension for each byte": (Endless(CHUNKED, [chunk(b"x", b";" + b"y" * 2**16)]), BadHTTP),
    "short extensions": (
        Endless(CHUNKED + chunk(PICTURE * 5), [chunk(b"x", b";a=b") * 5_000]),
        BadHTTP,
    ),
    "leading zeros": (Endless(CHUNKED + b"0", [b"0" * 65_536]), BadHTTP),
    "trailers": (Endless(CHUNKED + b"0\r\n", [b"X: y\r\n" * 1_000]), HeadersTooLarge),
    "a trailer": (Endless(CHUNKED + b"0\r\nX: ", [b"y" * 65_536]), HeadersTooLarge),
}


@pytest.mark.parametrize("streamed", [True, False], ids=["file", "memory"])
@pytest.mark.parametrize("name", ENDLESS)
def test_framing_has_an_end(server: Server, tmp_path: Path, name: str, streamed: bool) -> None:
    """However a server extends a response without a body, the limit on bytes ends it."""
    answer, error = ENDLESS[name]
    server.raw["/raw/a"] = endless = Endless(answer.begin, answer.pieces)
    request = Request(server.url("/raw/a"), meta={STREAM_TO: tmp_path} if streamed else {})
    # Either libcurl's parser or the byte count is the first to reject a long trailer.
    with pytest.raises((error, BadHTTP) if "trailer" in name else error):
        fetch(request, **PATIENT)
    assert endless.sent < FRAMING_MAX + UNREAD + BUFFERS
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "pieces",
    [[b"1;" + b"x" * 65_536 + b"\r\ny\r\n"], [b"1;a=b\r\ny\r\n" * 5_000]],
    ids=["long extensions", "short extensions"],
)
def test_framing_of_what_is_not_wanted_has_an_end(
    server: Server, tmp_path: Path, pieces: list[bytes]
) -> None:
    """The same for an error page: its status is returned, and its connection closed."""
    server.raw["/raw/a"] = endless = Endless(GONE_CHUNKED, pieces)
    request = Request(server.url("/raw/a"), meta={STREAM_TO: tmp_path})
    assert fetch(request, **PATIENT).status == 404
    assert endless.sent < FRAMING_MAX + UNREAD + BUFFERS


@pytest.mark.parametrize(
    ("hints", "fails"), [(INTERIM_MAX - 1, False), (INTERIM_MAX + 1, True)], ids=["few", "many"]
)
def test_interim_responses_are_counted(server: Server, hints: int, fails: bool) -> None:
    """Their number is checked before parsing, since each costs more than its bytes."""
    server.raw["/raw/a"] = sends(HINT * hints + LAST)
    if fails:
        with pytest.raises(HeadersTooLarge):
            fetch(Request(server.url("/raw/a")))
    else:
        assert fetch(Request(server.url("/raw/a"))).body == PICTURE


SMALL = b"".join(chunk(PICTURE[at : at + 8]) for at in range(0, len(PICTURE), 8))
LARGE = PICTURE + bytes(3 * 2**20)


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (sends(LONG_HINT * 30 + CHUNKED + SMALL + b"0\r\n\r\n"), PICTURE),
        (sends(CHUNKED + chunk(PICTURE, b";" + b"x" * 300_000) + b"0\r\n\r\n"), PICTURE),
        (sends(CHUNKED + chunk(LARGE[:9]) + chunk(LARGE[9:]) + b"0\r\n\r\n"), LARGE),
        (sends(OK + b"Content-Length: %d\r\n\r\n" % len(LARGE) + LARGE), LARGE),
        (sends(OK + b"Connection: close\r\n\r\n" + LARGE), LARGE),
        (
            sends(
                CHUNKED
                + b"".join(chunk(LARGE[at : at + 64]) for at in range(0, len(LARGE), 64))
                + b"0\r\n\r\n"
            ),
            LARGE,
        ),
    ],
    ids=["hints", "extension", "chunks", "length", "till the end", "small chunks"],
)
def test_a_body_counts_for_its_framing(
    server: Server, tmp_path: Path, answer: Answer, body: bytes
) -> None:
    """Realistic responses of any size are far below the limit."""
    server.raw["/raw/a"] = answer
    response = fetch(Request(server.url("/raw/a"), meta={STREAM_TO: tmp_path}))
    assert isinstance(response, FileResponse)
    assert response.download.size == len(body)


def test_each_response_is_counted_anew(server: Server, tmp_path: Path) -> None:
    """A reused connection may carry any number of responses."""
    server.greet = None
    urls = [server.url(f"/size/400000/{n}") for n in range(12)]

    async def run() -> None:
        async with handler() as made:
            for url in urls:
                await made.download_request(Request(url, meta={STREAM_TO: tmp_path}))

    asyncio.run(run())
    assert server.connections == 1
    assert len(list(tmp_path.iterdir())) == len(urls)
