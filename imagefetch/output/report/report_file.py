"""Reads the rows in the file of a report."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from imagefetch.errors import BadInput
from imagefetch.items import ImageRecord
from imagefetch.output.report.csv_rows import HEADER, ROW_MAX, DamagedRow, Row, parse_row, record_of


def check_header(report: Path) -> None:
    """Check only the header of *report*; its rows may be damaged.

    :raises BadInput: if *report* is not a report of imagefetch
    """
    with open_report(report) as file:
        _begin(report, file)


def _begin(report: Path, file: BinaryIO) -> bool:
    """Read the header; return whether it is complete, so that rows may follow."""
    header = file.readline(len(HEADER))
    if HEADER.startswith(header):  # truncated if the process was killed while writing it
        return header == HEADER
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
        if not _begin(report, file):
            return
        offset = file.seek(max(begin, len(HEADER)))
        number = 1
        while raw := file.readline(ROW_MAX):
            number += 1
            if not raw.endswith(b"\n") and len(raw) < ROW_MAX:
                return
            try:
                cells = parse_row(raw)
            except ValueError as error:
                problem = f"line {number} is not a valid row: {error}"
                if isinstance(error, DamagedRow):
                    problem = f"{error} (line {number} of the file)"
                raise BadInput(
                    f"{report}: {problem}; repair it, move the report away, or choose another "
                    "path with -a report=PATH"
                ) from error
            yield Row(offset, raw, cells)
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


def read_row(path: Path, offset: int) -> ImageRecord:
    """Return the record whose row begins at *offset*, in bytes, of the report *path*.

    :raises ValueError: if no valid row begins there
    """
    with path.open("rb") as file:
        file.seek(offset)
        return record_of(parse_row(file.readline(ROW_MAX)))


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
