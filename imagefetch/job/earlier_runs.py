"""Sums up the rows of earlier runs, so that a run can report figures of the whole job."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from imagefetch.output.csv_rows import Row


@dataclass
class Before:
    """Sums over the rows of lines that need no more work."""

    done: int = 0
    """Number of rows."""
    kept: int = 0
    """Rows that name a file."""
    bytes: int = 0
    """Size of these files; a file shared by duplicates counts once."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Rows without a file, by `Reason`."""
    damaged: Counter[str] = field(default_factory=Counter)
    """Rows with a file, by `Reason`."""

    def add(self, row: Row) -> None:
        """Add *row* to the sums."""
        cells = row.cells
        file, size, attempts, reason = cells[3], cells[4], cells[9], cells[-1]
        self.done += 1
        if not file:
            self.reasons[reason] += 1
            return
        self.kept += 1
        if attempts != "0" and size.isdecimal():
            self.bytes += int(size)
        if reason:
            self.damaged[reason] += 1
