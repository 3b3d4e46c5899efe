"""What nobody thought of: answers, lines and their order drawn at random.

CONTRIBUTING.md says how to let them run for long.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import tempfile
import threading
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scrapy import Request

from imagefetch.download.handler import StreamingDownloadHandler
from imagefetch.download.response import FileResponse
from imagefetch.errors import Failure, InternalError
from imagefetch.meta import PROBLEM, STREAM_TO
from tests.conftest import Crawl, examples, run_crawl
from tests.support.answers import PICTURE, Answer, sends, then_reset, unasked
from tests.support.faults import chunk
from tests.support.handling import handler
from tests.support.server import PAGE, Server, serving

# --- Answers ----------------------------------------------------------------

STATUS_LINES = st.sampled_from([
    b"HTTP/1.1 200 OK", b"HTTP/1.0 200 OK", b"HTTP/1.1 206 X", b"HTTP/1.1 302 X", b"HTTP/1.1 404 X",
    b"HTTP/1.1 103 X\r\nX: y\r\n\r\nHTTP/1.1 200 OK", b"HTTP/1.1 200", b"HTTP/1.1  200 OK",
    b"HTTP/9.9 200 X",
    b"http/1.1 200 OK", b"ICY 200 OK", b"HTTP/1.1 000 X", b"HTTP/1.1 -12 X", b"HTTP/1.1 2000 X",
    b"\r\nHTTP/1.1 200 OK",
    b"GET / HTTP/1.1", b"HTTP/1.1 200 \xff\0", b"",
])  # fmt: skip
VALUES = st.sampled_from([
    b"0", b"5", b"-1", b"+5", b"0x10", b"5, 5", b"5 5", b"99999999999999999999",
    b"%d" % len(PICTURE), b"",
    b"chunked", b"chunked, chunked", b"gzip, chunked", b"identity", b"gzip", b"br", b"zstd",
    b"deflate", b"x" * 9_000,
    b"close", b"keep-alive", b"upgrade", b"/a", b"http://[::1", b"//127.0.0.9/", b"a\x0bb",
    b"\xff\xfe", b"a\r\n b", b"image/jpeg",
])  # fmt: skip
NAMES = st.sampled_from([
    b"Content-Length", b"Transfer-Encoding", b"Content-Encoding", b"Connection", b"Location",
    b"Content-Type", b"Upgrade",
    b"Trailer", b"Set-Cookie", b"Retry-After", b"content-length ", b" X", b"X y", b"", b":",
    b"\xc3\xa9",
])  # fmt: skip
LINE_ENDS = st.sampled_from([b"\r\n"] * 8 + [b"\n", b"\r", b"\r\n\r\n", b""])
BODIES = st.one_of(
    st.sampled_from([
        PICTURE, PICTURE[:99], PAGE, b"", gzip.compress(PICTURE), gzip.compress(PICTURE)[:-9],
        chunk(PICTURE) + b"0\r\n\r\n", chunk(PICTURE[:99]), chunk(PICTURE,
        b";a=b") + b"0\r\nX: y\r\n\r\n",
        chunk(gzip.compress(PICTURE)) + b"0\r\n\r\n", b"5\r\nhel", b"zz\r\n", b"-1\r\n",
        b"ffffffffffffffff\r\n",
        b"0\r\n\r\n" + PICTURE, bytes(70_000),
    ]),
    st.binary(max_size=200),
)  # fmt: skip


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    """Draw the bytes of an answer: nearly HTTP, and sometimes not even nearly."""
    parts = [draw(STATUS_LINES), draw(LINE_ENDS)]
    for name, value in draw(st.lists(st.tuples(NAMES, VALUES), max_size=5)):
        parts += [name, draw(st.sampled_from([b": ", b":", b" : ", b""])), value, draw(LINE_ENDS)]
    data = b"".join([*parts, draw(LINE_ENDS), draw(BODIES)])
    for _ in range(draw(st.integers(0, 3))):  # and what befalls bytes on their way
        at = draw(st.integers(0, len(data)))
        gone = draw(st.integers(0, 9))
        data = data[:at] + draw(st.binary(max_size=9)) + data[at + gone :]
    return data


@st.composite
def behaviours(draw: st.DrawFn) -> Answer:
    """Draw an answer, how it is cut into packets, and how its connection ends."""
    data = draw(answers())
    if draw(st.integers(0, 4)) == 0:
        return then_reset(data)
    at = draw(st.integers(0, len(data)))
    return sends(data[:at], data[at:], apart=0.001)


class Fetcher:
    """A download handler in an event loop of its own, for one request after the other."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.noise: list[dict[str, Any]] = []
        self.loop.set_exception_handler(lambda _, context: self.noise.append(context))
        self.folder = Path(tempfile.mkdtemp())
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result()

    async def fetch(self, made: StreamingDownloadHandler, url: str) -> FileResponse | Failure:
        request = Request(url, meta={STREAM_TO: self.folder}, dont_filter=True)
        try:
            # Far beyond every bound that the handler has: past it, the request hangs.
            response = await asyncio.wait_for(made.download_request(request), 60)
        except Failure as failure:
            return failure
        assert isinstance(response, FileResponse)
        response.request = request
        return response

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


@pytest.fixture(scope="module")
def fetcher() -> Iterator[Fetcher]:
    made = Fetcher()
    yield made
    made.close()


@pytest.fixture(scope="module")
def hostile() -> Iterator[Server]:
    with serving(["127.0.0.1"]) as running:
        yield running


BOUNDS: dict[str, Any] = {
    "RESPONSE_TIMEOUT": 2,
    "DOWNLOAD_TIMEOUT": 4,
    "DOWNLOAD_MAXSIZE": 60_000,
    "RATE_LIMIT_PATIENCE": 1,
}


@pytest.fixture(scope="module")
def made(fetcher: Fetcher) -> Iterator[StreamingDownloadHandler]:
    context = handler(**BOUNDS)
    yield fetcher.run(context.__aenter__())
    fetcher.run(context.__aexit__(None, None, None))


@examples(400)
@given(answer=behaviours())
def test_any_answer_ends_as_a_response_or_a_failure(
    fetcher: Fetcher, made: StreamingDownloadHandler, hostile: Server, answer: Answer
) -> None:
    """None of the handler's own errors, no hang, no noise; a file is whole, or there is none."""
    hostile.raw["/raw/a"] = answer
    found = fetcher.run(fetcher.fetch(made, hostile.url("/raw/a")))
    assert not isinstance(found, InternalError)
    path = None if isinstance(found, Failure) else found.download.path
    assert list(fetcher.folder.iterdir()) == ([] if path is None else [path])
    if path is not None:
        data = path.read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (
            found.download.size,
            found.download.sha256,
        )
        assert PROBLEM not in found.request.meta
        path.unlink()
    assert fetcher.noise == []


# --- Lines and rows -----------------------------------------------------------

URL_PARTS = st.sampled_from([
    "http://", "https://", "HTTP:", "//", "/", "?", "#", "@", ":", "[", "]", "::1", "[::1]", "%",
    "%00", "%41", "\\", "..", " ",
    "\t", "a.example", "127.0.0.1", "0x7f.1", "8.8.8.8", "2130706433", "xn--", "xn--a", "\u00fc",
    "\u540d", "\u3002", "\ufffd",
    "\u202e", "\x1b[2J", "\x85", "\0", "'", '"', ",", "=", "+", "80", "65536", "file:", "data:",
    "user:pw@", "x" * 70, "\U0001f600",
])  # fmt: skip
LINES = st.lists(URL_PARTS | st.text(max_size=5), min_size=1, max_size=9).map("".join)


def lines_of(done: Crawl) -> set[int]:
    """Return the lines that the list has, as its reader is meant to see them."""
    text = (done.folder / "urls.txt").read_text(encoding="utf-8")
    lines = enumerate(text.split("\n"), 1)
    return {number for number, line in lines if line.strip() and not line.strip().startswith("#")}


@examples(2)
@given(drawn=st.lists(LINES, min_size=150, max_size=150))
def test_any_line_has_one_row(drawn: list[str]) -> None:
    """Whatever stands in a list: a row each, no traceback. A proxy on loopback is asked."""
    with serving(["127.0.0.1"]) as proxy, tempfile.TemporaryDirectory() as folder:
        answer = sends(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + PICTURE)
        proxy.greet = unasked(answer)
        text = "\n".join(line.replace("\r", "").replace("\n", "") for line in drawn)
        Path(folder, "urls.txt").write_text(f"http://a.example/\n{text}", "utf-8", "surrogatepass")
        env = {name: proxy.url("") for name in ("http_proxy", "https_proxy")}
        done = run_crawl(Path(folder), env=env, RETRY_TIMES=0, **BOUNDS)
        assert done.status == 0, done.log
        assert "Traceback" not in done.log, done.log
        assert done.by_line.keys() == lines_of(done)
        done.check(len(done.by_line))


@examples(2)
@given(drawn=st.lists(behaviours(), min_size=100, max_size=100))
def test_any_list_of_answers_has_one_row_each(drawn: list[Answer]) -> None:
    """The whole path, many at once: rows equal lines, files equal rows, no traceback."""
    with serving(["127.0.0.1"]) as server, tempfile.TemporaryDirectory() as folder:
        server.raw = {f"/raw/{number}": answer for number, answer in enumerate(drawn)}
        Path(folder, "urls.txt").write_text("\n".join(server.url(path) for path in server.raw))
        done = run_crawl(Path(folder), RETRY_TIMES=1, RETRY_AFTER_MAX=1, **BOUNDS)
        assert done.status == 0, done.log
        assert "Traceback" not in done.log, done.log
        done.check(len(drawn))
        assert not [row for row in done.rows if row["Reason"] == "internal-error"]
