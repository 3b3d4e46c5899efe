"""Tests of imagefetch.download.curl.transfer_error: what is kept of malformed responses.

Each server leaves its connection open, so that the response has to tell its end.
"""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import pytest
from scrapy import Request

from imagefetch.download.response import FileResponse
from imagefetch.errors import (
    BadEncoding,
    BadHTTP,
    ConnectionReset,
    Failure,
    HeadersTooLarge,
    IncompleteBody,
)
from imagefetch.meta import STREAM_TO
from tests.conftest import RunCrawl
from tests.support.answers import CHUNKED, LENGTH, OK, PICTURE, outcomes, sends, then_silent
from tests.support.faults import chunk
from tests.support.handling import fetch
from tests.support.server import Server

LAST = b"0\r\n\r\n"
CHUNKS = chunk(PICTURE[:99]) + chunk(PICTURE[99:]) + LAST
CHUNKED_HEADER = CHUNKED[len(OK) : -2]
SIZE = len(PICTURE)


def with_headers(*lines: bytes, end: bytes = b"\r\n") -> bytes:
    """Return a picture whose response has the header *lines* beside its length."""
    return OK + b"".join(line + end for line in lines) + LENGTH + b"\r\n" + PICTURE


def of_length(value: bytes, name: bytes = b"Content-Length:") -> bytes:
    return OK + name + b" " + value + b"\r\n\r\n" + PICTURE


def chunks(data: bytes, *lines: bytes) -> bytes:
    return OK + b"".join(line + b"\r\n" for line in lines) + CHUNKED_HEADER + b"\r\n" + data


def encoded(data: bytes, *values: bytes) -> bytes:
    lines = b"".join(b"Content-Encoding: " + value + b"\r\n" for value in values)
    return OK + lines + b"Content-Length: %d\r\n\r\n" % len(data) + data


ZIPPED = gzip.compress(PICTURE)

KEPT = {
    "header of 9 KB": with_headers(b"Link: " + b"x" * 9_000),
    "header of 60 KB": with_headers(b"Link: " + b"x" * 60_000),
    "300 headers": with_headers(*(b"X-%d: y" % n for n in range(300))),
    "200 KB of headers": with_headers(*(b"X-%d: " % n + b"y" * 50_000 for n in range(4))),
    "length twice": with_headers(LENGTH.rstrip()),
    "length listed": of_length(b"%d, %d" % (SIZE, SIZE)),
    "length listed thrice": of_length(b"%d,%d , %d" % (SIZE, SIZE, SIZE)),
    "length with zeros": of_length(b"000%d" % SIZE),
    "length with tabs": of_length(b"\t%d\t" % SIZE),
    "length with a blank before its colon": of_length(b"%d" % SIZE, b"Content-Length :"),
    "chunks beside a length": chunks(CHUNKS, b"Content-Length: 5"),
    "chunks beside a negative length": chunks(CHUNKS, b"X: y"),
    "chunks of line feeds": chunks(CHUNKS[:-5].replace(b"63\r\n", b"63\n") + b"0\n\n"),
    "chunk with a blank": chunks(b"%x  \r\n" % SIZE + PICTURE + b"\r\n" + LAST),
    "chunk with a blank and words": chunks(b"%x ;a=b\r\n" % SIZE + PICTURE + b"\r\n" + LAST),
    "chunked twice": chunks(CHUNKS, CHUNKED_HEADER.rstrip()),
    "last chunk of zeros": chunks(CHUNKS[:-5] + b"000\r\n\r\n"),
    "trailers": chunks(CHUNKS[:-2] + b"X: y\r\nZ: z\r\n\r\n"),
    "bytes after the last chunk": chunks(CHUNKS + b"<!-- -->"),
    "identity": with_headers(b"Transfer-Encoding: identity"),
    "empty transfer encoding": with_headers(b"Transfer-Encoding:"),
    "blank before a colon": with_headers(b"X-Powered-By : x"),
    "blank in a name": with_headers(b"Content Type: image/png"),
    "no name": with_headers(b": x"),
    "only a colon": with_headers(b":"),
    "odd characters in a name": with_headers(b"X(\xe9)/[]: y"),
    "folded": with_headers(b"X: a\r\n  b\r\n\tc"),
    "two carriage returns": with_headers(b"Pragma: no-cache\r"),
    "carriage returns everywhere": with_headers(b"A: b", b"C: d", end=b"\r\r\n"),
    "carriage return in a value": with_headers(b"X: a\rb"),
    "line feeds alone": with_headers(b"X: y").replace(b"\r\n", b"\n", 3),
    "empty line first": b"\r\n" + with_headers(),
    "two empty lines first": b"\r\n\r\n" + with_headers(),
    "bytes after the body": with_headers() + b"<!-- 12 ms -->",
    "a chunk's end after the body": with_headers() + LAST,
    "NUL after the body": with_headers() + b"\0",
    "a response after the body": with_headers() + with_headers(),
    "lower case": with_headers().replace(b"HTTP", b"http"),
    "no reason": with_headers().replace(b"200 OK", b"200"),
    "hints first": b"HTTP/1.1 103 X\r\nLink: x\r\n\r\n" * 9 + with_headers(),
    "length with a plus": of_length(b"+%d" % SIZE),
    "gzip twice": encoded(gzip.compress(ZIPPED), b"gzip, gzip"),
    "gzip in deflate": encoded(zlib.compress(ZIPPED), b"gzip", b"deflate"),
    "identity and gzip": encoded(ZIPPED, b"identity, gzip"),
    "gzip in a second header": encoded(ZIPPED, b"identity", b"gzip"),
    "gzip and a charset": encoded(ZIPPED, b"utf-8, gzip"),
    "no encoding": encoded(PICTURE, b"none"),
    "a charset": encoded(PICTURE, b"UTF-8"),
    "206 of everything": b"HTTP/1.1 206 X\r\nContent-Range: bytes 0-%d/%d\r\n" % (SIZE - 1, SIZE)
    + with_headers()[len(OK) :],
}

TWICE = {
    "two carriage returns",
    "carriage returns everywhere",
    "carriage return in a value",
    "empty line first",
    "length with a plus",
    "two empty lines first",
}
"""Which of them libcurl refuses, so that they are requested once more."""


@pytest.mark.parametrize("name", KEPT)
def test_what_others_take_is_kept(server: Server, tmp_path: Path, name: str) -> None:
    """What curl, wget and browsers take for a whole image is one."""
    server.raw["/raw/a"] = then_silent(KEPT[name])
    request = Request(server.url("/raw/a"), meta={STREAM_TO: tmp_path})
    response = fetch(request, RESPONSE_TIMEOUT=20)
    assert isinstance(response, FileResponse)
    assert response.download.path is not None
    assert response.download.path.read_bytes() == PICTURE
    assert request.meta.get("retry_times", 0) == (name in TWICE)


def test_responses_refused_by_libcurl_of_a_host_that_sends_bytes_unasked(
    crawl: RunCrawl, server: Server
) -> None:
    """None of the host's connections is used twice; the second request still gets its response."""
    server.raw["/raw/excess"] = then_silent(with_headers() + b"excess")
    server.raw["/raw/cr"] = then_silent(KEPT["two carriage returns"])
    lines = [server.url("/raw/excess"), server.url("/raw/cr")]
    done = crawl(lines, CONCURRENT_REQUESTS=1, RETRY_TIMES=1, RESPONSE_TIMEOUT=20)
    assert outcomes(done) == [("200", "", 1), ("200", "", 2)]


REFUSED: dict[str, tuple[bytes, type[Failure]]] = {
    "NUL in a header": (with_headers(b"X: a\0b"), BadHTTP),
    "NUL beside carriage returns": (with_headers(b"A: b\r", b"X: a\0b"), BadHTTP),
    "no colon": (with_headers(b"what is this"), BadHTTP),
    "no colon beside carriage returns": (with_headers(b"A: b\r", b"what is this"), BadHTTP),
    "two lengths": (with_headers(b"Content-Length: 5"), BadHTTP),
    "two lengths listed": (of_length(b"%d, 5" % SIZE), BadHTTP),
    "two lengths, one padded": (
        with_headers(b"Content-Length : 5").replace(b"HTTP", b"HTTP"),
        BadHTTP,
    ),
    "negative length": (of_length(b"-5"), BadHTTP),
    "length with two plus signs": (of_length(b"++%d" % SIZE), BadHTTP),
    "length with a plus, too long": (of_length(b"+%d" % 2**63), BadHTTP),
    "hexadecimal length": (of_length(b"0x5"), BadHTTP),
    "length of letters": (of_length(b"many"), BadHTTP),
    "length of 80 bits": (of_length(b"%d" % 2**80), BadHTTP),
    "length of 64 bits": (of_length(b"%d" % 2**63), BadHTTP),
    "negative chunk": (chunks(b"-5\r\nhello\r\n" + LAST), BadHTTP),
    "chunk of letters": (chunks(b"zz\r\n"), BadHTTP),
    "chunk of 72 bits": (chunks(b"f" * 18 + b"\r\n"), BadHTTP),
    "chunk too long": (chunks(b"4\r\n" + PICTURE + b"\r\n" + LAST), BadHTTP),
    "chunked, said with a blank": (
        OK + b"Transfer-Encoding : chunked\r\n\r\n" + CHUNKS,
        BadHTTP,
    ),
    "unknown transfer encoding": (with_headers(b"Transfer-Encoding: foo"), BadHTTP),
    "HTTP/0.9": (PICTURE, BadHTTP),
    "HTTP/2": (with_headers().replace(b"HTTP/1.1", b"HTTP/2"), BadHTTP),
    "status of two digits": (b"HTTP/1.1 20 X\r\n\r\n", BadHTTP),
    "header of 70 KB": (with_headers(b"X: " + b"x" * 70_000), HeadersTooLarge),
    "350 KB of headers": (with_headers(*[b"X: " + b"x" * 50_000] * 7), HeadersTooLarge),
    "6,000 headers": (with_headers(*[b"X: y"] * 6_000), HeadersTooLarge),
    "gzip, three times in one more": (encoded(ZIPPED, b"gzip, gzip, gzip, gzip"), BadEncoding),
}


@pytest.mark.parametrize("streamed", [True, False], ids=["file", "memory"])
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(server: Server, tmp_path: Path, name: str, streamed: bool) -> None:
    """What nobody takes, or what may hide a second response, is refused at once."""
    answer, error = REFUSED[name]
    server.raw["/raw/a"] = then_silent(answer)
    request = Request(server.url("/raw/a"), meta={STREAM_TO: tmp_path} if streamed else {})
    with pytest.raises(error):
        fetch(request, RESPONSE_TIMEOUT=20)
    assert list(tmp_path.iterdir()) == []


CUT: dict[str, tuple[bytes, type[Failure]]] = {
    "by length": (OK + b"Content-Length: 9999\r\n\r\n" + PICTURE, IncompleteBody),
    "by a padded length": (OK + b"Content-Length : 9999\r\n\r\n" + PICTURE, IncompleteBody),
    "by length beside carriage returns": (
        OK + b"A: b\r\r\nContent-Length: 9999\r\n\r\n" + PICTURE,
        IncompleteBody,
    ),
    "chunks beside carriage returns": (
        chunks(chunk(PICTURE), b"A: b\r"),
        IncompleteBody,
    ),
    "without the last chunk": (chunks(chunk(PICTURE)), IncompleteBody),
    "after the last chunk's size": (chunks(chunk(PICTURE) + b"0\r\n"), IncompleteBody),
    "in the headers": (OK + b"X: y\r\n", ConnectionReset),
    "after the status line": (OK, ConnectionReset),
    "in the status line": (OK[:9], ConnectionReset),
    "after a hint": (b"HTTP/1.1 103 X\r\n\r\n", ConnectionReset),
    "at once": (b"", ConnectionReset),
}


@pytest.mark.parametrize("name", CUT)
def test_what_is_cut(server: Server, tmp_path: Path, name: str) -> None:
    """A response that ends with its connection, before its end, is never whole."""
    answer, error = CUT[name]
    server.raw["/raw/a"] = sends(answer)
    with pytest.raises(error):
        fetch(Request(server.url("/raw/a"), meta={STREAM_TO: tmp_path}))
    assert list(tmp_path.iterdir()) == []


PLACE = b"Location: /image/b\r\n"

STANDS = {
    "404, bad chunk": (404, b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
    "404, two lengths": (404, b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n"),
    "404, negative length": (404, b"Content-Length: -1\r\n\r\n"),
    "404, unknown transfer encoding": (404, b"Transfer-Encoding: foo\r\n\r\n"),
    "404, carriage return": (404, b"X: a\r\r\n\r\n"),
    "404, longer than is allowed": (404, b"Content-Length: 999999999999\r\n\r\nx"),
    "404, longer than it says": (404, b"Content-Length: 4\r\n\r\ngone, and more"),
    "404, chunked with a blank": (404, b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"),
    "302, unannounced body": (302, PLACE + b"Content-Length: 0\r\n\r\n<html>moved</html>"),
    "302, bad chunk": (302, PLACE + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
    "302, two lengths": (302, PLACE + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n"),
    "302, encoded badly": (302, PLACE + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nno"),
    "204, body": (204, b"Content-Length: 4\r\n\r\ngone"),
    "204, chunks": (204, b"Transfer-Encoding: chunked\r\n\r\n4\r\ngone\r\n0\r\n\r\n"),
    "304, body": (304, b"Content-Length: 4\r\n\r\ngone"),
    "503, cut": (503, b"Content-Length: 400\r\n\r\nbusy"),
    "101": (101, b"Upgrade: x\r\n\r\n"),
    "206, a part": (206, b"Content-Range: bytes 0-3/99\r\nContent-Length: 4\r\n\r\n" + PICTURE[:4]),
    "206, of an odd size": (206, b"Content-Range: bytes 0-3/\xb2\r\nContent-Length: 4\r\n\r\ngone"),
    "206, of unknown size": (206, b"Content-Range: bytes 0-3/*\r\nContent-Length: 4\r\n\r\ngone"),
}


@pytest.mark.parametrize("ends", [True, False], ids=["closed", "open"])
@pytest.mark.parametrize("name", STANDS)
def test_a_status_that_was_read_stands(
    server: Server, tmp_path: Path, name: str, ends: bool
) -> None:
    """Where the status says it all, no fault of the body counts, and a redirect is followed."""
    status, rest = STANDS[name]
    answer = b"HTTP/1.1 %d X\r\n" % status + rest
    server.raw["/raw/a"] = sends(answer) if ends else then_silent(answer)
    response = fetch(Request(server.url("/raw/a"), meta={STREAM_TO: tmp_path}))
    assert response.status == status
    assert response.headers.get("Location") == (b"/image/b" if status == 302 else None)
    assert list(tmp_path.iterdir()) == []
