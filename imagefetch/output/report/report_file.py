"""Reads the rows in the file of a report."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from imagefetch.errors import BadInput
from imagefetch.items import ImageRecord
from imagefetch.output.report.columns import (
    HEADER_MAX,
    OWN,
    PLAIN,
    Layout,
    begins_report,
    layout_of,
)
from imagefetch.output.report.csv_rows import DamagedRow, Row, parse_row, record_of


def read_layout(report: Path) -> Layout | None:
    """Read only the header of *report*; return its layout, None if it is truncated.

    :raises BadInput: if *report* is not a report of imagefetch
    """
    with open_report(report) as file:
        return _begin(report, file)[0]


def _begin(report: Path, file: BinaryIO) -> tuple[Layout | None, int]:
    """Read the header; return the layout and where the header ends. The layout is None if the
    process was killed while it wrote the header."""
    header = file.readline(HEADER_MAX)
    if layout := layout_of(header):
        return layout, len(header)
    if not header.endswith(b"\n") and len(header) < HEADER_MAX and begins_report(header):
        return None, 0
    raise BadInput(
        f"{report}: not a report of imagefetch, or written by another version; "
        "move it away, or choose another path with -a report=PATH"
    )


def read_rows(report: Path, begin: int = 0) -> Iterator[Row]:
    """Yield the complete rows of *report*; a truncated last row is left out.

    *begin* is the offset to begin at, in bytes: the end of a row. The default is the first
    row. A row is one physical line, since `encode` leaves no line ending in a cell.

    :raises BadInput: if *report* is not a report of imagefetch, or is damaged
    """
    with open_report(report) as file:
        layout, end = _begin(report, file)
        if layout is None:
            return
        row_max, carries = layout.row_max, bool(layout.carried)
        offset = file.seek(max(begin, end))
        number = 1
        while raw := file.readline(row_max):
            number += 1
            if not raw.endswith(b"\n") and len(raw) < row_max:
                return
            try:
                cells = parse_row(raw, layout)
            except ValueError as error:
                problem = f"line {number} is not a valid row: {error}"
                if isinstance(error, DamagedRow):
                    problem = f"{error} (line {number} of the file)"
                raise BadInput(
                    f"{report}: {problem}; repair it, move the report away, or choose another "
                    "path with -a report=PATH"
                ) from error
            yield Row(offset, raw, cells[:OWN], cells[OWN:]) if carries else Row(offset, raw, cells)
            offset += len(raw)


def readable_rows(report: Path) -> Iterator[Row]:
    """Yield the rows of *report* up to the first damaged one."""
    with suppress(BadInput):
        yield from read_rows(report)


def open_report(path: Path) -> BinaryIO:
    """Open *path* for reading.

    :raises BadInput: if it can't be read, or isn't a regular file: a device may never end
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise BadInput(f"{path}: is not a regular file; name another with -a report=PATH")
        return path.open("rb")
    except OSError as error:
        raise BadInput(f"{path}: can't be read: {error.strerror}") from error


def read_row(path: Path, offset: int, layout: Layout = PLAIN) -> ImageRecord:
    """Return the record whose row begins at *offset*, in bytes, of the report *path*, which has
    *layout*; without the list's columns.

    :raises ValueError: if no valid row begins there
    """
    with path.open("rb") as file:
        file.seek(offset)
        return record_of(parse_row(file.readline(layout.row_max), layout)[:OWN])


def whole_size(report: Path) -> int:
    """Return the offset, in bytes, at which the last complete row of *report* ends."""
    with report.open("rb") as file:
        end = file.seek(0, 2)
        size = end
        while size > 0:
            begin = max(0, size - 65_536)
            file.seek(begin)
            newline = file.read(size - begin).rfind(b"\n")
            if newline >= 0:
                return begin + newline + 1
            size = begin
    return 0
