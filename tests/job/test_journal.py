"""Unit tests of the report as a journal."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scrapy import Request

from imagefetch import errors
from imagefetch.config.only_argument import TRANSIENT, Only
from imagefetch.errors import BadInput
from imagefetch.items import ImageRecord
from imagefetch.job.journal import Journal
from imagefetch.job.url_index import BloomFilter
from imagefetch.line import Line
from imagefetch.lists.list_file import ListFile
from imagefetch.lists.plain import read_lines
from imagefetch.output.report.csv_rows import HEADER, cells, encode
from imagefetch.output.report.report_file import read_rows, whole_size
from imagefetch.urls import PLAIN_URL, key_of, sent_url
from tests.conftest import examples


def write(folder: Path, urls: list[str], records: list[ImageRecord]) -> tuple[Path, Path]:
    """Write a list and a report of *records*; return their paths."""
    (folder / "urls.txt").write_text("".join(f"{url}\n" for url in urls), "utf-8")
    rows = b"".join(encode(cells(record)) for record in records)
    (folder / "REPORT.csv").write_bytes(HEADER + rows)
    return folder / "REPORT.csv", folder / "urls.txt"


@examples(300)
@given(st.from_regex(PLAIN_URL, fullmatch=True))
def test_plain_urls_are_sent_as_they_are(url: str) -> None:
    """The fast path to a line's key gives the key of the request itself."""
    assert sent_url(url) == url == Request(url).url


def test_a_line_that_is_not_plain_is_known_by_its_request() -> None:
    """Lines with spaces, Unicode or fragments have the key of their request."""
    for text in ("http://a.example/ä b.jpg", "http://A.example/x#part", "http://a.example/%7Ex"):
        sent = sent_url(text)
        assert sent is not None
        assert key_of(sent) == key_of(Request(text).url)
    assert sent_url("no URL") is None


@examples(100)
@given(st.sets(st.text(max_size=8), max_size=20), st.text(max_size=8))
def test_the_filter_forgets_nothing(added: set[str], other: str) -> None:
    """The filter has no false negatives, and false positives are rare."""
    known = FILTER
    for url in added:
        known.add(url)
    assert all(url in known for url in added)
    assert len(known._bits) == BloomFilter.BITS // 8
    assert other + " never added" not in known


FILTER = BloomFilter()


def test_reasons_are_those_of_the_tree() -> None:
    """``only=`` accepts every error's reason; ``failed`` selects exactly the transient ones."""
    for cls in vars(errors).values():
        if isinstance(cls, type) and issubclass(cls, errors.Problem) and hasattr(cls, "reason"):
            assert (cls.reason in TRANSIENT) == cls.transient
            assert Only.parse(cls.reason).reasons == {cls.reason}


@pytest.mark.parametrize(
    ("text", "again"),
    [
        ("not-found", "2"),
        ("failed", "1"),
        ("failed,not-found", "12"),
        (" Not-Found , failed,", "12"),
        ("cut-image", "3"),
        ("blocked-address", ""),
    ],
)
def test_which_rows_are_fetched_again(tmp_path: Path, text: str, again: str) -> None:
    """Rows with one of the reasons, with or without a file; ``failed`` may be combined."""
    records = [
        ImageRecord("http://a.example/1", "503", 1, reason="server-error"),
        ImageRecord("http://a.example/2", "404", 2, reason="not-found"),
        ImageRecord("http://a.example/3", "200", 3, file="a.jpg", reason="cut-image"),
        ImageRecord("http://a.example/4", "200", 4, file="b.jpg"),
    ]
    report, urls = write(tmp_path, [record.url for record in records], records)
    only = Only.parse(text)
    assert "".join(str(row.line) for row in read_rows(report) if only.selects(row)) == again
    journal = Journal()
    journal.read(report, ListFile(urls), only)
    assert journal.done == 4 - len(again)
    assert Only.parse(str(only)) == only


@pytest.mark.parametrize(("text", "hint"), [("not_fuond", "not-found"), ("faild", "failed")])
def test_a_reason_that_there_is_not(text: str, hint: str) -> None:
    """A misspelt reason is refused, and the one that was meant is suggested."""
    with pytest.raises(BadInput, match=rf"only={text}: .*did you mean {hint}\?"):
        Only.parse(text)


@pytest.mark.parametrize(
    ("code", "reason", "again"),
    [
        ("200", "", False),
        ("404", "not-found", False),
        ("408", "client-error", True),
        ("425", "client-error", True),
        ("403", "retry-after-too-long", True),
        ("429", "rate-limited", True),
        ("501", "server-error", True),
        ("200", "not-an-image", False),
        ("FAILED ConnectionRefused", "connection-refused", True),
        ("FAILED HostNotFound", "host-not-found", False),
        ("FAILED InvalidURL", "invalid-url", False),
    ],
)
def test_what_is_fetched_again(tmp_path: Path, code: str, reason: str, again: bool) -> None:
    """Transient errors, 408, 425, 429 and 5xx are fetched again."""
    file = "" if reason else "a.jpg"
    record = ImageRecord("http://a.example/", code, 1, file=file, reason=reason)
    report, _ = write(tmp_path, ["http://a.example/"], [record])
    (row,) = read_rows(report)
    assert Only(failed=True).selects(row) == again


def test_the_last_row_of_a_line_counts(tmp_path: Path) -> None:
    """Superseded rows, rows of other lines, and rows far beyond the list are distinguished."""
    urls = [f"http://a.example/{n}" for n in range(1, 5)]
    records = [
        ImageRecord(urls[0], "503", 1, reason="server-error"),
        ImageRecord(urls[1], "404", 2, reason="not-found"),
        ImageRecord("http://a.example/other", "404", 3, reason="not-found"),
        ImageRecord("http://a.example/far", "404", 10**15, reason="not-found"),
        ImageRecord(urls[0], "404", 1, reason="not-found"),
    ]
    report, path = write(tmp_path, urls, records)
    journal = Journal()
    journal.read(report, ListFile(path))
    assert (journal.rows, journal.lines, journal.matched) == (5, 4, 2)
    assert (journal.done, journal.total) == (2, 4)
    rows = list(read_rows(report))
    assert [journal.is_last(row) for row in rows] == [False, True, True, True, True]
    assert [journal.is_matched(row) for row in rows] == [True, True, False, False, True]
    assert [journal.is_done(line) for line in read_lines(path)] == [True, True, False, False]
    assert not journal.is_done(Line(10**9, "http://a.example/far"))
    journal.close()


def test_outcomes_of_done_lines_serve_their_duplicates(tmp_path: Path) -> None:
    """After an interruption, the offset of a row is known before its line is read."""
    urls = ["http://a.example/1", "http://a.example/2", "http://a.example/1#again"]
    record = ImageRecord(urls[0], "404", 1, reason="not-found")
    report, path = write(tmp_path, urls, [record])
    journal = Journal()
    journal.read(report, ListFile(path))
    assert journal.row_offsets.offset(key_of(urls[0])) == len(HEADER)
    assert journal.row_offsets.offset(key_of(urls[1])) is None
    journal.close()


def test_the_whole_size_is_found_from_the_end(tmp_path: Path) -> None:
    """The end of the last complete row is found, however long the truncated row is."""
    report = tmp_path / "REPORT.csv"
    report.write_bytes(HEADER + b"x" * 200_000)
    assert whole_size(report) == len(HEADER)
    report.write_bytes(HEADER[:-1])
    assert whole_size(report) == 0
