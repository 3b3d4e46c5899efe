"""Encodes the cells of a row as a line of CSV, and decodes them."""

from __future__ import annotations

import csv
import re

from imagefetch.utils.cells import CELL_MAX, decode_cell, encode_cell

# Matches rows that are written unchanged, as most are, unless a cell begins with one of
# `_DANGEROUS`; and cells that are, on the same condition.
_PLAIN_ROW = re.compile(r"[ !#-:<-\[\]-{}~]*").fullmatch
_PLAIN_CELL = re.compile(r"[ !#-&(-*.-:<>?A-\[\]-{}~][ !#-+\--:<-\[\]-{}~]{0,9999}").fullmatch
# Cells that only need quotes, as most values of ETag and Last-Modified.
_QUOTABLE_CELL = re.compile(r"[ -&(-*.-:<>?A-\[\]-{}~][ -:<-\[\]-{}~]{0,9999}").fullmatch
_DANGEROUS = ("=", "+", "-", "@", "'")


def encode(row: list[str]) -> bytes:
    """Return *row* as a line of RFC 4180, its cells escaped by `encode_cell`."""
    text = ",".join(row)
    if not (
        text  # not "": a lone empty cell needs quotes
        and len(text) <= CELL_MAX
        and _PLAIN_ROW(text)
        and text.count(",") == len(row) - 1
        and not text.startswith(_DANGEROUS)
        # One search each is several times as fast as a look at each cell.
        and ",=" not in text
        and ",+" not in text
        and ",-" not in text
        and ",@" not in text
        and ",'" not in text
    ):
        text = ",".join([_encode(cell, n) for n, cell in enumerate(row)]) if row != [""] else '""'
    return f"{text}\r\n".encode()


def _encode(cell: str, index: int) -> str:
    if not cell or _PLAIN_CELL(cell):
        return cell
    if _QUOTABLE_CELL(cell):
        doubled = cell.replace('"', '""')
        return f'"{doubled}"'
    return encode_cell(cell, first=not index)


def split(text: str) -> list[str]:
    """Return the cells of a row, *text* without its line ending, as they are written.

    :raises csv.Error: if a quote is not valid
    """
    return next(csv.reader([text], strict=True)) if '"' in text else text.split(",")


def decode(row: list[str]) -> list[str]:
    """Undo the escapes of `encode` in the cells of *row*."""
    return [decode_cell(cell) for cell in row]
