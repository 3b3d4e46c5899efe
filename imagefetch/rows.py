"""Rows of the report as bytes, and back."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from imagefetch.errors import BadInput
from imagefetch.harmless import escape, unescape
from imagefetch.items import ImageRecord

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

# A spreadsheet runs a cell that begins with one of these (OWASP, "CSV
# Injection"); one apostrophe in front makes it text. A cell that begins with an
# apostrophe gets one too, so that reading back is to take exactly one away.
# Control characters are escaped behind it: no cell ever holds a line's end.
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "'")


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


# Rows of cells that are written as they are; most are.
PLAIN = re.compile(r"[ !#-\[\]-~]*")


def encode(row: list[str]) -> bytes:
    """Return *row* as RFC 4180 wants it, dangerous cells made text, control characters escaped."""
    text = ",".join(row)
    if (
        text  # not "": csv writes a lone empty cell with quotes
        and PLAIN.fullmatch(text)
        and text.count(",") == len(row) - 1
        and not any(cell.startswith(DANGEROUS) for cell in row)
    ):
        return f"{text}\r\n".encode()
    out = io.StringIO()
    csv.writer(out).writerow(escape(f"'{c}" if c.startswith(DANGEROUS) else c) for c in row)
    return out.getvalue().encode("utf-8", errors="replace")


def decode(row: list[str]) -> list[str]:
    """Undo what `encode` did to cells."""
    return [unescape(cell).removeprefix("'") for cell in row]


def read_row(path: Path, offset: int) -> ImageRecord:
    """Return the record whose row begins at *offset* bytes of the report."""
    with path.open("rb") as file:
        file.seek(offset)
        text = io.TextIOWrapper(file, "utf-8", newline="")
        return record_of(decode(next(csv.reader(text))))


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


def read_rows(report: Path, begin: int = 0) -> Iterator[Row]:
    """Yield the whole rows of *report*; what a kill tore at its end is left out.

    *begin* is where to begin if not with the first: the end of a row, in bytes. A row
    is one physical line, since `encode` leaves no line end in a cell.

    :raises BadInput: if *report* is none of this program's, or damaged
    """
    with report.open("rb") as file:
        header = file.readline()
        if header != HEADER:
            if HEADER.startswith(header):
                return
            raise BadInput(
                f"{report}: is no report of this program's, or of another version; "
                "move it away, or name another with -a report=PATH"
            )
        offset = file.seek(max(begin, len(header)))
        for number, raw in enumerate(file, 2):
            if not raw.endswith(b"\n"):
                return
            yield Row(offset, raw, _cells(report, number, raw))
            offset += len(raw)


def _cells(report: Path, number: int, raw: bytes) -> list[str]:
    try:
        text = raw.decode().removesuffix("\r\n")
        cells = next(csv.reader([text], strict=True)) if '"' in text else text.split(",")
        if len(cells) == len(COLUMNS) and int(cells[2]) > 0:
            return decode(cells) if "'" in text or "\\" in text else cells
    except (ValueError, csv.Error, StopIteration):
        pass
    raise BadInput(
        f"{report}: line {number} is no row of this program's; mend it, move the report away, "
        "or name another with -a report=PATH"
    )


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
