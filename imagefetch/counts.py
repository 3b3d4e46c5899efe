"""What the rows written so far add up to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from imagefetch.items import ImageRecord


@dataclass
class Counts:
    """Sums over rows; bounded, however many rows there are."""

    done: int = 0
    """Rows."""
    kept: int = 0
    """Rows that name a file."""
    bytes: int = 0
    """Of the files stored; a duplicate's file counts once."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Rows without a file, by `Reason`."""
    damaged: Counter[str] = field(default_factory=Counter)
    """Rows with a file whose picture is no good, by `Reason`."""

    def add(self, record: ImageRecord) -> None:
        self.done += 1
        if record.file:
            self.kept += 1
            if record.attempts:
                self.bytes += record.bytes or 0
            if record.reason:
                self.damaged[record.reason] += 1
        else:
            self.reasons[record.reason] += 1
