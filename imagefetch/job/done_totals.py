"""Sums up the rows of earlier runs, so that a run can report figures of the whole job."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from imagefetch.output.report.csv_rows import Row


@dataclass
class DoneTotals:
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
        self.done += 1
        if not row.file:
            self.reasons[row.reason] += 1
            return
        self.kept += 1
        if row.attempts != "0" and row.size.isdecimal():
            self.bytes += int(row.size)
        if row.reason:
            self.damaged[row.reason] += 1
