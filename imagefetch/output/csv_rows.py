"""Rows of the report as bytes, and back."""

from __future__ import annotations

import csv
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

from imagefetch.errors import BadInput
from imagefetch.items import ImageRecord
from imagefetch.utils.cells import CELL_MAX, read, written

COLUMNS = {
    "url": "URL",
    "code": "Response code",
    "line": "Line",
    "file": "File",
    "bytes": "Bytes",
    "type": "Type",
    "width": "Width",
    "height": "Height",
    "sha256": "SHA-256",
    "attempts": "Attempts",
    "seconds": "Seconds",
    "reason": "Reason",
}
"""Field of `ImageRecord` to column, in the order of the file."""


def cells(record: ImageRecord) -> list[str]:
    """Return *record* as the cells of its row."""
    row = []
    for name in COLUMNS:
        value = getattr(record, name)
        if value is None:
            value = ""
        elif name == "seconds":
            value = f"{value:.3f}"
        row.append(str(value))
    return row


def record_of(row: list[str]) -> ImageRecord:
    """Return the record that *row*, as `decode` gave it, was made of.

    :raises ValueError: if *row* is none of this report's
    """
    named = dict(zip(COLUMNS, row, strict=True))
    return ImageRecord(
        url=named["url"],
        code=named["code"],
        line=int(named["line"]),
        file=named["file"],
        bytes=_int(named["bytes"]),
        type=named["type"],
        width=_int(named["width"]),
        height=_int(named["height"]),
        sha256=named["sha256"],
        attempts=int(named["attempts"]),
        seconds=float(named["seconds"]) if named["seconds"] else None,
        reason=named["reason"],
    )


# Rows of cells that are written as they are; most are. `_DANGEROUS` tells the others among them.
PLAIN = re.compile(r"[ !#-:<-\[\]-{}~]*")
_DANGEROUS = ("=", "+", "-", "@", "'")


def encode(row: list[str]) -> bytes:
    """Return *row* as RFC 4180 wants it, of cells as `imagefetch.utils.cells.written` has them."""
    text = ",".join(row)
    if not (
        text  # not "": a lone empty cell needs quotes
        and len(text) <= CELL_MAX
        and PLAIN.fullmatch(text)
        and text.count(",") == len(row) - 1
        and not any(cell.startswith(_DANGEROUS) for cell in row)
    ):
        text = ",".join(written(cell, first=not n) for n, cell in enumerate(row))
        text = '""' if row == [""] else text
    return f"{text}\r\n".encode()


def decode(row: list[str]) -> list[str]:
    """Undo what `encode` did to cells."""
    return [read(cell) for cell in row]


def read_row(path: Path, offset: int) -> ImageRecord:
    """Return the record whose row begins at *offset* bytes of the report.

    :raises ValueError: if there is none
    """
    with path.open("rb") as file:
        file.seek(offset)
        return record_of(_cells(file.readline(ROW_MAX)))


def _int(cell: str) -> int | None:
    return int(cell) if cell else None


HEADER = encode(list(COLUMNS.values()))


class Row(NamedTuple):
    """A whole row of a report."""

    offset: int
    """Where it begins, bytes."""
    raw: bytes
    """With its line end."""
    cells: list[str]

    @property
    def line(self) -> int:
        return int(self.cells[2])

    @property
    def file(self) -> str:
        """The picture's name in the store; empty without one."""
        return self.cells[3]


ROW_MAX = 4 * CELL_MAX * len(COLUMNS)
"""Bytes of a row, which are read at once."""


def check_header(report: Path) -> None:
    """:raises BadInput: if *report*, however damaged its rows are, is none of this program's"""
    with open_report(report) as file:
        _begin(report, file)


def _begin(report: Path, file: BinaryIO) -> bool:
    """Read the header; return whether it is whole, and rows may follow."""
    header = file.readline(len(HEADER))
    if HEADER.startswith(header):  # a kill may have torn it
        return header == HEADER
    raise BadInput(
        f"{report}: is no report of this program's, or of another version; "
        "move it away, or name another with -a report=PATH"
    )


def read_rows(report: Path, begin: int = 0) -> Iterator[Row]:
    """Yield the whole rows of *report*; what a kill tore at its end is left out.

    *begin* is where to begin if not with the first: the end of a row, in bytes. A row
    is one physical line, since `encode` leaves no line end in a cell.

    :raises BadInput: if *report* is none of this program's, or damaged
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
                cells = _cells(raw)
            except ValueError as error:
                what = f"line {number} is no row of this program's: {error}"
                if isinstance(error, DamagedRow):
                    what = f"{error} (line {number} of the file)"
                raise BadInput(
                    f"{report}: {what}; mend it, move the report away, or name another "
                    "with -a report=PATH"
                ) from error
            yield Row(offset, raw, cells)
            offset += len(raw)


def readable_rows(report: Path) -> Iterator[Row]:
    """Yield the rows of *report* up to the first that is damaged."""
    with suppress(BadInput):
        yield from read_rows(report)


def open_report(path: Path) -> BinaryIO:
    """Open *path* for reading.

    :raises BadInput: if it can't be read, or is no file: a device may never end
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise BadInput(f"{path}: is no regular file; name another with -a report=PATH")
        return path.open("rb")
    except OSError as error:
        raise BadInput(f"{path}: can't be read: {error.strerror}") from error


class DamagedRow(ValueError):
    """A row with a cell that can't be."""


_NUMBER = "[0-8]?[0-9]{1,18}"  # below 2**63
_FIGURES = {
    2: rf"(?!0+(?!.)){_NUMBER}",
    4: f"(?:{_NUMBER})?",
    6: f"(?:{_NUMBER})?",
    7: f"(?:{_NUMBER})?",
    8: "(?:[0-9a-f]{64})?",
    9: _NUMBER,
    10: r"(?:[0-9]{1,12}(?:\.[0-9]{1,9})?)?",
}
"""Place of a cell to what it may be: line, bytes, width, height, hash, attempts, seconds."""

_ALL_FIGURES = re.compile("\n".join(_FIGURES.values()))


def _cells(raw: bytes) -> list[str]:
    """Return the cells of a row.

    :raises ValueError: if it is none, saying why
    """
    if not raw.endswith(b"\r\n"):
        raise ValueError("too long" if len(raw) == ROW_MAX else "no CRLF at its end")
    text = raw[:-2].decode()
    try:
        cells = next(csv.reader([text], strict=True)) if '"' in text else text.split(",")
    except csv.Error as error:
        raise ValueError(str(error)) from error
    if len(cells) != len(COLUMNS):
        raise ValueError(f"{len(cells)} cells, not {len(COLUMNS)}")
    if "'" in text or "\\" in text:
        cells = decode(cells)
    if _ALL_FIGURES.fullmatch("\n".join((cells[2], cells[4], *cells[6:11]))) is None:
        for place, allowed in _FIGURES.items():
            if re.fullmatch(allowed, cells[place]) is None:
                name = list(COLUMNS.values())[place]
                raise DamagedRow(
                    f"the row of line {cells[2][:20]} is damaged: {name} = {cells[place][:40]!r}"
                )
        raise DamagedRow("a row is damaged")  # a line's end within a cell
    return cells


def whole_size(report: Path) -> int:
    """Return the length of *report* in bytes up to the end of its last whole row."""
    with report.open("rb") as file:
        end = file.seek(0, 2)
        size = end
        while size > 0:
            begin = max(0, size - 65_536)
            file.seek(begin)
            found = file.read(size - begin).rfind(b"\n")
            if found >= 0:
                return begin + found + 1
            size = begin
    return 0
