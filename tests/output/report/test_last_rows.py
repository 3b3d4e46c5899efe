"""The last of several rows of a line is selected."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from imagefetch.items import ImageRecord
from imagefetch.output.report.csv_rows import HEADER, cells, encode
from imagefetch.output.report.last_rows import FAR, MOST, last_rows

NEAR = st.integers(1, 9)
BEYOND = st.sampled_from([FAR - 1, FAR, 10 * FAR, 10**18])


def row(line: int, number: int) -> bytes:
    """Return a row of *line*, distinguished by its attempts."""
    return encode(cells(ImageRecord(url="u", code="200", line=line, attempts=number)))


def found(report: Path) -> list[tuple[int, int]]:
    """Return line and attempts of the last rows."""
    return [(last.line, int(last.cells[9])) for last in last_rows(report)]


@given(st.lists(st.one_of(NEAR, BEYOND), max_size=40))
def test_the_last_row_of_each_line_in_the_reports_order(lines: list[int]) -> None:
    """Also for line numbers that are not counted in the array."""
    with TemporaryDirectory() as folder:
        report = Path(folder) / "REPORT.csv"
        report.write_bytes(HEADER + b"".join(map(row, lines, range(len(lines)))))
        last = {line: number for number, line in enumerate(lines)}
        assert found(report) == sorted(last.items(), key=lambda pair: pair[1])


def test_more_rows_than_a_byte_counts(tmp_path: Path) -> None:
    """A line may be fetched again any number of times."""
    report = tmp_path / "REPORT.csv"
    lines = [2] * (2 * MOST + 3) + [1] * MOST
    report.write_bytes(HEADER + b"".join(map(row, lines, range(len(lines)))))
    assert found(report) == [(2, 2 * MOST + 2), (1, 3 * MOST + 2)]


def test_a_report_that_grows_meanwhile(tmp_path: Path) -> None:
    """Rows that a running job appends between the two readings are left out."""
    report = tmp_path / "REPORT.csv"
    report.write_bytes(HEADER + row(1, 0) + row(2, 1))
    rows = last_rows(report)
    first = next(rows)
    with report.open("ab") as file:
        file.write(row(1, 2) + row(3, 3))
    assert [first.line, *(last.line for last in rows)] == [1, 2]
