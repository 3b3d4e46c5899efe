"""Encodes and decodes CSV cells: safe from formula injection, and within readers' limits."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right

from imagefetch.utils.text import CONTROL, escape, unescape

CELL_MAX = 131_071
"""Maximum characters of a written cell, quotes and escapes included: the default field size
limit of Python's ``csv``."""

CUT = "\ufffd"
"""Marks the end of a truncated cell, and replaces bytes that can't be decoded."""

# Spreadsheets evaluate a cell that begins with one of these characters as a formula (OWASP,
# "CSV Injection"); some also accept their Unicode compatibility forms. A leading apostrophe
# makes the cell text. A cell that begins with an apostrophe gets one too, so that reading
# removes exactly one.
_OTHER_FORMS = "".join(
    c for c in map(chr, range(0x80, 0x10000)) if unicodedata.normalize("NFKC", c) in "=+-@"
)
_FORMULA_START = rf"[=+\-@\t\r{_OTHER_FORMS}']"
_DANGEROUS = re.compile(_FORMULA_START)

SEPARATORS = ";\t|"
"""Characters at which some spreadsheets split instead of at a comma."""

_QUOTED = re.compile(f'[,"{SEPARATORS}]')

# A spreadsheet that splits at the separator would take the rest as a cell of its own.
_DANGEROUS_PIECE = re.compile(rf"[{SEPARATORS}][\s\"]*{_FORMULA_START}")

_ESCAPABLE = re.compile(rf"[{CONTROL}\\{SEPARATORS}]")
_ESCAPE_LENGTH = len(r"\u001b")  # the longest escape of one character
_OVERHEAD = len('\'""')


def encode_cell(cell: str, *, first: bool = False) -> str:
    """Return *cell* encoded for the file; *first*: whether it is the first cell of its row.

    A cell with a separator is quoted, which is enough for the first cell of a row. In later
    cells, a program that splits at another separator sees the quote in the middle of a field.
    There, separators before a dangerous character are escaped like control characters.
    """
    encoded = _encoded(cell, first)
    return encoded if len(encoded) <= CELL_MAX else _encoded(_truncated(cell), first)


def decode_cell(encoded: str) -> str:
    """Decode a cell that `encode_cell` encoded; quotes must be removed already."""
    return unescape(encoded).removeprefix("'")


def truncated(cell: str) -> str:
    """Return *cell* as it is read back after being written as the first cell of a row:
    truncated if it is too long."""
    if (
        len(cell) <= (CELL_MAX - _OVERHEAD) // _ESCAPE_LENGTH
        or len(_encoded(cell, True)) <= CELL_MAX
    ):
        return cell
    return _truncated(cell)


def encode_unquoted(cell: str) -> str:
    """Return *cell* encoded for any position in a row, without quoting."""
    encoded = _escaped(cell, first=False)
    return encoded if len(encoded) <= CELL_MAX else _escaped(_truncated(cell), first=False)


def _escaped(cell: str, first: bool) -> str:
    encoded = f"'{cell}" if _DANGEROUS.match(cell) else cell
    return escape(encoded, "" if first or not _DANGEROUS_PIECE.search(encoded) else SEPARATORS)


def _encoded(cell: str, first: bool) -> str:
    encoded = _escaped(cell, first)
    quoted = _QUOTED.search(encoded) or _QUOTED.search(cell)
    return '"' + encoded.replace('"', '""') + '"' if quoted else encoded


def _truncated(cell: str) -> str:
    """Return the longest prefix of *cell* that fits in the worst case, followed by `CUT`."""
    room = CELL_MAX - _OVERHEAD - len(CUT)
    lengths = range(min(len(cell), room) + 1)
    return cell[: bisect_right(lengths, room, key=lambda n: _max_length(cell[:n])) - 1] + CUT


def _max_length(cell: str) -> int:
    """Return the maximum number of characters that *cell* may be encoded to."""
    plain = len(_ESCAPABLE.sub("", cell))
    return plain + cell.count('"') + (len(cell) - plain) * _ESCAPE_LENGTH
