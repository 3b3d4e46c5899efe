"""Interrupted bodies are continued: whole crawls against servers whose connections break."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from scrapy import Request

from imagefetch.download.bodies import interrupted
from imagefetch.download.response import FileResponse
from imagefetch.errors import IncompleteBody
from imagefetch.meta import CONTINUED, KEY, STREAM_TO
from tests.conftest import HOSTS, ROOT, Crawl, RunCrawl, command, environment
from tests.support.breaking import (
    MIB,
    RANGES,
    TAG,
    BreakingFile,
    CuttingRelay,
    Reply,
    large,
)
from tests.support.handling import handler
from tests.support.nginx import nginx
from tests.support.raw_responses import outcomes
from tests.support.server import Server, Writer, serving
from tests.support.until import until

SIZE = 5_000_000
EACH = 1_500_000
STARTS = [0, 1_500_000, 3_000_000, 4_500_000]

OLD = f"Last-Modified: {formatdate(1_000_000_000, usegmt=True)}"

CUT = ("FAILED IncompleteBody", "incomplete-body")


def stored(done: Crawl, line: int) -> bytes:
    return (done.images / done.by_line[line]["File"]).read_bytes()


KINDS: dict[str, dict[str, Any]] = {
    "entity tag": {},
    "date": {"fields": (OLD, RANGES)},
    "date, and that of the response": {
        "fields": (OLD, RANGES, f"Date: {formatdate(1_000_000_060, usegmt=True)}")
    },
    "entity tag and date": {"fields": (TAG, OLD, RANGES)},
    "of unknown length": {"chunked": True},
}


def test_only_the_rest_is_asked_for(crawl: RunCrawl, server: Server) -> None:
    """A server that breaks each connection sends each byte once; row, file and hash are of the
    whole, and the last status is that of the rest."""
    files = [
        BreakingFile(server, f"/raw/{n}", large(SIZE, n), EACH, **kind)
        for n, kind in enumerate(KINDS.values())
    ]
    done = crawl([file.url for file in files], RETRY_TIMES=3)
    assert outcomes(done) == [("206", "", 4)] * len(files)
    for line, (name, file) in enumerate(zip(KINDS, files, strict=True), 1):
        assert (name, file.sent, file.starts) == (name, SIZE, STARTS)
        assert stored(done, line) == file.body
        validator = OLD.partition(": ")[2] if name.startswith("date") else '"1"'
        assert [told for _, told in file.asked] == ["", *[validator] * 3]
    assert server.headers[files[0].path]["accept-encoding"] == "identity"


NOT_CONTINUED: dict[str, dict[str, Any]] = {
    "weak entity tag": {"fields": ('ETag: W/"1"', RANGES, OLD)},
    "new date": {"fields": (f"Last-Modified: {formatdate(4_000_000_000, usegmt=True)}", RANGES)},
    "no validator": {"fields": (RANGES,)},
    "no ranges": {"fields": (TAG,)},
    "none": {"fields": (TAG, "Accept-Ranges: none")},
    "encoded": {"fields": (TAG, RANGES, "Content-Encoding: utf-8")},
    "less than a mebibyte": {"each": MIB - 1},
}


def test_what_is_asked_for_from_its_start(crawl: RunCrawl, server: Server) -> None:
    """Where a server does not promise that its ranges fit, or few bytes came, the whole is."""
    files = []
    for n, kind in enumerate(NOT_CONTINUED.values()):
        options: dict[str, Any] = {"each": EACH, "breaks": 1, **kind}
        files.append(BreakingFile(server, f"/raw/{n}", large(2_000_000, n), **options))
    done = crawl([file.url for file in files], RETRY_TIMES=1)
    assert outcomes(done) == [("200", "", 2)] * len(files)
    for line, (name, file) in enumerate(zip(NOT_CONTINUED, files, strict=True), 1):
        assert (name, file.starts) == (name, [0, 0])
        assert stored(done, line) == file.body


def content_range(text: str) -> Callable[[BreakingFile, int], Reply]:
    return lambda file, start: file.part(start, text)


def other_part(moved: int) -> Callable[[BreakingFile, int], Reply]:
    return lambda file, start: file.part(start + moved)


def rest_with(*fields: str) -> Callable[[BreakingFile, int], Reply]:
    return lambda file, start: file.part(start, "", *fields)


def status(line: str) -> Callable[[BreakingFile, int], Reply]:
    return lambda *_: (line, [], b"no")


LIARS = {
    "a later part": other_part(1),
    "an earlier part": other_part(-1),
    "another length": content_range("bytes 1500000-2000000/2000001"),
    "beyond the end": content_range("bytes 1500000-2000000/2000000"),
    "backwards": content_range("bytes 1500000-1499999/2000000"),
    "of unknown length": content_range("bytes 1500000-1999999/*"),
    "without a range": lambda file, start: ("206 X", [], file.body[start:]),
    "the start, called a part": lambda file, _: ("206 X", [], file.body),
    "several parts": lambda file, start: (
        "206 X",
        ["Content-Type: multipart/byteranges; boundary=x"],
        b"--x\r\nContent-Range: bytes 1500000-1999999/2000000\r\n\r\n" + file.body[start:],
    ),
    "of another file": rest_with('ETag: "2"'),
    "of a similar file": rest_with('ETag: W/"1"'),
    "encoded": rest_with("Content-Encoding: gzip"),
    "not satisfiable": lambda file, _: (
        "416 X",
        [f"Content-Range: bytes */{len(file.body)}"],
        b"",
    ),
    "bad request": status("400 X"),
}


def test_ranges_that_do_not_fit(crawl: RunCrawl, server: Server) -> None:
    """None of their bytes is taken. The whole is asked for, which costs the line no try, and no
    range again."""
    files = [
        BreakingFile(server, f"/raw/{n}", large(2_000_000, n), EACH, rest=rest, breaks=3)
        for n, rest in enumerate(LIARS.values())
    ]
    done = crawl([file.url for file in files], RETRY_TIMES=2)
    for line, (kind, file) in enumerate(zip(LIARS, files, strict=True), 1):
        assert (kind, file.starts) == (kind, [0, EACH, 0, 0])
        assert stored(done, line) == file.body
    assert outcomes(done) == [("200", "", 4)] * len(files)


def test_a_whole_response_starts_over(crawl: RunCrawl, server: Server) -> None:
    """A 200, and a 206 of everything, replace what came before; and are continued in turn. So a
    file that has changed is never joined with what it was."""

    def changed(file: BreakingFile, start: int) -> Reply | None:
        if len(file.asked) > 2:
            return file.part(start)
        file.body, file.fields = large(3_000_000, 99), ('ETag: "2"', RANGES)
        return file.whole()

    def everything(file: BreakingFile, _: int) -> Reply:
        return "206 X", ["Content-Range: bytes 0-1999999/2000000"], file.body

    files = [
        BreakingFile(server, "/raw/changed", large(SIZE), EACH, rest=changed),
        BreakingFile(server, "/raw/all", large(2_000_000), EACH, rest=everything, breaks=1),
        BreakingFile(
            server, "/raw/200", large(2_000_000), EACH, breaks=1, rest=lambda file, _: file.whole()
        ),
    ]
    done = crawl([file.url for file in files], RETRY_TIMES=2)
    assert outcomes(done) == [("206", "", 3), ("206", "", 2), ("200", "", 2)]
    assert [told for _, told in files[0].asked] == ["", '"1"', '"2"']
    for line, file in enumerate(files, 1):
        assert stored(done, line) == file.body
    assert (files[0].starts, files[0].sent) == ([0, EACH, EACH], EACH + 3_000_000)


def test_parts_of_the_rest(crawl: RunCrawl, server: Server) -> None:
    """A server may send less than was asked for: the next request goes on from there. It must not
    send more."""

    def little(file: BreakingFile, start: int) -> Reply:
        end = min(start + MIB, SIZE)
        return "206 X", [f"Content-Range: bytes {start}-{end - 1}/{SIZE}"], file.body[start:end]

    def more(file: BreakingFile, start: int) -> Reply:
        line, fields, body = file.part(start)
        return line, fields, body + b"and an advertisement"

    files = [
        BreakingFile(server, "/raw/little", large(SIZE), EACH, rest=little),
        BreakingFile(server, "/raw/more", large(2_000_000), EACH, rest=more, chunked=True),
    ]
    done = crawl([file.url for file in files], RETRY_TIMES=1)
    assert outcomes(done) == [("206", "", 5), ("206", "", 2)]
    assert files[0].sent == SIZE
    for line, file in enumerate(files, 1):
        assert stored(done, line) == file.body


def test_redirects(crawl: RunCrawl, server: Server) -> None:
    """The rest is asked for where the begin came from, not of those that redirect there. If they
    lead elsewhere, the whole is."""
    moved = [
        BreakingFile(server, f"/raw/{n}", large(2_000_000, n), EACH, breaks=1) for n in range(3)
    ]
    urls = [file.url for file in moved]
    seen: list[str] = []

    async def elsewhere(writer: Writer) -> None:
        seen.append(server.headers["/raw/moving"].get("range", ""))
        to = b"Location: /raw/%d\r\n" % min(len(seen), 2)
        writer.write(b"HTTP/1.1 302 X\r\nContent-Length: 0\r\n" + to + b"\r\n")
        await writer.drain()

    server.raw["/raw/moving"] = elsewhere
    first = f"/to/{quote(urls[0], safe='')}"
    done = crawl([server.url(first), server.url("/raw/moving")], RETRY_TIMES=2)
    assert outcomes(done) == [("206", "", 2), ("206", "", 3)]
    assert "range" not in server.headers[first]
    assert seen == ["", "", ""]
    assert [file.starts for file in moved] == [[0, EACH], [0], [0, EACH]]
    assert (stored(done, 1), stored(done, 2)) == (moved[0].body, moved[2].body)


def test_tries(crawl: RunCrawl, server: Server) -> None:
    """A request that brings a mebibyte of the rest costs its line no try; one that brings less
    does. What was received is removed with the line's row."""

    def little(file: BreakingFile, start: int) -> Reply:
        file.each = MIB - 1
        return file.part(start)

    long = BreakingFile(server, "/raw/long", large(9_000_000), EACH)
    short = BreakingFile(server, "/raw/short", large(4_000_000), EACH, rest=little)
    done = crawl([long.url, short.url], RETRY_TIMES=1)
    assert outcomes(done) == [("206", "", 6), (*CUT, 2)]
    assert (long.sent, len(short.asked)) == (9_000_000, 2)
    assert not (done.images / ".part").exists()


@pytest.mark.parametrize("setting", ["DOWNLOAD_TIMEOUT", "RESPONSE_TIMEOUT"])
def test_timeouts(crawl: RunCrawl, server: Server, setting: str) -> None:
    """A body that takes too long is continued, too; each request has the whole time."""
    file = BreakingFile(server, "/raw/slow", large(SIZE), EACH, stalls=True)
    done = crawl([file.url], RETRY_TIMES=3, **{setting: 1})
    assert outcomes(done) == [("206", "", 4)]
    assert file.starts == STARTS


def test_servers_that_fail_at_ranges(crawl: RunCrawl, server: Server) -> None:
    """After two requests for the rest without a byte, the whole is asked for. A host that wants
    to be asked later is asked for the rest then, and so is one that is down for a while."""

    def busy(file: BreakingFile, start: int) -> Reply:
        if len(file.asked) < 4:
            return "503 X", ["Retry-After: 1"], b""
        return file.part(start)

    files = [
        BreakingFile(server, "/raw/hangs-up", large(2_000_000), EACH, rest=lambda *_: None),
        BreakingFile(server, "/raw/500", large(2_000_000), EACH, rest=status("500 X")),
        BreakingFile(server, "/raw/busy", large(2_000_000), EACH, rest=busy),
    ]
    for file in files:
        file.breaks = 1
    done = crawl([file.url for file in files], RETRY_TIMES=3)
    assert outcomes(done) == [("200", "", 4), ("200", "", 4), ("206", "", 4)]
    assert [file.starts for file in files] == [
        [0, EACH, EACH, 0],
        [0, EACH, EACH, 0],
        [0, EACH, EACH, EACH],
    ]
    for line, file in enumerate(files, 1):
        assert stored(done, line) == file.body


def test_final_statuses(crawl: RunCrawl, server: Server) -> None:
    """A response to a request for the rest that ends the line ends it, and nothing is left."""
    file = BreakingFile(server, "/raw/gone", large(2_000_000), EACH, rest=status("404 X"))
    opted_out = BreakingFile(
        server, "/raw/out", large(2_000_000), EACH, rest=rest_with("X-Robots-Tag: noai")
    )
    done = crawl([file.url, opted_out.url])
    assert outcomes(done) == [("404", "not-found", 2), ("206", "opted-out", 2)]
    assert not (done.images / ".part").exists()


def test_limits_count_the_whole(crawl: RunCrawl, server: Server) -> None:
    """DOWNLOAD_MAXSIZE is that of the body, in however many parts it comes."""

    files = [
        BreakingFile(server, f"/raw/{size}", large(size), EACH, chunked=True)
        for size in (4_000_001, 4_000_000)
    ]
    done = crawl([file.url for file in files], DOWNLOAD_MAXSIZE=4_000_000)
    assert outcomes(done) == [("FAILED TooLarge", "too-large", 2), ("206", "", 3)]
    assert files[0].sent == 2 * EACH


def test_duplicates(crawl: RunCrawl, server: Server) -> None:
    """They wait for the row of the line that is continued, and copy it."""
    file = BreakingFile(server, "/raw/a", large(SIZE), EACH)
    done = crawl([file.url, file.url, f"{file.url}#2"])
    assert outcomes(done) == [("206", "", 4), ("206", "", 0), ("206", "", 0)]
    assert file.sent == SIZE


def test_interrupted_runs(tmp_path: Path, crawl: RunCrawl, server: Server) -> None:
    """What was received is removed by a run that is stopped, and after a kill by the next run,
    which fetches the whole."""
    file = BreakingFile(server, "/raw/a", large(SIZE), EACH)
    (tmp_path / "urls.txt").write_text(file.url)
    settings = {"RETRY_DELAY": 60}
    for number, left in ((signal.SIGTERM, 0), (signal.SIGKILL, 1)):
        file.asked.clear()
        words = command(tmp_path, settings)
        run = subprocess.Popen(words, cwd=ROOT, env=environment(), stderr=subprocess.DEVNULL)
        try:
            found = until(lambda: waiting(tmp_path / "images"), "the body waits")
            assert [path.stat().st_size for path in found] == [EACH]
            run.send_signal(number)
            run.wait(60)
        finally:
            run.kill()
            run.wait()
        assert len(waiting(tmp_path / "images")) == left
    file.asked.clear()
    done = crawl([file.url])
    assert outcomes(done) == [("206", "", 4)]
    assert file.starts == STARTS


def waiting(store: Path) -> list[Path]:
    """Return the partial files with as many bytes as a connection brings."""
    found = [path for path in store.glob(".part/*/*") if path.is_file()]
    return [path for path in found if path.stat().st_size == EACH]


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def open_files() -> list[Path]:
    """Return the files that this process has open; on Linux."""
    folder = Path("/proc/self/fd")
    return [path.resolve() for path in folder.iterdir()] if folder.exists() else []


def request(url: str, folder: Path) -> Request:
    return Request(url, meta={STREAM_TO: folder, KEY: b"key"})


def test_no_file_is_open_while_a_body_waits(server: Server, tmp_path: Path) -> None:
    """The rest is appended to the same file, whose first bytes and headers are still known."""
    file = BreakingFile(server, "/raw/a", large(2_000_000), EACH, (TAG, RANGES, "X-First: 1"))

    def rest(file: BreakingFile, start: int) -> Reply:
        file.fields = (TAG,)
        return file.part(start)

    file.rest = rest

    async def run() -> FileResponse:
        async with handler() as made:
            with pytest.raises(IncompleteBody):
                await made.download_request(request(file.url, tmp_path))
            (held,) = files_in(tmp_path)
            assert held not in open_files()
            response = await made.download_request(request(file.url, tmp_path))
            assert isinstance(response, FileResponse)
            assert response.download.path == held
            return response

    response = asyncio.run(run())
    assert response.download.sha256 == hashlib.sha256(file.body).hexdigest()
    assert response.download.head == file.body[:4_096]
    assert response.headers["X-First"] == b"1"


@pytest.mark.parametrize("change", [os.unlink, lambda path: os.truncate(path, MIB)])
def test_a_file_that_was_changed(
    server: Server, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    """If the partial file is not as it was left, the whole is asked for."""
    file = BreakingFile(server, "/raw/a", large(2_000_000), EACH, breaks=1)

    async def run() -> None:
        async with handler() as made:
            with pytest.raises(IncompleteBody):
                await made.download_request(request(file.url, tmp_path))
            change(*files_in(tmp_path))
            response = await made.download_request(request(file.url, tmp_path))
            assert isinstance(response, FileResponse)
            assert response.download.size == len(file.body)
            assert len(files_in(tmp_path)) == 1

    asyncio.run(run())
    assert file.starts == [0, 0]


def test_waiting_bodies_are_limited(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond so many bytes on the disk, a body is not kept; a single one always is. Those left
    are removed at the end."""
    monkeypatch.setattr(interrupted, "HELD_MAX", EACH - 1)
    files = [BreakingFile(server, f"/raw/{n}", large(2_000_000, n), EACH) for n in range(2)]

    async def run() -> None:
        async with handler() as made:
            for file in files:
                meta = {STREAM_TO: tmp_path, KEY: file.path.encode()}
                with pytest.raises(IncompleteBody):
                    await made.download_request(Request(file.url, meta=meta))
            assert len(files_in(tmp_path)) == 1

    asyncio.run(run())
    assert files_in(tmp_path) == []


@pytest.mark.skipif(not shutil.which("nginx"), reason="needs nginx")
@pytest.mark.parametrize("version", ["auto", "1.1"])
def test_real_servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    """With nginx behind a relay that breaks connections, TLS and HTTP/2 included."""
    body = large(SIZE)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    partial = tmp_path / "partial"
    partial.mkdir()

    async def run(url: str) -> tuple[FileResponse, int]:
        async with handler(HTTP_VERSION=version) as made:
            for number in range(9):
                asked = request(url, partial)
                asked.meta["retry_times"] = number
                try:
                    response = await made.download_request(asked)
                except IncompleteBody:
                    continue
                assert isinstance(response, FileResponse)
                return response, asked.meta[CONTINUED]
        raise AssertionError("never complete")

    with nginx(tmp_path, {"a.jpg": body}) as port, serving(HOSTS[:1]) as server:
        relay = CuttingRelay(port, EACH)
        server.greet = relay
        response, free = asyncio.run(run(f"https://127.0.0.1:{server.port}/a.jpg"))
    assert response.protocol == {"auto": "HTTP/2", "1.1": "HTTP/1.1"}[version]
    assert response.status == 206
    assert response.download.sha256 == hashlib.sha256(body).hexdigest()
    assert len(relay.brought) == 4
    assert sum(relay.brought) < SIZE * 1.02
    assert free == 2
