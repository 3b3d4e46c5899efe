"""Compares the lines of a shard with the rows of an attempt's report."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from imagefetch.errors import WorkerCrash
from imagefetch.fleet.worker.bisection import ALONE, PROCESS
from imagefetch.items import ImageRecord
from imagefetch.line import Line
from imagefetch.lists.list_file import ListFile
from imagefetch.lists.shards import SHARD_SUFFIX, write_shard
from imagefetch.output.report.carried import carried_cells
from imagefetch.output.report.columns import Layout
from imagefetch.output.report.csv_rows import cells
from imagefetch.output.report.encoding import encode
from imagefetch.output.report.report_file import read_rows, whole_size


class ShardRows:
    """The rows of *report* for the shard in the file *lines*."""

    def __init__(self, lines: Path, report: Path) -> None:
        self.lines = lines
        self.layout = Layout.of_list(ListFile(lines).columns)
        self.report = report
        self.done = 0
        """Number of rows, as of the last call of `count`."""
        self.kept = 0
        """Number of those that name a file."""
        self._counted = 0  # bytes of the report whose rows are counted

    def missing(self) -> list[tuple[int, Line]]:
        """Return the lines without a row, each with its position in the shard."""
        done = {row.key for row in read_rows(self.report)}
        lines = enumerate(ListFile(self.lines).lines())
        return [(position, line) for position, line in lines if line.key not in done]

    def list_without(self, others: Sequence[tuple[int, Line]], scratch: Path) -> Path:
        """Return the path of a list of the shard's lines without *others*; if there are others,
        it is in the folder *scratch*."""
        if not others:
            return self.lines
        left_out = {position for position, _ in others}
        path = scratch / f"part{SHARD_SUFFIX}"
        lines = enumerate(ListFile(self.lines).lines())
        kept = (line for position, line in lines if position not in left_out)
        write_shard(path, self.layout.columns, kept)
        return path

    def count(self) -> bool:
        """Count the new rows; return whether there are any."""
        before = self.done
        for row in read_rows(self.report, self._counted):
            self.done += 1
            self.kept += bool(row.file)
            self._counted = row.offset + len(row.raw)
        return self.done > before

    def add_crash(self, line: Line) -> None:
        """Write a ``WorkerCrash`` row for a line that kills every process."""
        error = WorkerCrash()
        record = ImageRecord(line.text, error.code, line.number, attempts=ALONE // PROCESS)
        record.reason, record.part = error.reason, line.part
        os.truncate(self.report, whole_size(self.report))
        with self.report.open("ab") as file:
            file.write(encode([*cells(record), *carried_cells(line.record, self.layout)]))
