"""The columns of the list are written and read, and headers of all versions are known."""

from __future__ import annotations

import csv
import io
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefetch.errors import BadInput
from imagefetch.items import ImageRecord
from imagefetch.output.report.carried import CARRIED_MAX, carried_cells, truncated
from imagefetch.output.report.columns import (
    HEADER,
    NAMES,
    PREFIX,
    Layout,
    begins_report,
    layout_of,
    unique_names,
)
from imagefetch.output.report.csv_rows import cells, record_of
from imagefetch.output.report.encoding import encode
from imagefetch.output.report.last_rows import last_rows
from imagefetch.output.report.report_file import read_layout, read_rows
from imagefetch.utils.cells import CUT, encode_cell
from tests.conftest import examples

OLDEST = HEADER[: HEADER.index(b",Part")] + b"\r\n"
RECORD = ImageRecord("http://a.example/1", "404", 3, attempts=1, reason="not-found", part=2)
FULL = replace(
    RECORD,
    final_url="http://b.example/",
    fetched="2026-11-27T10:15:00Z",
    etag='W/"a,b"',
    last_modified="Wed, 21 Oct 2015 07:28:00 GMT",
    source="mirror 1",
    change="new",
    match="same",
)
NASTY = st.sampled_from([*"=+-@.~' /\\:*?\"<>|%#;,\t\r\n\0", "\x85", "\ud800", "\\u001b", "list."])
TEXT = st.lists(NASTY | st.text(max_size=4), max_size=8).map("".join)
NAME = st.sampled_from(["URL", "Line", "list.URL", "list.list.URL", "sku", "Sku", ""]) | TEXT


def report(folder: str, layout: Layout, *rows: bytes) -> Path:
    path = Path(folder, "REPORT.csv")
    path.write_bytes(layout.header + b"".join(rows))
    return path


@given(st.lists(st.tuples(NAME, TEXT), max_size=6, unique_by=lambda pair: pair[0]))
@examples(200)
def test_columns_in_are_columns_out(columns: list[tuple[str, str]]) -> None:
    """Any names and cells come back, byte for byte; Python's ``csv`` finds the same cells."""
    record = dict(columns)
    layout = Layout.of_list(tuple(record))
    row = encode([*cells(RECORD), *carried_cells(record, layout)])
    with tempfile.TemporaryDirectory() as folder:
        path = report(folder, layout, row, row)
        assert read_layout(path) == layout
        assert len(layout.header.splitlines()) == 1
        for found in read_rows(path):
            assert found.carried == list(record.values())
            assert record_of(found.cells) == RECORD
            assert found.key == (3, 2)
    parsed = list(csv.reader(io.StringIO((layout.header + row).decode(), newline="")))
    assert [len(each) for each in parsed] == [layout.width] * 2


@given(st.lists(NAME, max_size=8, unique=True))
@examples(200)
def test_names_are_different(names: list[str]) -> None:
    """A name that is taken gets the prefix until it is free; all others stay."""
    made = unique_names(names)
    assert len({*made, *NAMES}) == len(names) + len(NAMES)
    for given_name, name in zip(names, made, strict=True):
        if given_name in NAMES:
            assert name.endswith(PREFIX + given_name)
        else:
            assert name == given_name


def test_all_columns_of_a_record() -> None:
    """Those of a response, and those of later runs."""
    assert record_of(cells(FULL)) == FULL
    assert encode(cells(FULL)).decode() == (
        "http://a.example/1,404,3,,,,,,,1,,not-found,2,http://b.example/,2026-11-27T10:15:00Z,"
        '"W/""a,b""","Wed, 21 Oct 2015 07:28:00 GMT",mirror 1,new,same\r\n'
    )


@given(TEXT)
@examples(300)
def test_the_short_ways_encode_as_the_long_one(cell: str) -> None:
    """Cells that are plain, or only need quotes, are written as `encode_cell` writes them."""
    assert encode(["a", cell]).decode() == f"a,{encode_cell(cell)}\r\n"
    assert encode([cell, "a"]).decode() == f"{encode_cell(cell, first=True)},a\r\n"


def test_a_report_of_fewer_columns(tmp_path: Path) -> None:
    """Missing cells are empty, whatever the version; other headers are refused."""
    for own in range(12, len(NAMES) + 1):
        layout = Layout(own=own)
        path = report(str(tmp_path), layout, encode(cells(RECORD)[:own]))
        assert layout_of(layout.header) == layout
        (row,) = read_rows(path)
        assert row.cells == cells(replace(RECORD, part=RECORD.part if own > 12 else None))
        assert [last.key for last in last_rows(path)] == [row.key]
    for header in (OLDEST[:-3] + b"x\r\n", b"sku," + HEADER, OLDEST.replace(b"Line", b"line")):
        path.write_bytes(header)
        with pytest.raises(BadInput, match="not a report of imagefetch"):
            list(read_rows(path))


@pytest.mark.parametrize("header", [OLDEST, HEADER, Layout(("sku", "a\nb")).header])
def test_the_beginning_of_a_report_is_known(header: bytes, tmp_path: Path) -> None:
    """Also if it is truncated, as by a kill: then the report has no row."""
    for end in range(len(header)):
        assert begins_report(header[:end])
        (tmp_path / "REPORT.csv").write_bytes(header[:end])
        assert list(read_rows(tmp_path / "REPORT.csv")) == []
    assert not begins_report(b"URL,Response" + header)
    assert not begins_report(header.replace(b"Reason", b"reason"))


@pytest.mark.parametrize("piece", ["a", '"', "\x01", "ü", "名", "\ud800", ";=", "'"])
@pytest.mark.parametrize("length", [9_000, 30_000, CARRIED_MAX, CARRIED_MAX + 1, 200_000])
def test_a_long_cell_is_cut_as_it_is_read(tmp_path: Path, piece: str, length: int) -> None:
    """What is read is what was to be written, so that the next run knows the row."""
    cell = piece * (length // len(piece))
    layout = Layout.of_list(("text",))
    made = carried_cells({"text": cell}, layout)
    (row,) = read_rows(report(str(tmp_path), layout, encode([*cells(RECORD), *made])))
    assert row.carried == made == [truncated(cell)]
    assert made[0] == cell or (made[0].endswith(CUT) and cell.startswith(made[0][:-1]))
    assert truncated(made[0]) == made[0]
    if piece == "a" and length <= CARRIED_MAX:
        assert made == [cell]


def test_the_last_row_of_each_part(tmp_path: Path) -> None:
    """Parts are counted apart from each other and from a line without parts."""
    keys = [(1, None), (300, 1), (1, 2), (300, 1), (1, None), (300, 2), (300, 1)]
    rows = [encode(cells(replace(RECORD, line=line, part=part))) for line, part in keys]
    path = report(str(tmp_path), Layout(), *rows)
    assert [row.key for row in last_rows(path)] == [(1, 2), (1, None), (300, 2), (300, 1)]
