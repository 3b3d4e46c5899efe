"""Encodes records as rows of the CSV report, and decodes rows."""

from __future__ import annotations

import csv
import re
from typing import NamedTuple

from imagefetch.items import ImageRecord
from imagefetch.utils.cells import CELL_MAX, decode_cell, encode_cell

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
"""Maps each field of `ImageRecord` to its column, in the order of the file."""


def cells(record: ImageRecord) -> list[str]:
    """Return the cells of the row for *record*."""
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
    """Return the record for *row*, a list of cells returned by `decode`.

    :raises ValueError: if *row* is not a row of a report
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


# Matches rows that are written unchanged, as most are, unless a cell begins with one of
# `_DANGEROUS`.
PLAIN = re.compile(r"[ !#-:<-\[\]-{}~]*")
_DANGEROUS = ("=", "+", "-", "@", "'")


def encode(row: list[str]) -> bytes:
    """Return *row* as a line of RFC 4180, its cells escaped by `encode_cell`."""
    text = ",".join(row)
    if not (
        text  # not "": a lone empty cell needs quotes
        and len(text) <= CELL_MAX
        and PLAIN.fullmatch(text)
        and text.count(",") == len(row) - 1
        and not any(cell.startswith(_DANGEROUS) for cell in row)
    ):
        text = ",".join(encode_cell(cell, first=not n) for n, cell in enumerate(row))
        text = '""' if row == [""] else text
    return f"{text}\r\n".encode()


def decode(row: list[str]) -> list[str]:
    """Undo the escapes of `encode` in the cells of *row*."""
    return [decode_cell(cell) for cell in row]


def _int(cell: str) -> int | None:
    return int(cell) if cell else None


HEADER = encode(list(COLUMNS.values()))


class Row(NamedTuple):
    """A complete row of a report."""

    offset: int
    """Bytes from the start of the report."""
    raw: bytes
    """Includes the line ending."""
    cells: list[str]
    """In the order of `COLUMNS`. The properties below name those that others read, as text."""

    @property
    def url(self) -> str:
        return self.cells[0]

    @property
    def code(self) -> str:
        return self.cells[1]

    @property
    def line(self) -> int:
        return int(self.cells[2])

    @property
    def file(self) -> str:
        """The image's file name in the store; empty if the row has no file."""
        return self.cells[3]

    @property
    def size(self) -> str:
        """The column ``Bytes``."""
        return self.cells[4]

    @property
    def sha256(self) -> str:
        return self.cells[8]

    @property
    def attempts(self) -> str:
        return self.cells[9]

    @property
    def reason(self) -> str:
        return self.cells[-1]

    def moved_to(self, line: int) -> list[str]:
        """Return the cells of the same row for another line of the list."""
        return [*self.cells[:2], str(line), *self.cells[3:]]


ROW_MAX = 4 * CELL_MAX * len(COLUMNS)
"""Maximum length of a row, in bytes. A row is read with one call."""


class DamagedRow(ValueError):
    """Raised for a row with an impossible value in a cell."""


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
"""Allowed values by index of the cell: line, bytes, width, height, hash, attempts, seconds."""

_ALL_FIGURES = re.compile("\n".join(_FIGURES.values()))


def parse_row(raw: bytes) -> list[str]:
    """Return the cells of the row *raw*.

    :raises ValueError: if it is not a valid row; the message says why
    """
    if not raw.endswith(b"\r\n"):
        raise ValueError("too long" if len(raw) == ROW_MAX else "it doesn't end with CRLF")
    text = raw[:-2].decode()
    try:
        cells = next(csv.reader([text], strict=True)) if '"' in text else text.split(",")
    except csv.Error as error:
        raise ValueError(str(error)) from error
    if len(cells) != len(COLUMNS):
        raise ValueError(f"{len(cells)} cells, not {len(COLUMNS)}")
    if "'" in text or "\\" in text:
        cells = decode(cells)
    check_figures(cells)
    return cells


def check_figures(cells: list[str]) -> None:
    """Check the cells of a row that hold numbers or a hash.

    :raises DamagedRow: if one of them is not valid
    """
    if _ALL_FIGURES.fullmatch("\n".join((cells[2], cells[4], *cells[6:11]))) is None:
        for index, allowed in _FIGURES.items():
            if re.fullmatch(allowed, cells[index]) is None:
                name = list(COLUMNS.values())[index]
                raise DamagedRow(
                    f"the row of line {cells[2][:20]} is damaged: {name} = {cells[index][:40]!r}"
                )
        raise DamagedRow("a row is damaged")  # a cell contains a line ending
