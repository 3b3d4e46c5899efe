"""Reads CSV tables (RFC 4180), record by record, in bounded memory.

A record that can't be read costs its first physical line: reading goes on at the next one, so
that a quote without its partner does not hide the records after it. Of a record that is too long,
the lines up to the next one with all cells belong to it.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from typing import IO

from imagefetch.errors import BadInput
from imagefetch.lists.tables.records import RECORD_MAX, Broken, column_names

csv.field_size_limit(RECORD_MAX)  # `_Lines` bounds records; the default is a smaller bound

DELIMITERS = ",;\t|"


class CsvRecords:
    """The records of a CSV file, whose first record names the columns."""

    left_out = 0

    def __init__(self, file: IO[str], delimiter: str) -> None:
        """*file* must be opened with ``newline=""``.

        :raises BadInput: if two columns have one name, or the header can't be read
        """
        self._delimiter = delimiter
        self._lines = _Lines(file)
        self._reader = csv.reader(self._lines, delimiter=delimiter, strict=True)
        header = self._next()
        if header == [] and delimiter != "\t":
            raise BadInput("the first line is no header: a quote without its partner, or too long")
        self.names = column_names(header or self._lines.cells(delimiter))

    def __iter__(self) -> Iterator[list[str] | Broken]:
        width = len(self.names)
        is_long = False
        while (record := self._next()) is not None:
            if len(record) == width:
                is_long = False
                yield record
            elif self._lines.taken[0].isspace() or is_long:
                self._lines.put_back()
            else:
                is_long = self._lines.size >= RECORD_MAX  # its other lines are no records
                yield self._unquoted(width)

    def _next(self) -> list[str] | None:
        """Return the cells of the next record that is not blank; none if they can't be told. None
        at the end."""
        while True:
            self._lines.begin()
            try:
                record = next(self._reader, None)
            except csv.Error:
                return []
            if record != []:
                return record

    def _unquoted(self, width: int) -> list[str] | Broken:
        """Return the record without a meaning of quotes, which many a table with tabs does not
        know, if it then has *width* cells."""
        self._lines.put_back()
        first = self._lines.taken[0]
        is_whole = self._delimiter == "\t" and len(first) < RECORD_MAX
        cells = self._lines.cells(self._delimiter) if is_whole else []
        return cells if len(cells) == width else Broken(first)


class _Lines:
    """The physical lines of a file; those of the current record can be put back."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._put_back: deque[str] = deque()
        self.size = 0
        """Characters of the current record so far."""
        self.taken: list[str] = []
        """Lines of the current record."""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._put_back.popleft() if self._put_back else self._file.readline(RECORD_MAX)
        if not line:
            raise StopIteration
        self.taken.append(line)
        self.size += len(line)
        if self.size >= RECORD_MAX:
            raise csv.Error
        return line

    def begin(self) -> None:
        """Begin a record."""
        self.taken.clear()
        self.size = 0

    def cells(self, delimiter: str) -> list[str]:
        """Return the cells of the first line, quotes included."""
        return self.taken[0].rstrip("\r\n").split(delimiter) if self.taken else []

    def put_back(self) -> None:
        """Put back the lines of the record except the first one; skip that to its end."""
        part, *others = self.taken
        del self.taken[1:]
        self._put_back.extendleft(reversed(others))
        while len(part) == RECORD_MAX and part[-1] not in "\r\n":
            part = self._file.readline(RECORD_MAX)
