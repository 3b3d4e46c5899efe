"""Records what the bodies are that are not images, for a fleet: reports don't say it.

The log of a part of a fleet's job is next to the report of that part: a line for each row whose
body is not an image, with the row's line number and a kind of `imagefetch.images.non_images.KINDS`.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from imagefetch.images.non_images import KINDS
from imagefetch.items import ImageRecord

SUFFIX = ".kinds"
"""Of the log's file name."""


class KindLog:
    """Appends to the log at *path*, which is created for the first record that has a kind."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: BinaryIO | None = None

    def add(self, record: ImageRecord) -> None:
        """Write the kind of *record*, if it has one. That the disk refuses is no reason to end a
        run: its report notices it, too."""
        if record.kind:
            with suppress(OSError):
                if self._file is None:
                    self._file = self.path.open("ab", buffering=0)
                self._file.write(b"%d %s\n" % (record.line, record.kind.encode()))

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def read_kinds(lines: Iterable[bytes]) -> dict[int, str]:
    """Return the kinds in the *lines* of a log by line number; damaged lines are left out."""
    found = {}
    for line in lines:
        number, _, kind = line.strip().decode("ascii", "replace").partition(" ")
        if kind in KINDS and number.isdecimal() and len(number) < 20:
            found[int(number)] = kind
    return found
