"""Which responses can be continued, and by which."""

from __future__ import annotations

from email.utils import formatdate
from pathlib import Path

import pytest
from scrapy import Request
from scrapy.http import Headers

from imagefetch.download.bodies.continuation import (
    CONTINUED_MIN,
    ContentRange,
    begin_of,
    is_everything,
    range_of,
    validator_of,
)
from imagefetch.download.curl.response_head import Head
from imagefetch.output.partial_files import PartialFile

NOW = 1_800_000_000.0
SIZE = CONTINUED_MIN
TOTAL = 2 * SIZE


def head(*fields: str, status: int = 200) -> Head:
    return Head([b"HTTP/1.1 %d X" % status, *(each.encode("latin-1") for each in fields)])


def date(seconds: float) -> str:
    return formatdate(NOW + seconds, usegmt=True)


def part(size: int = SIZE) -> PartialFile:
    made = PartialFile(Path("nowhere"))
    made.size = size
    return made


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("bytes 5-9/10", ContentRange(5, 9, 10)),
        ("BYTES  5 - 9 / 10", ContentRange(5, 9, 10)),
        ("bytes 5-9/*", None),
        ("bytes */10", None),
        ("bytes 5-9", None),
        ("bytes=5-9/10", None),
        ("bytes -5-9/10", None),
        ("items 5-9/10", None),
        ("bytes 0-²/3", None),
        ("bytes 0-9/" + "9" * 5_000, None),
        ("bytes 0-4/10, bytes 5-9/10", None),
        ("", None),
    ],
)
def test_content_range(value: str, found: ContentRange | None) -> None:
    """It is taken only if it names all three numbers, once."""
    assert range_of(head(f"Content-Range: {value}")) == found


def test_everything() -> None:
    """A range is the whole if it begins at the first byte and ends at the last."""
    assert is_everything(head("Content-Range: bytes 0-9/10"))
    for value in ("bytes 1-9/10", "bytes 0-8/10", "bytes 0-10/10"):
        assert not is_everything(head(f"Content-Range: {value}"))
    assert not is_everything(head("Content-Range: bytes 0-4/5", "Content-Range: bytes 0-4/5"))


OLD = f"Last-Modified: {date(-60)}"
SENT = f"Date: {date(0)}"


@pytest.mark.parametrize(
    ("fields", "value"),
    [
        (['ETag: "1"', OLD, SENT], '"1"'),
        (['ETag: ""'], '""'),
        (['ETag: "\xe9!~"'], '"\xe9!~"'),
        ([OLD, SENT], date(-60)),
        ([OLD], date(-60)),
        ([OLD, "Date: soon"], date(-60)),
        ([f"Last-Modified: {date(-59)}", SENT], None),
        ([f"Last-Modified: {date(9)}", SENT], None),
        (["Last-Modified: long ago", SENT], None),
        ([OLD, OLD, SENT], None),
        (['ETag: W/"1"', OLD, SENT], None),
        (["ETag: 1", OLD, SENT], None),
        (['ETag: "1" ', 'ETag: "2"'], None),
        (['ETag: "a"b"'], None),
        (['ETag: "a b"'], None),
        ([], None),
    ],
)
def test_validator(fields: list[str], value: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A strong entity tag, else a date that is 60 s older than the response; no date beside any
    entity tag."""
    monkeypatch.setattr("time.time", lambda: NOW)
    found = validator_of(head(*fields))
    assert (found and found.value) == value


COMMON = ['ETag: "1"', "Accept-Ranges: bytes"]


@pytest.mark.parametrize(
    ("fields", "status", "size"),
    [
        ([*COMMON, f"Content-Length: {SIZE}"], 200, SIZE),
        (['ETag: "1"'], 200, SIZE),
        (['ETag: "1"', "Accept-Ranges: none"], 200, SIZE),
        (["Accept-Ranges: bytes"], 200, SIZE),
        ([*COMMON, "Content-Encoding: gzip"], 200, SIZE),
        ([*COMMON, "Content-Encoding: utf-8"], 200, SIZE),
        (COMMON, 203, SIZE),
        (COMMON, 200, SIZE - 1),
    ],
)
def test_what_is_not_continued(fields: list[str], status: int, size: int) -> None:
    """Nothing that is complete, small or encoded, or whose server says nothing of ranges."""
    plain = Request("http://a.example/")
    good = begin_of(plain, head(*COMMON, f"Content-Length: {TOTAL}"), part())
    assert good is not None
    assert good.total == TOTAL
    assert begin_of(plain, head(*fields, status=status), part(size)) is None


@pytest.mark.parametrize(
    "request_",
    [
        Request("http://a.example/", method="POST"),
        Request("http://a.example/", body=b"x"),
        Request("http://a.example/", headers={"Range": "bytes=0-"}),
    ],
)
def test_requests_that_are_not_continued(request_: Request) -> None:
    """A request that was for no whole, or may do something."""
    assert begin_of(request_, head(*COMMON), part()) is None


def test_asking() -> None:
    """The rest is asked for without encodings, on condition that the file is still the same."""
    begin = begin_of(Request("http://a.example/"), head(*COMMON), part())
    assert begin is not None
    before = Headers({"Accept-Encoding": "gzip", "Referer": "x"})
    asked = begin.asking(before)
    assert asked == {
        b"Accept-Encoding": [b"identity"],
        b"Referer": [b"x"],
        b"Range": [b"bytes=%d-" % SIZE],
        b"If-Range": [b'"1"'],
    }
    assert before["Accept-Encoding"] == b"gzip"


REST = f"Content-Range: bytes {SIZE}-{TOTAL - 1}/{TOTAL}"
SAME = 'ETag: "1"'


@pytest.mark.parametrize(
    ("fields", "continues"),
    [
        ([REST, SAME], True),
        ([REST], True),
        ([REST, SAME, f"Content-Length: {SIZE}"], True),
        ([f"Content-Range: bytes {SIZE}-{SIZE}/{TOTAL}", SAME], True),
        ([REST, SAME, f"Content-Length: {SIZE - 1}"], False),
        ([REST, 'ETag: "2"'], False),
        ([REST, 'ETag: W/"1"'], False),
        ([REST, SAME, "Content-Encoding: gzip"], False),
        ([f"Content-Range: bytes {SIZE - 1}-{TOTAL - 1}/{TOTAL}", SAME], False),
        ([f"Content-Range: bytes {SIZE + 1}-{TOTAL - 1}/{TOTAL}", SAME], False),
        ([f"Content-Range: bytes {SIZE}-{TOTAL}/{TOTAL + 1}", SAME], False),
        ([f"Content-Range: bytes {SIZE}-{TOTAL}/{TOTAL}", SAME], False),
        ([f"Content-Range: bytes {SIZE}-{SIZE - 1}/{TOTAL}", SAME], False),
        ([SAME, "Content-Type: multipart/byteranges; boundary=x"], False),
    ],
)
def test_what_continues(fields: list[str], continues: bool) -> None:
    """Just the range that is missing, or its begin, of the same representation."""
    whole = head(*COMMON, f"Content-Length: {TOTAL}")
    begin = begin_of(Request("http://a.example/"), whole, part())
    assert begin is not None
    assert begin.is_continued_by(head(*fields, status=206)) == continues
    assert not begin.is_continued_by(head(*fields))


def test_an_unknown_length_needs_the_entity_tag() -> None:
    """Where neither tells that the file is the same, nothing is appended."""
    begin = begin_of(Request("http://a.example/"), head(*COMMON), part())
    assert begin is not None
    assert begin.is_continued_by(head(REST, SAME, status=206))
    assert not begin.is_continued_by(head(REST, status=206))


def test_headers_of_the_whole() -> None:
    """What the rest does not repeat is that of the begin, unless it was very long."""
    begin = begin_of(Request("http://a.example/"), head(*COMMON, "Content-Type: a"), part())
    long = begin_of(Request("http://a.example/"), head(*COMMON, "X: " + "x" * 20_000), part())
    assert begin is not None
    assert long is not None
    rest = [(b"etag", b"1"), (b"Content-Range", b"r")]
    assert begin.merged(rest) == [*rest, (b"Accept-Ranges", b"bytes"), (b"Content-Type", b"a")]
    assert long.merged(rest) == rest
