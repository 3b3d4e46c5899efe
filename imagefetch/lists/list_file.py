"""Reads a list of any format: yields its lines, and names the columns that the report carries."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from operator import itemgetter
from pathlib import Path

from imagefetch.errors import BadInput
from imagefetch.line import Line
from imagefetch.lists.advice import advice_for
from imagefetch.lists.detection import Format, format_of
from imagefetch.lists.options import DEFAULTS, ListOptions
from imagefetch.lists.plain import READ_ERRORS, checked_path, open_text, read_lines
from imagefetch.lists.repair import is_url, repaired, repaired_lines
from imagefetch.lists.shape import header_command, refusal_of, warning_of
from imagefetch.lists.shards import is_shard, shard_columns
from imagefetch.lists.tables.arrow_table import ArrowRecords, open_binary
from imagefetch.lists.tables.cells import holds_url, splitter
from imagefetch.lists.tables.columns import carried_columns, url_columns
from imagefetch.lists.tables.csv_table import CsvRecords
from imagefetch.lists.tables.json_table import JsonRecords
from imagefetch.lists.tables.records import LOOKED_AT, Broken, Records
from imagefetch.urls import PLAIN_URL
from imagefetch.utils.cells import truncated


class _Columns:
    """The columns of a table that are used."""

    def __init__(self, names: Sequence[str], urls: Sequence[int], carried: Sequence[int]) -> None:
        self.urls = urls
        """Positions of those with URLs."""
        self.carried = tuple(names[position] for position in carried)
        """Names of those that the report carries."""
        self.needed = {names[position] for position in (*urls, *carried)}
        self.of_record: Callable[[Sequence[str]], Sequence[str]] = itemgetter(*carried, 0, 0)
        """Returns the carried cells of a record, and others after them: always a tuple."""


@dataclass
class Unused:
    """What the lines of a table leave out."""

    blank: int = 0
    """Records without a URL."""
    left_out: int = 0
    """Records with a key that none of the first ones has."""

    def __str__(self) -> str:
        """One sentence for each, empty if there is nothing."""
        told = [
            f"{count:,} {'record has' if count == 1 else 'records have'} {what}"
            for count, what in (
                (self.blank, "no URL, and no row"),
                (self.left_out, "keys that no record at the beginning has; they are left out"),
            )
            if count
        ]
        return "; ".join(told)


@dataclass(frozen=True)
class ListFile:
    """The list in the file *path*; it may be read more than once."""

    path: Path
    options: ListOptions = DEFAULTS
    argument: str = field(default="", compare=False)
    """How the user names the list, after ``-a urls=``, if not by the path."""

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
        return () if self._is_plain else self._columns.carried

    def lines(self, unused: Unused | None = None) -> Iterator[Line]:
        """Return an iterator over the images of the list, one `Line` each.

        *unused* counts what the lines leave out.

        :raises BadInput: if the list can't be opened, or not be read in its format
        :raises OSError, EOFError, …: of `READ_ERRORS`, if reading fails after the beginning
        """
        if not self._is_plain:
            return self._table_lines(unused or Unused())
        lines = read_lines(self.path)
        return repaired_lines(lines) if self.options.repair and not self.is_shard else lines

    def check(self) -> None:
        """Look at the beginning of the list.

        :raises BadInput: naming the path and what is wrong with it
        """
        try:
            first = self._first_lines()
        except BadInput as error:
            if self.is_shard:
                raise
            named = self.argument or str(self.path)
            raise BadInput(advice_for(self.path, self._format, str(error), named)) from error
        except READ_ERRORS as error:
            raise BadInput(f"{self.path}: can't be read as a list of URLs: {error}") from error
        if not first:
            raise BadInput(f"{self.path}: no URL in the list; write one URL per line")
        if not self._is_plain or self.is_shard:
            return
        if refusal := refusal_of(first, self.argument or str(self.path)):
            raise BadInput(f"{self.path}: {refusal}")

    def warning(self) -> str | None:
        """Return a warning if most lines look as if they were meant otherwise, or None."""
        try:
            first = self._first_lines() if self._is_plain and not self.is_shard else []
        except READ_ERRORS:
            return None  # the spider reports the same error
        told = warning_of(first)
        return told and f"{self.path}: {told}"

    def _first_lines(self) -> list[Line]:
        return list(itertools.islice(self.lines(), LOOKED_AT))

    @cached_property
    def _format(self) -> Format:
        return format_of(self.path, self.options.format)

    @property
    def _is_plain(self) -> bool:
        return self.is_shard or self._format.name == "lines"

    @contextmanager
    def _records(self, needed: Collection[str] | None = None) -> Iterator[Records]:
        """Open the table. *needed*: names of the columns that are used, if they are known.

        :raises BadInput: if the columns can't be told
        """
        name, delimiter = self._format
        try:
            if name == "arrow":
                with checked_path(self.path):
                    binary = open_binary(self.path)
                with binary:
                    yield ArrowRecords(binary, needed)
                return
            with open_text(self.path, newline="") as file:
                yield CsvRecords(file, delimiter) if name == "csv" else JsonRecords(file)
        except BadInput as error:
            where = f"{self.path}: "
            raise BadInput(where + str(error).removeprefix(where)) from error

    @cached_property
    def _columns(self) -> _Columns:
        with self._records() as records:
            first = list(itertools.islice(records, LOOKED_AT))
            sample = [record for record in first if not isinstance(record, Broken)]
            if any(map(is_url, records.names)):
                raise BadInput(self._without_header(records.names))
            if not first:
                raise BadInput("no URL in the list: it has no records")
            if not sample:
                why = f": not {len(records.names)} cells as the header, or a quote is open"
                raise BadInput(
                    f"none of its first {len(first)} records can be read"
                    + why * (self._format.name == "csv")
                )
            split = splitter(self.options.separator)
            urls = url_columns(records.names, self.options.url_columns, sample, split)
            texts = [url for cells in sample for at in urls for url in split(cells[at])]
            if not any(map(holds_url, texts)):
                shown = ", ".join(repr(records.names[at]) for at in urls)
                raise BadInput(f"no URL in its first {len(sample)} records, in column {shown}")
            carried = carried_columns(records.names, self.options.carry, urls)
            return _Columns(records.names, urls, carried)

    def _without_header(self, first: Sequence[str]) -> str:
        """Return what is wrong with a table whose first record is no header."""
        argument = shlex.quote(self.argument or str(self.path))
        return (
            "the first line must name the columns, and is none of names; add one: "
            + header_command(first, self._format.delimiter, argument)
        )

    def _table_lines(self, unused: Unused) -> Iterator[Line]:
        columns = self._columns
        names, cells_of, urls_at = columns.carried, columns.of_record, columns.urls
        split = splitter(self.options.separator)
        repair = self.options.repair
        with self._records(columns.needed) as records:
            for number, cells in enumerate(records, 1):
                if isinstance(cells, Broken):
                    yield Line(number, truncated(cells.strip()), invalid=True)
                    continue
                urls = [url for at in urls_at for url in split(cells[at])]
                if not urls:
                    unused.blank += 1
                    continue
                record = dict(zip(names, cells_of(cells), strict=False))
                for part, url in enumerate(urls, 1):
                    is_right = not repair or PLAIN_URL.fullmatch(url)
                    yield Line(
                        number,
                        truncated(url),
                        part if len(urls) > 1 else None,
                        record,
                        repaired="" if is_right else repaired(url),
                    )
            unused.left_out = records.left_out
