"""Verifies a job: compares its list, its report and its store."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from imagefetch.errors import BadInput, condition_of
from imagefetch.images.repeats import Repeat, Repeats
from imagefetch.job.journal import Journal
from imagefetch.job.report_repair.rewrite import replace_report
from imagefetch.lists.list_file import ListFile
from imagefetch.output.file_names import stored_file
from imagefetch.output.ownership.intents import Notes, proven_file
from imagefetch.output.ownership.stored_files import StoredFiles, all_notes
from imagefetch.output.report.columns import PLAIN
from imagefetch.output.report.csv_rows import Row
from imagefetch.output.report.report_file import read_layout, read_rows, whole_size
from imagefetch.urls import host_of
from imagefetch.utils.text import escape, hide_credentials

EXAMPLES_MAX = 5  # examples reported of each kind of fault


@dataclass
class Audit:
    """Result of an audit."""

    lines: int = 0
    """Lines in the list."""
    rows: int = 0
    """Rows in the report."""
    kept: int = 0
    """Rows that name a file."""
    missing: int = 0
    """Lines without a row: the run is unfinished."""
    superseded: int = 0
    """Rows whose line was fetched again, by a run that is unfinished."""
    strays: int = 0
    """Files in the store that no row names; if jobs share a store, another job's."""
    stray_names: list[str] = field(default_factory=list)
    """Names of the first strays."""
    partial: int = 0
    """Unfinished downloads, files whose row is not yet written, and remains of killed runs."""
    broken: Counter[str] = field(default_factory=Counter)
    """Faults, by kind; a correct job has none."""
    examples: list[str] = field(default_factory=list)
    """Examples of faults, each naming its line or file."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Rows without a file, by reason."""
    hosts: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Rows without a file, by host and reason."""
    damaged: Counter[str] = field(default_factory=Counter)
    """Rows with a file whose image is damaged or unverified, by reason."""
    repeats: list[Repeat] = field(default_factory=list)
    """Images that many URLs of one host have in common."""

    def found(self, kind: str, where: str) -> None:
        """Record a fault."""
        self.broken[kind] += 1
        if self.broken[kind] <= EXAMPLES_MAX:
            self.examples.append(f"{kind}: {where}")


def audit(urls: ListFile, report: Path, store: Path | None, repeats: int = 0) -> Audit:
    """Compare *report* with the list *urls* and the files in the folder *store*.

    Every file is read and hashed. A remote store (None) is not read.

    :param repeats: report images that this many URLs of a host, or more, have in common; 0: none
    :raises BadInput: if the list or the report can't be read
    """
    if not report.exists():
        raise BadInput(f"{report}: no such report; name one with -a report=PATH")
    result = Audit()
    files = StoredFiles()
    notes: Notes = {}
    # Files are listed before rows are read, so that each listed file's row or note is seen.
    if store is not None:
        result.partial = files.read(store)
        notes = all_notes(store)
    journal = Journal()
    journal.read(report, urls)
    result.lines, result.rows = journal.total or 0, journal.rows
    result.missing = result.lines - journal.matched
    if journal.lines > journal.matched:
        result.broken["row of no line in the list"] = journal.lines - journal.matched
    if whole_size(report) < report.stat().st_size:
        result.found("torn row", f"at the end of {report}")
    counts = Repeats(repeats)
    for row in read_rows(report):
        if row.offset >= journal.end:  # written after the rows were counted
            files.name(row.file)
        elif not journal.is_last(row):
            _check_superseded(row, result)
        else:
            _check_row(row, result, store, files)
            if (
                row.file and row.attempts != "0"
            ):  # a duplicate's file was counted with its first line
                counts.add(row.url, row.sha256)
    result.repeats = counts.found()
    for name in files.unnamed():
        if store is not None and proven_file(store, name, notes.get(name, ())):
            result.partial += 1
            continue
        result.strays += 1
        if result.strays <= EXAMPLES_MAX:
            result.stray_names.append(name)
    files.close()
    journal.close()
    return result


def _check_superseded(row: Row, result: Audit) -> None:
    if row.reason:
        result.superseded += 1
    else:  # a line without a reason is not fetched again
        result.found("second row for a line", row.place)


def _check_row(row: Row, result: Audit, store: Path | None, files: StoredFiles) -> None:
    place, name, reason = row.place, row.file, row.reason
    if not name:
        result.reasons[reason] += 1
        result.hosts[host_of(row.url), reason] += 1
        if not reason:
            result.found("row with neither file nor reason", place)
        return
    result.kept += 1
    if reason:
        result.damaged[reason] += 1
    if store is None or not files.name(name):
        return  # a duplicate's file was checked before
    path = stored_file(store, name)
    if path is None:
        result.found("file missing", f"{place}: {name}")
        return
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            length = file.tell()
    except OSError:
        result.found("file unreadable", f"{place}: {name}")
        return
    if (str(length), digest) != (row.size, row.sha256):
        result.found("file changed", f"{place}: {name}")


def sort(urls: ListFile, report: Path) -> None:
    """Rewrite *report* in the order of the list *urls*."""
    journal = Journal()
    journal.read(report, urls)
    with report.open("rb") as file:
        layout = read_layout(report) or PLAIN
        replace_report(report, _rows_in_list_order(urls, journal, file), layout)
    journal.close()


def _rows_in_list_order(urls: ListFile, journal: Journal, file: BinaryIO) -> Iterator[bytes]:
    for line in urls.lines():
        if journal.has_row(line):
            file.seek(journal.offset(line))
            yield file.readline()


def describe(result: Audit) -> str:
    """Return the result as text, one fact per line."""
    lines = [
        f"lines       {result.lines:,}, {result.missing:,} of them without a row",
        f"rows        {result.rows:,}, {result.kept:,} of them with a file",
        *([f"superseded  {result.superseded:,} rows"] if result.superseded else []),
        f"strays      {result.strays:,} files that no row names",
        *(f"              {name}" for name in result.stray_names),
    ]
    if result.strays > len(result.stray_names):
        lines.append(f"              and {result.strays - len(result.stray_names):,} more")
    lines.append(f"partial     {result.partial:,} files")
    for reason, count in result.reasons.most_common():
        lines.append(f"not kept    {count:,} {reason}")
        hosts = Counter({host: n for (host, why), n in result.hosts.items() if why == reason})
        lines += [f"              {n:,} {host}" for host, n in hosts.most_common(EXAMPLES_MAX)]
    lines += [
        f"{condition_of(reason):<10}  {count:,} {reason}"
        for reason, count in result.damaged.most_common()
    ]
    lines += [f"repeated    {repeat}" for repeat in result.repeats[:EXAMPLES_MAX]]
    if len(result.repeats) > EXAMPLES_MAX:
        lines.append(f"repeated    {len(result.repeats) - EXAMPLES_MAX:,} more such pictures")
    lines += [f"BROKEN      {count:,} {kind}" for kind, count in result.broken.items()]
    lines += [f"              {example}" for example in result.examples]
    return "\n".join(escape(hide_credentials(line)) for line in lines)
