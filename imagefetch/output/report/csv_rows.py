"""Converts records to rows of the report, and rows to records."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from operator import attrgetter
from typing import NamedTuple

from imagefetch.items import ImageRecord
from imagefetch.line import LineKey, place_of
from imagefetch.output.report.columns import COLUMNS, HEADER, NAMES, OWN, PLAIN, Layout
from imagefetch.output.report.encoding import decode, encode, split

__all__ = ["COLUMNS", "HEADER", "ROW_MAX", "Row", "cells", "decode", "encode", "record_of"]

_values = attrgetter(*COLUMNS)
_INDEX = {name: index for index, name in enumerate(COLUMNS)}
URL, CODE, LINE, FILE = 0, 1, 2, 3
SIZE, SHA256, ATTEMPTS, SECONDS, REASON, PART = (
    _INDEX[name] for name in ("bytes", "sha256", "attempts", "seconds", "reason", "part")
)

ROW_MAX = PLAIN.row_max


def cells(record: ImageRecord) -> list[str]:
    """Return the cells of the row for *record*, without those of the list's columns."""
    row = [
        value if value.__class__ is str else "" if value is None else str(value)
        for value in _values(record)
    ]
    if record.seconds is not None:
        row[SECONDS] = f"{record.seconds:.3f}"
    return row


def record_of(row: list[str]) -> ImageRecord:
    """Return the record for *row*, the cells of a `Row`.

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
        part=_int(named["part"]),
        final_url=named["final_url"],
        fetched=named["fetched"],
        etag=named["etag"],
        last_modified=named["last_modified"],
        source=named["source"],
        change=named["change"],
        match=named["match"],
    )


def _int(cell: str) -> int | None:
    return int(cell) if cell else None


class Row(NamedTuple):
    """A complete row of a report."""

    offset: int
    """Bytes from the start of the report."""
    raw: bytes
    """Includes the line ending."""
    cells: list[str]
    """In the order of `COLUMNS`, those that an older report lacks empty. The properties below
    name those that others read, as text."""
    carried: list[str] = []  # noqa: RUF012 - shared, and never changed
    """The cells of the list's columns, in the order of `Layout.carried`."""

    @property
    def url(self) -> str:
        return self.cells[URL]

    @property
    def code(self) -> str:
        return self.cells[CODE]

    @property
    def line(self) -> int:
        return int(self.cells[LINE])

    @property
    def part(self) -> int | None:
        return _int(self.cells[PART])

    @property
    def key(self) -> LineKey:
        """Line and part, which identify the image."""
        return int(self.cells[LINE]), _int(self.cells[PART])

    @property
    def place(self) -> str:
        """The line for a message: ``line 7, part 2``."""
        return place_of(*self.key)

    @property
    def file(self) -> str:
        """The image's file name in the store; empty if the row has no file."""
        return self.cells[FILE]

    @property
    def size(self) -> str:
        """The column ``Bytes``."""
        return self.cells[SIZE]

    @property
    def sha256(self) -> str:
        return self.cells[SHA256]

    @property
    def attempts(self) -> str:
        return self.cells[ATTEMPTS]

    @property
    def reason(self) -> str:
        return self.cells[REASON]

    def moved_to(self, line: int, part: int | None = None) -> list[str]:
        """Return the cells of the same row for another image of the list."""
        moved = [*self.cells]
        moved[LINE], moved[PART] = str(line), "" if part is None else str(part)
        return moved


class DamagedRow(ValueError):
    """Raised for a row with an impossible value in a cell."""


_NUMBER = "[0-8]?[0-9]{1,18}"  # below 2**63
_FIGURES = {
    LINE: rf"(?!0+(?!.)){_NUMBER}",
    SIZE: f"(?:{_NUMBER})?",
    _INDEX["width"]: f"(?:{_NUMBER})?",
    _INDEX["height"]: f"(?:{_NUMBER})?",
    SHA256: "(?:[0-9a-f]{64})?",
    ATTEMPTS: _NUMBER,
    SECONDS: r"(?:[0-9]{1,12}(?:\.[0-9]{1,9})?)?",
    PART: "(?:[1-9][0-9]{0,8})?",
}
"""Allowed values by index of the cell."""

_ALL_FIGURES = re.compile("\n".join(_FIGURES.values()))


def parse_row(raw: bytes, layout: Layout = PLAIN) -> list[str]:
    """Return the cells of the row *raw* of a report with *layout*: one for each of `COLUMNS`, then
    those of the list's columns.

    :raises ValueError: if it is not a valid row; the message says why
    """
    if not raw.endswith(b"\r\n"):
        raise ValueError("too long" if len(raw) == layout.row_max else "it doesn't end with CRLF")
    text = raw[:-2].decode()
    try:
        cells = split(text)
    except csv.Error as error:
        raise ValueError(str(error)) from error
    if len(cells) != layout.width:
        raise ValueError(f"{len(cells)} cells, not {layout.width}")
    if "'" in text or "\\" in text:
        cells = decode(cells)
    if layout.own < OWN:
        cells[layout.own : layout.own] = [""] * (OWN - layout.own)
    check_figures(cells)
    return cells


def check_figures(cells: Sequence[str]) -> None:
    """Check the cells of a row that hold numbers or a hash.

    :raises DamagedRow: if one of them is not valid
    """
    figures = "\n".join((cells[LINE], cells[SIZE], *cells[6:11], cells[PART]))
    if _ALL_FIGURES.fullmatch(figures) is None:
        for index, allowed in _FIGURES.items():
            if re.fullmatch(allowed, cells[index]) is None:
                raise DamagedRow(
                    f"the row of line {cells[LINE][:20]} is damaged: "
                    f"{NAMES[index]} = {cells[index][:40]!r}"
                )
        raise DamagedRow("a row is damaged")  # a cell contains a line ending
