"""What is kept of interrupted bodies, for how long, and what costs a line a try."""

from __future__ import annotations

from pathlib import Path

import pytest
from scrapy import Request

from imagefetch.download.bodies import interrupted
from imagefetch.download.bodies.continuation import CONTINUED_MIN, Interrupted, Validator
from imagefetch.download.bodies.interrupted import InterruptedBodies
from imagefetch.meta import CONTINUED, KEY, STREAM_TO
from imagefetch.output.partial_files import PartialFile

URL = "http://a.example/1.jpg"


def body(path: Path, url: str = URL) -> Interrupted:
    part = PartialFile(path)
    part.gather(b"abcd")
    part.pause()
    return Interrupted(part, url, Validator(b"etag", '"1"'), None, [])


def request(folder: Path, url: str = URL, key: bytes = b"1") -> Request:
    return Request(url, meta={KEY: key, STREAM_TO: folder})


def test_what_a_request_asks_for(tmp_path: Path) -> None:
    """The rest of its own line's body, at the URL that it came from; the whole once the server has
    the body's row, or has not sent the range."""
    bodies = InterruptedBodies(60)
    first, kept = request(tmp_path), body(tmp_path / "1")
    assert bodies.rest_of(first) is None
    assert bodies.keep(first, kept, None, 1)
    assert bodies.rest_of(first) is kept
    for other in (
        request(tmp_path, key=b"2"),
        request(tmp_path, URL + "?2"),
        Request(URL, meta={KEY: b"1"}),
        request(tmp_path).replace(method="HEAD"),
        request(tmp_path).replace(headers={"Range": "bytes=0-0"}),
    ):
        assert bodies.rest_of(other) is None
    bodies.end(b"1")
    bodies.end(b"1")
    assert bodies.rest_of(first) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("brought", [0, CONTINUED_MIN - 1, CONTINUED_MIN])
def test_progress_costs_no_try(tmp_path: Path, brought: int) -> None:
    """A request that brought a mebibyte of the rest is free, until those took the whole time."""
    bodies = InterruptedBodies(60)
    asked, kept = request(tmp_path), body(tmp_path / "1")
    free = []
    for took in (0, 40, 15, 10, 5):
        if not bodies.keep(asked, kept, brought if took else None, took):
            break
        free.append(asked.meta[CONTINUED])
        assert bodies.rest_of(again := request(tmp_path)) is kept
        assert again.meta[CONTINUED] == free[-1]
        bodies.release(asked)
    expected = {0: [0, 0], CONTINUED_MIN - 1: [0] * 5, CONTINUED_MIN: [0, 1, 2, 2, 3]}
    assert free == expected[brought]


def test_fruitless_requests(tmp_path: Path) -> None:
    """After two in a row that brought nothing, the whole is asked for."""
    bodies = InterruptedBodies(60)
    asked, kept = request(tmp_path), body(tmp_path / "1")
    bodies.keep(asked, kept, None, 1)
    bodies.note_fruitless(asked)
    bodies.release(asked)
    assert bodies.keep(asked, kept, 1, 1)
    bodies.note_fruitless(asked)
    assert bodies.rest_of(asked) is kept
    bodies.note_fruitless(asked)
    assert bodies.rest_of(asked) is None
    assert list(tmp_path.iterdir()) == []


def test_a_refused_range(tmp_path: Path) -> None:
    """It costs no try, once; no body of the line is kept after it."""
    bodies = InterruptedBodies(60)
    asked = request(tmp_path)
    bodies.keep(asked, body(tmp_path / "1"), None, 1)
    bodies.refuse(asked)
    assert asked.meta[CONTINUED] == 1
    assert bodies.rest_of(asked) is None
    assert not bodies.keep(asked, body(tmp_path / "2"), None, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["2"]  # the caller's to remove


def test_the_disk_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All bodies that wait have so many bytes, what was removed or is being continued left out."""
    monkeypatch.setattr(interrupted, "HELD_MAX", 8)
    bodies = InterruptedBodies(60)
    lines = [request(tmp_path, key=b"%d" % n) for n in range(4)]
    made = [body(tmp_path / str(n)) for n in range(4)]
    assert [bodies.keep(*each, None, 1) for each in zip(lines, made, strict=True)] == [
        *(True, True),
        *(False, False),
    ]
    bodies.drop(lines[0])
    assert bodies.keep(lines[2], made[2], None, 1)
    bodies.release(lines[2])
    assert bodies.keep(lines[3], made[3], None, 1)
    moved = body(tmp_path / "4", URL + "?moved")
    assert bodies.keep(lines[3], moved, None, 1)  # in place of the one before
    assert not made[3].part.path.exists()
    bodies.clear()
    assert [path.name for path in tmp_path.iterdir()] == ["2"]
    bodies = InterruptedBodies(60)
    monkeypatch.setattr(interrupted, "HELD_MAX", 3)
    assert bodies.keep(lines[0], body(tmp_path / "5"), None, 1)
