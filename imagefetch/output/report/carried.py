"""Fills the list's own columns of a row."""

from __future__ import annotations

from collections.abc import Mapping

from imagefetch.output.report.columns import Layout
from imagefetch.output.report.encoding import split
from imagefetch.utils.cells import CUT, decode_cell, encode_cell

CARRIED_MAX = 64 * 1024
"""Maximum length of a carried cell, in bytes of UTF-8; a longer one is truncated."""

_SHORT = 10_000
"""Characters of a cell that is within all limits, whatever they are."""


def carried_cells(record: Mapping[str, str], layout: Layout) -> list[str]:
    """Return the cells of *record* for the list's columns in *layout*; for a column that it
    lacks, an empty one."""
    return [truncated(record.get(name, "")) for name in layout.columns]


def count_truncated(record: Mapping[str, str], layout: Layout) -> int:
    """Return how many cells `carried_cells` truncates."""
    return sum(
        len(cell) > _SHORT and truncated(cell) != cell
        for cell in (record.get(name, "") for name in layout.columns)
    )


def truncated(cell: str) -> str:
    """Return *cell*, or its beginning and `CUT` if it is too long for a report."""
    if len(cell) <= _SHORT:
        return cell
    raw = cell.encode("utf-8", "surrogatepass")
    if len(raw) > CARRIED_MAX:
        cell = raw[:CARRIED_MAX].decode("utf-8", "ignore") + CUT
    [written] = split(encode_cell(cell))  # quotes and the escapes of control characters take room
    return decode_cell(written)
