"""Rows are written to the report and read back."""

from __future__ import annotations

import asyncio
import csv
import io
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scrapy import Spider
from scrapy.crawler import Crawler
from scrapy.utils.test import get_crawler

from imagefetch import signals
from imagefetch.items import ImageRecord
from imagefetch.output.report.csv_rows import COLUMNS, cells, decode, encode, record_of
from imagefetch.output.report.exporter import ReportExporter, ReportStorage
from imagefetch.output.report.report_file import read_row
from imagefetch.utils.processes.shutdown import STOPPED_BY
from tests.conftest import examples

resource = pytest.importorskip("resource")

HEADER = (
    b"URL,Response code,Line,File,Bytes,Type,Width,Height,SHA-256,Attempts,Seconds,Reason,"
    b"Part,Final URL,Fetched,ETag,Last-Modified,Source,Change,Match\r\n"
)
EMPTY = [""] * 8
KEPT = ImageRecord(
    url='https://a.example/名,"1".jpg',
    code="200",
    line=7,
    file="名-abc.jpg",
    bytes=123_456,
    type="image/jpeg",
    width=40,
    height=30,
    sha256="0f" * 32,
    attempts=2,
    seconds=1.25,
)
FAILED = ImageRecord("-no url", "FAILED InvalidURL", 8, reason="invalid-url")
RECORDS = [KEPT, FAILED, replace(KEPT, line=9, attempts=0, seconds=None)]

# Characters that are special in CSV, in a spreadsheet or in the escapes of this project.
CELL = st.lists(st.sampled_from([*"='\"+-@,\t\r\n ", "\r\n", "''"]) | st.text()).map("".join)


def parse(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode(), newline="")))


@contextmanager
def space_left(room: int, path: Path) -> Iterator[None]:
    """Let *path* grow by at most *room* bytes, as on a disk that fills up."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def crawler() -> Crawler:
    crawler = get_crawler()
    assert crawler.stats is not None
    crawler.stats.set_value(STOPPED_BY, "")  # there is no engine to stop
    return crawler


@contextmanager
def exporting(crawler: Crawler, path: Path) -> Iterator[ReportExporter]:
    storage = ReportStorage.from_crawler(crawler, str(path), feed_options={"overwrite": False})
    with storage.open(Spider("images")) as file:
        exporter = ReportExporter.from_crawler(crawler, file)
        exporter.start_exporting()
        yield exporter


@given(st.lists(CELL))
@examples(100)
def test_any_row_comes_back(row: list[str]) -> None:
    """A CSV reader and `decode` return all cells unchanged."""
    assert [decode(r) for r in parse(encode(row))] == [row]


@given(CELL)
@examples(100)
def test_no_cell_is_run(cell: str) -> None:
    """No cell begins with a character that makes it a formula in a spreadsheet, and none contains
    a control character for terminals or one that a reader might take for the end of a row."""
    [[written]] = parse(encode([cell]))
    assert encode([cell]).decode().splitlines() == [encode([cell]).decode()[:-2]]
    assert not any(unicodedata.category(c) == "Cc" and c != "\t" for c in written)
    assert not written.startswith(("=", "+", "-", "@", "\t", "\r"))


@pytest.mark.parametrize(
    ("row", "line"),
    [
        (["a", "", "ä"], "a,,ä\r\n"),
        (["a,b", 'say "a"', "a\tb"], '"a,b","say ""a""","a\tb"\r\n'),
        (["a;b", "a;b", "a|b"], '"a;b","a;b","a|b"\r\n'),
        (["a;=1", "a;=1", "a\t -1;b"], '"a;=1","a\\u003b=1","a\\u0009 -1\\u003bb"\r\n'),
        (["＝1", "＋1", "－1", "＠a", "﹢1"], "'＝1,'＋1,'－1,'＠a,'﹢1\r\n"),
        (["a\nb\r", "\x1b[2J", "\x85\u202e"], "a\\u000ab\\u000d,\\u001b[2J,\\u0085\\u202e\r\n"),
        (["\\a", "\\a\0", "\\u001b", "\\u00AB"], "\\a,\\u005ca\\u0000,\\u005cu001b,\\u00AB\r\n"),
        (["=1+1", "+1", "-1", "@a", "'a"], "'=1+1,'+1,'-1,'@a,''a\r\n"),
        (["\ta", "\ra"], "\"'\ta\",'\\u000da\r\n"),
        (["a=1", " =1"], "a=1, =1\r\n"),
        (["a\ud800"], "a\\ud800\r\n"),
    ],
)
def test_row_as_written(row: list[str], line: str) -> None:
    """RFC 4180: quotes where needed and nowhere else; one apostrophe before a dangerous cell;
    control characters as JSON writes them."""
    assert encode(row) == line.encode()


@pytest.mark.parametrize("cell", ["'", "''", "'=1", "a'", "", "a"])
def test_one_apostrophe_is_taken_back(cell: str) -> None:
    """Reading removes exactly one apostrophe from the front, and none from elsewhere."""
    assert decode([cell]) == [cell[1:] if cell.startswith("'") else cell]


def test_cells_of_a_kept_picture() -> None:
    """Every column but the reason is filled, in the documented order."""
    file = ["名-abc.jpg", "123456", "image/jpeg", "40", "30", "0f" * 32]
    assert cells(KEPT) == [KEPT.url, "200", "7", *file, "2", "1.250", "", *EMPTY]
    assert len(COLUMNS) == 20


def test_cells_of_a_failure() -> None:
    """An unknown value is an empty cell; zero is a number."""
    file = [""] * 6
    assert cells(FAILED) == [
        "-no url",
        "FAILED InvalidURL",
        "8",
        *file,
        "0",
        "",
        "invalid-url",
        *EMPTY,
    ]
    assert cells(replace(KEPT, bytes=0, seconds=0.0))[4:12:6] == ["0", "0.000"]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.line)
def test_record_comes_back(record: ImageRecord) -> None:
    """A row contains all values of its record."""
    assert record_of(cells(record)) == record


@pytest.mark.parametrize(
    "row",
    [[], ["a"], cells(KEPT)[:-1], [*cells(KEPT), ""], list(COLUMNS.values())],
    ids=["empty", "one cell", "cut", "too long", "header"],
)
def test_foreign_row_is_refused(row: list[str]) -> None:
    """A row that is not of a report is refused."""
    with pytest.raises(ValueError):
        record_of(row)


def test_report_as_written(tmp_path: Path, crawler: Crawler) -> None:
    """The header is written once; the signal for each row gives its offset."""
    path = tmp_path / "new folder" / "REPORT.csv"
    written: list[tuple[ImageRecord, int]] = []

    def row_written(record: ImageRecord, offset: int) -> None:
        written.append((record, offset))
        assert read_row(path, offset) == record  # unbuffered

    crawler.signals.connect(row_written, signals.row_written)
    for record in RECORDS:
        with exporting(crawler, path) as exporter:
            exporter.export_item(record)
    assert path.read_bytes() == HEADER + b"".join(encode(cells(record)) for record in RECORDS)
    assert [record for record, _ in written] == RECORDS
    assert [read_row(path, offset) for _, offset in reversed(written)] == RECORDS[::-1]


@pytest.mark.parametrize("room", [0, 1, 60])
def test_cut_row_is_taken_back(tmp_path: Path, crawler: Crawler, room: int) -> None:
    """On a full disk no truncated row is left, and no later row is written or signalled."""
    path = tmp_path / "REPORT.csv"
    written: list[int] = []

    def row_written(record: ImageRecord) -> None:
        written.append(record.line)

    crawler.signals.connect(row_written, signals.row_written)
    with exporting(crawler, path) as exporter:
        exporter.export_item(KEPT)
        with space_left(room, path):
            exporter.export_item(replace(KEPT, line=8))
        exporter.export_item(FAILED)  # space is available again, but the run is ending
    assert path.read_bytes() == HEADER + encode(cells(KEPT))
    assert written == [KEPT.line]


@pytest.mark.parametrize("room", [None, 0, 40])
def test_rows_of_one_turn_of_the_loop_are_written_together(
    tmp_path: Path, crawler: Crawler, room: int | None
) -> None:
    """Each is in the file before its signal is sent. On a disk with room for the first row, and
    for *room* bytes of the second, the first is kept."""
    path = tmp_path / "REPORT.csv"
    written: list[int] = []
    sizes: list[int] = []

    def row_written(record: ImageRecord, offset: int) -> None:
        assert read_row(path, offset) == record
        written.append(record.line)
        sizes.append(path.stat().st_size)

    crawler.signals.connect(row_written, signals.row_written)

    async def run() -> None:
        with exporting(crawler, path) as exporter:
            for record in RECORDS:
                exporter.export_item(record)
            assert path.read_bytes() == HEADER
            await asyncio.sleep(0)
            exporter.finish_exporting()

    if room is None:
        asyncio.run(run())
        assert written == [record.line for record in RECORDS]
        assert len(set(sizes)) == 1
    else:
        path.write_bytes(HEADER)
        with space_left(len(encode(cells(KEPT))) + room, path):
            asyncio.run(run())
        assert written == [KEPT.line]
        assert path.read_bytes() == HEADER + encode(cells(KEPT))


def test_rows_that_wait_are_written_at_the_end(tmp_path: Path, crawler: Crawler) -> None:
    path = tmp_path / "REPORT.csv"

    async def run() -> None:
        with exporting(crawler, path) as exporter:
            exporter.export_item(KEPT)
            exporter.finish_exporting()
            assert path.read_bytes() == HEADER + encode(cells(KEPT))
            await asyncio.sleep(0)

    asyncio.run(run())
    assert path.read_bytes() == HEADER + encode(cells(KEPT))
