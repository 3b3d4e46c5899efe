"""Tests of imagefetch.download.bodies.encoded_body: limits on memory and CPU time of decoding."""

from __future__ import annotations

import asyncio
import gzip
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scrapy import Request
from scrapy.http import Response

from imagefetch.download.bodies import content_encoding, decoders, encoded_body
from imagefetch.download.bodies.content_encoding import SLICE, decoder
from imagefetch.download.bodies.decoders import PIECE
from imagefetch.download.response import FileResponse
from imagefetch.errors import BadEncoding, Failure, IncompleteBody, NotAnImage, TooLarge
from imagefetch.meta import PROBLEM, STREAM_TO
from tests.conftest import ROOT, environment, examples
from tests.download.bodies.test_decoders import encoded as in_encoding
from tests.support import packing
from tests.support.answers import OK, PICTURE, sends
from tests.support.handling import fetch, handler
from tests.support.server import ENCODERS, PAGE, Server

MIB = 2**20


def serve(server: Server, path: str, coding: str, data: bytes) -> str:
    """Let *server* serve *data*, encoded with *coding*, at *path*; return the URL."""
    head = b"Content-Encoding: %b\r\nContent-Length: %d\r\n\r\n" % (coding.encode(), len(data))
    server.raw[path] = sends(OK + head + data)
    return server.url(path)


@dataclass
class Took:
    """The cost of fetching, in a subprocess."""

    outcomes: dict[str, int]
    memory: int
    """Peak memory in MiB."""
    cpu: float
    loop_cpu: float


def took(urls: list[str], **settings: Any) -> Took:
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.peak", json.dumps(settings), *urls],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return Took(*json.loads(done.stdout))


on_linux = pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")

# Bodies fetched at once, and the maximum MiB that they take in total beyond as many small ones.
MANY = 32
MEMORY = 120


@on_linux
@pytest.mark.parametrize(
    ("coding", "data", "outcome"),
    [
        ("zstd", packing.picture_in_zstd(27, 64 * MIB), "BadEncoding"),
        ("zstd", packing.picture_in_zstd(24, 17 * MIB), "BadEncoding"),
        ("zstd", packing.picture_in_zstd(23, 9 * MIB), "NoneType"),
        ("br", packing.wide_brotli(17 * MIB), "NoneType"),
        ("br", packing.large_window_brotli(), "BadEncoding"),
        ("gzip", packing.picture_in_gzip(9 * MIB), "NoneType"),
    ],
    ids=["zstd 128", "zstd 16", "zstd 8", "br 16", "br 1024", "gzip"],
)
def test_windows_do_not_add_up(server: Server, coding: str, data: bytes, outcome: str) -> None:
    """However many bodies arrive at once, two decoders are in memory."""
    urls = [serve(server, f"/raw/{n}", coding, data) for n in range(MANY)]
    usual = [serve(server, f"/raw/small/{n}", "gzip", gzip.compress(PAGE)) for n in range(MANY)]
    found = took(urls)
    assert found.outcomes == {outcome: MANY}
    assert found.memory - took(usual).memory < MEMORY


@on_linux
def test_slow_bodies_hold_no_decoder(server: Server) -> None:
    """Bodies are decoded only when complete, so slow ones hold no decoder window."""
    data = packing.picture_in_zstd(23, 9 * MIB)
    cut = len(data) - 9
    head = b"Content-Encoding: zstd\r\nContent-Length: %d\r\n\r\n" % len(data)
    urls = []
    for n in range(MANY):
        server.raw[f"/raw/{n}"] = sends(OK + head + data[:cut], data[cut:], apart=1.5)
        urls.append(server.url(f"/raw/{n}"))
    found = took(urls)
    assert found.outcomes == {"NoneType": MANY}
    assert found.memory < 100 + MEMORY


@on_linux
def test_decoding_leaves_the_event_loop_alone(server: Server) -> None:
    """Most of the CPU time of decoding is spent outside of the event loop's thread."""
    found = took([serve(server, "/raw/a", "gzip", packing.picture_in_gzip(100 * MIB))])
    assert found.outcomes == {"NoneType": 1}
    assert found.cpu > 0.1
    assert found.loop_cpu < found.cpu / 2


COSTLY: dict[str, tuple[str, Callable[[int], bytes]]] = {
    "empty frames of zstd": ("zstd", lambda size: packing.EMPTY_ZSTD * (size // 9)),
    "frames of zstd skipped": ("zstd", lambda size: packing.SKIPPED_ZSTD * (size // 8)),
    "small frames of zstd": ("zstd", lambda size: packing.zstd_frame(10, 30) * (size // 10)),
    "empty members of gzip": ("gzip", lambda size: packing.EMPTY_GZIP * (size // 20)),
    "small members of gzip": ("gzip", lambda size: gzip.compress(bytes(30)) * (size // 23)),
    "name in gzip": ("gzip", packing.gzip_of_long_name),
    "empty blocks of deflate": ("deflate", lambda size: packing.deflated(packing.STORED, size)),
    "metadata of br": ("br", packing.padded_brotli),
}


class Counted:
    """A decoder that counts its steps."""

    def __init__(self, coding: str) -> None:
        made = decoder(coding)
        assert made is not None
        self.made = made
        self.steps = 0
        self.largest = 0

    def feed(self, data: bytes) -> Any:
        for piece in self.made.feed(data):
            self.steps += 1
            self.largest = max(self.largest, len(piece))
            yield piece

    def finish(self) -> None:
        self.made.finish()


@pytest.mark.parametrize("name", COSTLY)
def test_work_is_bounded_by_what_comes_of_it(name: str) -> None:
    """A body that needs much more work than its decoded size justifies is rejected."""
    coding, pack = COSTLY[name]
    made = Counted(coding)
    with pytest.raises(BadEncoding):
        for _ in content_encoding.decode(made, [pack(4 * MIB)]):
            pass
    assert made.steps < 2 * decoders.PARTS


@pytest.mark.parametrize("name", COSTLY)
def test_work_is_bounded_in_a_download(server: Server, name: str, tmp_path: Path) -> None:
    """The same in a download, into memory and into a file (where the first bytes may be rejected
    earlier)."""
    coding, pack = COSTLY[name]
    url = serve(server, "/raw/a", coding, pack(MIB))
    with pytest.raises(BadEncoding):
        fetch(Request(url))
    assert outcome(server, pack(MIB), coding, tmp_path) in {BadEncoding, NotAnImage}
    assert list(tmp_path.iterdir()) == []


def test_members_as_encoders_write_them_are_no_fault() -> None:
    """bgzip and pzstd write blocks of 64 KiB and more: any number of them is accepted."""
    for coding, part in (
        ("gzip", gzip.compress(bytes(65_000))),
        ("zstd", packing.zstd_frame(17, 65_000)),
    ):
        made = decoder(coding)
        assert made is not None
        assert sum(map(len, content_encoding.decode(made, [part] * 2_000))) == 2_000 * 65_000


def test_small_bodies_of_many_members_are_no_fault() -> None:
    """Some servers send each line of a small body as a separate member."""
    made = decoder("gzip")
    assert made is not None
    assert len(b"".join(content_encoding.decode(made, [gzip.compress(b"line\n")] * 900))) == 4_500


def test_time_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decoding ends after `SECONDS` of CPU time."""
    monkeypatch.setattr(content_encoding, "SECONDS", -1.0)
    made = decoder("gzip")
    assert made is not None
    with pytest.raises(BadEncoding):
        b"".join(content_encoding.decode(made, [gzip.compress(PICTURE)]))


@given(
    st.sampled_from(["gzip", "deflate", "br", "zstd"]),
    st.lists(
        st.sampled_from([pack(3_000) for _, pack in COSTLY.values()])
        | st.sampled_from([in_encoding(name, bytes(9_000)) for name in ENCODERS])
        | st.binary(max_size=99),
        max_size=9,
    ),
    st.lists(st.tuples(st.integers(0, 30_000), st.integers(0, 255)), max_size=4),
)
@examples(300)
def test_any_bytes_end_in_an_outcome(
    coding: str, parts: list[bytes], changes: list[tuple[int, int]]
) -> None:
    """Any bytes, in each encoding, are decoded in pieces of limited size and a limited number
    of steps, and end regularly or with a `Failure`."""
    data = bytearray(b"".join(parts))
    for at, value in changes:
        if at < len(data):
            data[at] = value
    made = Counted(coding)
    size = 0
    try:
        for piece in content_encoding.decode(made, [bytes(data)], 64 * MIB):
            size += len(piece)
    except (BadEncoding, IncompleteBody, TooLarge):
        pass
    assert size <= 64 * MIB
    assert made.largest <= 2 * PIECE
    slices = len(data) // SLICE + 1
    assert made.steps <= decoders.PARTS + size // decoders.PART + 2 * (size // PIECE + slices) + 2


def outcome(server: Server, data: bytes, coding: str, folder: Path, **settings: Any) -> object:
    request = Request(serve(server, "/raw/a", coding, data), meta={STREAM_TO: folder})
    try:
        response = fetch(request, **settings)
    except Failure as failure:
        return type(failure)
    assert isinstance(response, FileResponse)
    return type(request.meta[PROBLEM]) if PROBLEM in request.meta else response.download.size


@pytest.mark.parametrize("size", [20_000, 600_000, 3_000_000], ids=["small", "portion", "large"])
@pytest.mark.parametrize("coding", ENCODERS)
def test_bodies_of_any_size(server: Server, tmp_path: Path, coding: str, size: int) -> None:
    """The same image is stored, whether its encoded body was in memory or in a file."""
    noise = bytes(i * i % 251 for i in range(size // 1_000)) * 1_000
    picture = PICTURE + noise
    data = ENCODERS[coding](picture)
    assert outcome(server, data, coding, tmp_path) == len(picture)
    (path,) = tmp_path.iterdir()
    assert path.read_bytes() == picture
    path.unlink()
    assert outcome(server, data[:-9], coding, tmp_path) is IncompleteBody
    assert outcome(server, data, coding, tmp_path, DOWNLOAD_MAXSIZE=len(picture) - 1) is TooLarge
    assert list(tmp_path.iterdir()) == []


def test_no_image_is_told_by_its_first_bytes(server: Server, tmp_path: Path) -> None:
    """An encoded HTML page is rejected by its first bytes, before the rest arrives."""
    page = ENCODERS["gzip"](b"".join(b"<p>%d</p>" % n for n in range(1_000_000)))
    head = b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(page)
    server.raw["/raw/a"] = sends(OK + head + page[:50_000], page[50_000:], apart=60)
    request = Request(server.url("/raw/a"), meta={STREAM_TO: tmp_path})
    fetch(request, RESPONSE_TIMEOUT=20)
    assert isinstance(request.meta[PROBLEM], NotAnImage)


def test_nobody_waits_for_a_body_that_is_not_wanted_any_more(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A download that is cancelled during decoding ends at once and leaves no file."""
    steps = 0

    def endless(*_: object) -> Any:
        nonlocal steps
        stopped = _[3]
        while not stopped():  # type: ignore[operator]
            steps += 1
            yield bytes(1_000)

    monkeypatch.setattr(encoded_body, "decode", endless)
    url = serve(server, "/raw/a", "gzip", gzip.compress(PICTURE))

    async def run() -> Response:
        async with handler(DOWNLOAD_MAXSIZE=0) as made:
            monkeypatch.setattr(encoded_body, "format_of", lambda _: None)
            return await asyncio.wait_for(
                made.download_request(Request(url, meta={STREAM_TO: tmp_path})), 1
            )

    begin = time.process_time()
    with pytest.raises(TimeoutError):
        asyncio.run(run())
    assert steps
    assert time.process_time() - begin < 60
    assert list(tmp_path.iterdir()) == []
