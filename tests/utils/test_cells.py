"""Tests of imagefetch.utils.cells: cells are read back as written, and never run as formulas."""

from __future__ import annotations

import csv
import io
import re
import tempfile
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scrapy.utils.test import get_crawler

from imagefetch.items import ImageRecord
from imagefetch.output.report.csv_rows import COLUMNS, HEADER, encode
from imagefetch.output.report.exporter import ReportStorage, SafeCsvExporter, SafeXmlExporter
from imagefetch.output.report.report_file import read_rows
from imagefetch.utils.cells import CELL_MAX, CUT, decode_cell, encode_cell, truncated
from tests.conftest import examples

DANGEROUS = "=+-@\t\r＝＋－＠﹦﹢﹣﹫"

# Characters that are special to CSV readers, spreadsheets, terminals or the escapes themselves.
PIECES = [
    *DANGEROUS, *"\"',;|\\ \n\0\x85\u2028\u2029\ud800\udfff\ufeff\u200e\x1b",
    "\r\n", '";=', '""', "\\u001b", "\\u", "http://a.example/", "cmd|' /C calc'!A0",
]  # fmt: skip
CELL = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=8).map("".join)
LONG = [
    piece * (times // len(piece)) + end
    for piece in ("\x01", '"', ";", "\u200e", "a", "=", "\ud800", ";=", "名")
    for times, end in ((21_845, "b"), (131_071, "\\u001b"))
]


def row_of(url: str, file: str, kind: str, reason: str) -> list[str]:
    """Return a row of a report with these text cells."""
    return [url, "200", "7", file, "9", kind, "4", "3", "0f" * 32, "1", "0.125", reason, *[""] * 8]


def assert_read(made: list[list[str]]) -> list[list[str]]:
    """Assert that ``csv`` reads all cells of the rows *made*; return what `read_rows` reads."""
    content = HEADER + b"".join(map(encode, made))
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "REPORT.csv")
        report.write_bytes(content)
        found = [row.cells for row in read_rows(report)]
    parsed = list(csv.reader(io.StringIO(content.decode(), newline="")))
    assert [len(row) for row in parsed] == [len(COLUMNS)] * (len(made) + 1)
    assert all(len(cell) <= CELL_MAX for row in parsed for cell in row)
    return found


@given(st.lists(st.tuples(CELL, CELL, CELL, CELL), max_size=4))
@examples(200)
def test_what_is_written_is_read(rows: list[tuple[str, str, str, str]]) -> None:
    """`read_rows` returns the same cells; Python's ``csv`` finds all rows and columns."""
    made = [row_of(*row) for row in rows]
    assert assert_read(made) == made


def test_long_cells_are_read() -> None:
    """Cells that are too long are truncated, in every column."""
    assert csv.field_size_limit() > CELL_MAX
    made = [row_of(cell, cell, "", "") for cell in LONG]
    for row, found in zip(made, assert_read(made), strict=True):
        assert found[0] == truncated(row[0])
        assert found[3] == row[3] or (found[3][-1] == CUT and row[3].startswith(found[3][:-1]))


@given(st.lists(CELL, min_size=1, max_size=5))
@examples(500)
def test_no_piece_is_run(row: list[str]) -> None:
    """With every separator that spreadsheets split at, no cell begins with a character that
    starts a formula, and there is one row."""
    text = encode(row).decode()
    assert text.splitlines() == [text[:-2]]
    for separator in ",;\t|":
        for several in (separator, f"{separator},"):  # this one alone, or with commas
            pieces = split(text[:-2], several)
            assert not [piece for piece in pieces if piece[:1] in {*DANGEROUS}], text


def split(text: str, separators: str) -> list[str]:
    """Return the cells of *text* as in a spreadsheet that splits at each of *separators*:
    a quote counts at the beginning of a cell only, and text after the closing quote is
    appended."""
    quoted = r'"(?P<quoted>(?:[^"]|"")*)"'
    plain = f"(?P<plain>[^{re.escape(separators)}]*)"
    cell = re.compile(f"(?:{quoted})?{plain}")
    found, place = [], 0
    while place <= len(text):
        match = cell.match(text, place)
        assert match is not None
        found.append((match["quoted"] or "").replace('""', '"') + match["plain"])
        place = match.end() + 1
    return found


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(
    "cell", [*LONG, "", "'", ";=1"], ids=lambda cell: f"{len(cell)}{cell[:1]!a}"
)
def test_one_cell(cell: str, first: bool) -> None:
    """A written cell is within `CELL_MAX`, quotes and escapes included, and is read back."""
    text = encode_cell(cell, first=first)
    assert len(text) <= CELL_MAX
    (found,) = next(csv.reader([text], strict=True)) if text else [""]
    assert decode_cell(found) == cell or len(cell) > 20_000
    if first:
        assert decode_cell(found) == truncated(cell)
        assert truncated(truncated(cell)) == truncated(cell)


@pytest.mark.parametrize(
    ("cell", "kept"),
    [
        ("a" * CELL_MAX, CELL_MAX),
        ("a" * (CELL_MAX + 1), CELL_MAX - 4),
        ('"' + "\x01" * 30_000, 21_845),
        ("\u200e" * 30_000, 21_844),
        (";" * 100_000, 100_000),
    ],
    ids=["longest", "one more", "control characters", "marks", "quoted"],
)
def test_where_a_cell_is_cut(cell: str, kept: int) -> None:
    """A cell is truncated only if it would exceed `CELL_MAX`, and then ends with `CUT`."""
    found = truncated(cell)
    assert found == (cell if kept == len(cell) else cell[:kept] + CUT)


@given(st.lists(st.tuples(CELL, CELL), max_size=4))
@examples(100)
def test_other_outputs(rows: list[tuple[str, str]]) -> None:
    """Feeds (``-o rows.csv``, ``-o rows.xml``) contain every record, readable and without
    formulas."""
    csv_file, xml_file = io.BytesIO(), io.BytesIO()
    for exporter in (SafeCsvExporter(csv_file), SafeXmlExporter(xml_file)):
        exporter.start_exporting()
        for url, file in rows:
            exporter.export_item(ImageRecord(url, "200", 1, file, 9, seconds=0.5))
        exporter.finish_exporting()
    content = csv_file.getvalue().decode()
    found = list(csv.DictReader(io.StringIO(content, newline="")))
    assert [(decode_cell(row["url"]), decode_cell(row["file"])) for row in found] == rows
    assert all((row["line"], row["bytes"], row["seconds"]) == ("1", "9", "0.5") for row in found)
    for line in content.split("\r\n"):
        for separators in (",", ";", "\t", "|", ";,", "\t,"):
            assert not [p for p in split(line, separators) if p[:1] in {*DANGEROUS}], line
    items = ElementTree.fromstring(xml_file.getvalue())
    assert [item.findtext("line") for item in items] == ["1"] * len(rows)


def test_other_outputs_are_quoted() -> None:
    """Separators before a formula are escaped in feeds, too."""
    file = io.BytesIO()
    exporter = SafeCsvExporter(file, fields_to_export=["url"])
    exporter.export_item(ImageRecord("a;=b", "200", 1))
    exporter.finish_exporting()
    assert file.getvalue() == b'"url"\r\n"a\\u003b=b"\r\n'


def test_a_path_that_looks_like_an_address(tmp_path: Path) -> None:
    """A path with ``#``, ``%`` or ``?`` is not parsed as a URL; a ``file:`` URL is."""
    for name in ("a#b.csv", "a%20b.csv", "a?b.csv", "a b.csv"):
        storage = ReportStorage.from_crawler(get_crawler(), str(tmp_path / name))
        assert storage.path == str(tmp_path / name)
    there = ReportStorage.from_crawler(get_crawler(), "file:///a%20b.csv")
    assert there.path == "/a b.csv"
