"""Cells of a CSV file that no spreadsheet runs and every reader takes, and back."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right

from imagefetch.utils.text import CONTROL, escape, unescape

CELL_MAX = 131_071
"""Characters of a cell as written, quotes and escapes included; Python's ``csv`` reads no
longer ones."""

CUT = "\ufffd"
"""Ends a cell that was cut, and stands for bytes that can't be decoded."""

# A spreadsheet runs a cell that begins with one of these (OWASP, "CSV
# Injection"), some programs with what Unicode holds to be the same character
# in another form. One apostrophe in front makes it text. A cell that begins
# with an apostrophe gets one too, so that reading back is to take exactly one away.
_OTHER_FORMS = "".join(
    c for c in map(chr, range(0x80, 0x10000)) if unicodedata.normalize("NFKC", c) in "=+-@"
)
_RUN = rf"[=+\-@\t\r{_OTHER_FORMS}']"
_DANGEROUS = re.compile(_RUN)

SEPARATORS = ";\t|"
"""At which some spreadsheets split instead of at a comma."""

_QUOTED = re.compile(f'[,"{SEPARATORS}]')

# What follows a separator would be a cell of its own for a spreadsheet that splits there.
_DANGEROUS_PIECE = re.compile(rf"[{SEPARATORS}][\s\"]*{_RUN}")

_MAY_BE_ESCAPED = re.compile(rf"[{CONTROL}\\{SEPARATORS}]")
_LONGEST = len(r"\u001b")  # of what stands for one character
_AROUND = len('\'""')


def written(cell: str, *, first: bool = False) -> str:
    """Return *cell* as it stands in the file; *first* says that it begins the row.

    A cell with a separator is quoted. That is enough where it begins the row. In any other,
    the quote is in the midst of a field for a program that splits at another separator, so
    separators before a dangerous character are escaped as control characters are.
    """
    made = _written(cell, first)
    return made if len(made) <= CELL_MAX else _written(_beginning(cell), first)


def read(made: str) -> str:
    """Undo `written`, once quotes are undone."""
    return unescape(made).removeprefix("'")


def fitting(cell: str) -> str:
    """Return *cell* as reading gives it back after it was written as the first one of a row:
    cut if it is too long."""
    if len(cell) <= (CELL_MAX - _AROUND) // _LONGEST or len(_written(cell, True)) <= CELL_MAX:
        return cell
    return _beginning(cell)


def text(cell: str) -> str:
    """Return *cell* as it stands anywhere in a row, but for quotes."""
    made = _text(cell, first=False)
    return made if len(made) <= CELL_MAX else _text(_beginning(cell), first=False)


def _text(cell: str, first: bool) -> str:
    made = f"'{cell}" if _DANGEROUS.match(cell) else cell
    return escape(made, "" if first or not _DANGEROUS_PIECE.search(made) else SEPARATORS)


def _written(cell: str, first: bool) -> str:
    made = _text(cell, first)
    quoted = _QUOTED.search(made) or _QUOTED.search(cell)
    return '"' + made.replace('"', '""') + '"' if quoted else made


def _beginning(cell: str) -> str:
    """Return as much of *cell* as fits whatever of it is escaped, and the mark `CUT`."""
    room = CELL_MAX - _AROUND - len(CUT)
    lengths = range(min(len(cell), room) + 1)
    return cell[: bisect_right(lengths, room, key=lambda n: _most(cell[:n])) - 1] + CUT


def _most(cell: str) -> int:
    """Return how many characters may stand for *cell*."""
    plain = len(_MAY_BE_ESCAPED.sub("", cell))
    return plain + cell.count('"') + (len(cell) - plain) * _LONGEST
