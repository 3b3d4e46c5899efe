"""Reads CSV tables (RFC 4180), record by record, in bounded memory.

A record that can't be read costs its first physical line: reading goes on at the next one, so
that a quote without its partner does not hide the records after it.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from typing import IO

from imagefetch.lists.records import RECORD_MAX, Broken, check_names

csv.field_size_limit(RECORD_MAX)  # `_Lines` bounds records; the default is a smaller bound

DELIMITERS = ",;\t|"


class CsvRecords:
    """The records of a CSV file, whose first record names the columns."""

    def __init__(self, file: IO[str], delimiter: str) -> None:
        """*file* must be opened with ``newline=""``.

        :raises BadInput: if two columns have one name
        """
        self._lines = _Lines(file)
        self._reader = csv.reader(self._lines, delimiter=delimiter, strict=True)
        header = self._next()
        self.names = () if header is None or isinstance(header, Broken) else tuple(header)
        check_names(self.names)

    def __iter__(self) -> Iterator[list[str] | Broken]:
        width = len(self.names)
        while (record := self._next()) is not None:
            if len(record) == width or isinstance(record, Broken):
                yield record
            else:
                yield Broken("".join(self._lines.taken))

    def _next(self) -> list[str] | Broken | None:
        """Return the next record that is not blank; None if there is none."""
        while True:
            self._lines.begin()
            try:
                record = next(self._reader, None)
            except csv.Error:
                return Broken(self._lines.put_back())
            if record != []:
                return record


class _Lines:
    """The physical lines of a file; those of the current record can be put back."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._put_back: deque[str] = deque()
        self._size = 0
        self.taken: list[str] = []
        """Lines of the current record."""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._put_back.popleft() if self._put_back else self._file.readline(RECORD_MAX)
        if not line:
            raise StopIteration
        self.taken.append(line)
        self._size += len(line)
        if self._size >= RECORD_MAX:
            raise csv.Error
        return line

    def begin(self) -> None:
        """Begin a record."""
        self.taken.clear()
        self._size = 0

    def put_back(self) -> str:
        """Put back the lines of the record except the first one, which is returned, truncated if
        it is long."""
        first, *others = self.taken
        self._put_back.extendleft(reversed(others))
        part = first
        while len(part) == RECORD_MAX and part[-1] not in "\r\n":
            part = self._file.readline(RECORD_MAX)
        return first
