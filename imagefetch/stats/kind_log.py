"""Records for a fleet what reports don't say: what bodies that are not images are, and by which
signals hosts opt out.

The log of a part of a fleet's job is next to the report of that part: a line for each such row,
with the id of its line (`imagefetch.urls.id_of`) and one word, a kind of
`imagefetch.images.non_images.KINDS` or one of `imagefetch.download.opt_outs.signals.SIGNALS`.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from imagefetch.download.opt_outs.signals import SIGNALS
from imagefetch.images.non_images import KINDS
from imagefetch.items import ImageRecord

SUFFIX = ".kinds"
"""Of the log's file name."""

WORDS = {*KINDS, *SIGNALS}


class KindLog:
    """Appends to the log at *path*, which is created for the first record that has a kind or a
    signal."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: BinaryIO | None = None

    def add(self, record: ImageRecord) -> None:
        """Write the kind or the signal of *record*, if it has one. That the disk refuses is no
        reason to end a run: its report notices it, too."""
        if word := record.kind or record.signal:
            with suppress(OSError):
                if self._file is None:
                    self._file = self.path.open("ab", buffering=0)
                self._file.write(b"%d %s\n" % (record.line_id, word.encode()))

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def read_kinds(lines: Iterable[bytes]) -> dict[int, str]:
    """Return the kinds and signals in the *lines* of a log by id of the line; damaged lines are
    left out."""
    found = {}
    for line in lines:
        number, _, word = line.strip().decode("ascii", "replace").partition(" ")
        if word in WORDS and number.isdecimal() and len(number) < 32:
            found[int(number)] = word
    return found
