"""Images that many URLs of one host return are detected."""

from __future__ import annotations

import hashlib

from imagefetch.images.repeats import Repeat, Repeats
from tests.conftest import RunCrawl
from tests.support.answers import PICTURE
from tests.support.commands import report
from tests.support.server import Server, Writer
from tests.support.steps import steps


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_counted_by_host() -> None:
    """Identical images are counted for each host; the most frequent comes first."""
    repeats = Repeats(3)
    for n in range(4):
        repeats.add(f"http://a.example/{n}", digest("often"))
    for n in range(3):
        repeats.add(f"http://b.example/{n}", digest("often"))
        repeats.add(f"http://{n}.example/", digest("often"))
        repeats.add(f"http://b.example/{n}", digest(str(n)))
    assert repeats.found() == [
        Repeat("a.example", digest("often"), 4),
        Repeat("b.example", digest("often"), 3),
    ]


def test_zero_is_never() -> None:
    """Switched off, nothing is counted."""
    repeats = Repeats(0)
    for n in range(9):
        repeats.add(f"http://a.example/{n}", digest("often"))
    assert repeats.found() == []


def test_memory_is_bounded() -> None:
    """The number of counted images is bounded; frequent ones are still detected, and no count is
    too high."""
    repeats = Repeats(100, pairs=1_000)
    for n in range(20_000):
        repeats.add("http://a.example/", digest(str(n)))
        if n % 20 == 0:
            repeats.add("http://a.example/", digest("often"))
        assert len(repeats) <= 1_000
    (found,) = repeats.found()
    assert found.sha256 == digest("often")
    assert 900 <= found.urls <= 1_000


def test_room_is_made_at_once() -> None:
    """The bound also holds if every image is frequent."""
    repeats = Repeats(10, pairs=100)
    for n in range(100):
        for _ in range(300):
            repeats.add("http://a.example/", digest(str(n)))
    assert steps(lambda: repeats.add("http://a.example/", digest("new"))) < 1_000


def test_told_by_run_and_report(crawl: RunCrawl, server: Server) -> None:
    """Every image is kept; the summary and ``scrapy report`` name the repeated one, for which
    lines with the same URL count once."""

    async def same(writer: Writer) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(PICTURE)}\r\n\r\n"
        writer.write(head.encode() + PICTURE)
        await writer.drain()

    paths = [f"/gone/{n}.jpg" for n in range(5)]
    server.raw.update(dict.fromkeys(paths, same))
    urls = [server.url(path) for path in paths]
    done = crawl([*urls, urls[0], server.url("/image/a.jpg")], PLACEHOLDER_REPEATS=5)
    assert done.status == 0, done.log
    done.check(7)
    told = f"5 URLs of 127.0.0.1 gave the same picture, {hashlib.sha256(PICTURE).hexdigest()}"
    assert told in done.log
    assert told in report(done.folder, "-s", "PLACEHOLDER_REPEATS=5").stdout
    for threshold in (6, 0):
        silent = report(done.folder, "-s", f"PLACEHOLDER_REPEATS={threshold}")
        assert "gave the same picture" not in silent.stdout
        assert silent.returncode == 0
