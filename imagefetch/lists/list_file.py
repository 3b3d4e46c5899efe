"""Reads a list of any format: yields its lines, and names the columns that the report carries."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from pathlib import Path

from imagefetch.errors import BadInput
from imagefetch.lists.cells import splitter
from imagefetch.lists.columns import carried_columns, url_columns
from imagefetch.lists.csv_table import CsvRecords
from imagefetch.lists.detection import LOOKED_AT, Format, format_of
from imagefetch.lists.json_lines import JsonRecords
from imagefetch.lists.options import DEFAULTS, ListOptions
from imagefetch.lists.plain import READ_ERRORS, check_list, open_text, read_lines
from imagefetch.lists.records import Broken, Records
from imagefetch.lists.shape import check_readable, warning_of
from imagefetch.lists.shards import is_shard, shard_columns
from imagefetch.urls import Line
from imagefetch.utils.cells import truncated


class _Columns:
    """Positions of the columns that are used, and names of those that the report carries."""

    def __init__(self, names: Sequence[str], urls: Sequence[int], carried: Sequence[int]) -> None:
        self.urls = urls
        self.names = tuple(names[position] for position in carried)
        # Always a tuple, also of no or of one column.
        self.carried = itemgetter(*carried, 0, 0) if names else tuple


@dataclass(frozen=True)
class ListFile:
    """The list in the file *path*; it may be read more than once."""

    path: Path
    options: ListOptions = DEFAULTS

    @property
    def is_shard(self) -> bool:
        """Whether it is a part of a list, whose lines have their numbers in the whole list."""
        return is_shard(self.path)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that the report carries, in the order of the list.

        :raises BadInput: as `lines` does
        """
        if self.is_shard:
            return shard_columns(self.path)
        return () if self._is_plain else self._columns.names

    def lines(self) -> Iterator[Line]:
        """Return an iterator over the images of the list, one `Line` each.

        :raises BadInput: if the list can't be opened, or not be read in its format
        :raises OSError, EOFError, zlib.error: if reading fails after the beginning
        """
        return read_lines(self.path) if self._is_plain else self._table_lines()

    def check(self) -> None:
        """Check that the list has a line, and that its beginning makes sense.

        :raises BadInput: naming the path and what is wrong with it
        """
        if self._is_plain:
            check_list(self.path)
            check_readable(self.path)
            return
        try:
            if next(self.lines(), None) is None:
                raise BadInput(f"{self.path}: no URL in the list")
        except READ_ERRORS as error:
            raise BadInput(f"{self.path}: can't be read as a list of URLs: {error}") from error

    def warning(self) -> str | None:
        """Return a warning if most lines look as if they were meant otherwise, or None."""
        return warning_of(self.path) if self._is_plain else None

    @cached_property
    def _format(self) -> Format:
        return format_of(self.path, self.options.format)

    @property
    def _is_plain(self) -> bool:
        return self.is_shard or self._format.name == "lines"

    @contextmanager
    def _records(self) -> Iterator[Records]:
        """:raises BadInput: if the columns can't be told"""
        name, delimiter = self._format
        with open_text(self.path, newline="") as file:
            try:
                yield CsvRecords(file, delimiter) if name == "csv" else JsonRecords(file)
            except BadInput as error:
                raise BadInput(f"{self.path}: {error}") from error

    @cached_property
    def _columns(self) -> _Columns:
        with self._records() as records:
            first = itertools.islice(records, LOOKED_AT)
            sample = [record for record in first if not isinstance(record, Broken)]
            split = splitter(self.options.separator)
            urls = url_columns(records.names, self.options.url_columns, sample, split)
            carried = carried_columns(records.names, self.options.carry, urls)
            return _Columns(records.names, urls, carried)

    def _table_lines(self) -> Iterator[Line]:
        columns = self._columns
        names, carried, urls_at = columns.names, columns.carried, columns.urls
        split = splitter(self.options.separator)
        with self._records() as records:
            for number, cells in enumerate(records, 1):
                if isinstance(cells, Broken):
                    yield Line(number, truncated(cells.strip()), invalid=True)
                    continue
                urls = [url for position in urls_at for url in split(cells[position])]
                record = dict(zip(names, carried(cells), strict=False))
                if len(urls) == 1:
                    yield Line(number, truncated(urls[0]), None, record)
                    continue
                for part, url in enumerate(urls, 1):
                    yield Line(number, truncated(url), part, record)
