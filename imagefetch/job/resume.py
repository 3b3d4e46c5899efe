"""Repairs the report of an earlier run, so that this run can resume.

Each step leaves either the complete old report or the complete new one, so that a kill
at any moment loses only that step.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from imagefetch.config.only import Only
from imagefetch.errors import BadInput, ReportError
from imagefetch.job.journal import Journal
from imagefetch.job.moved_rows import MovedRows
from imagefetch.job.store_check import check_store, has_no_file
from imagefetch.job.superseded_rows import remove_superseded
from imagefetch.lists.kept_copy import is_copy_of, is_kept_list
from imagefetch.lists.plain import read_lines
from imagefetch.lists.shards import is_shard
from imagefetch.output.csv_rows import (
    HEADER,
    check_header,
    encode,
    read_rows,
    readable_rows,
    whole_size,
)
from imagefetch.output.own_files import new_file, remove_leftovers
from imagefetch.output.ownership.numbered_reports import numbered, retire
from imagefetch.output.page_file import MARK, page_path
from imagefetch.output.partial_files import partial_folder
from imagefetch.output.store_paths import is_remote, local_path

logger = logging.getLogger(__name__)


class NothingToDo(Exception):
    """Raised if every line of the list has its row. The text is one line for the user."""


@dataclass
class Preparation:
    """State of a report before a run, and the repairs that `commit` makes as the run begins."""

    report: Path
    store: str
    journal: Journal
    fresh: bool = False
    new: Path | None = None
    """The rewritten report: one row per line, only of lines that the list has."""
    loses_rows: bool = False
    """Whether the rewritten report loses rows, so that the old one must be kept."""

    def commit(self) -> None:
        """Repair the report for appending. Before this call, existing files are unchanged.

        :raises OSError: if the file system refuses
        """
        if self.fresh:
            self._retire()
        elif self.new is not None:
            remove_superseded(self.report, self.store)
            if self.loses_rows:
                _keep_numbered(self.report)
            _replace(self.new, self.report)
            self.new = None
        elif self.report.exists() and (size := whole_size(self.report)) < _size(self.report):
            os.truncate(self.report, size)

    def _retire(self) -> None:
        if not self.report.exists():
            return
        notes = None
        if not is_remote(self.store):
            if has_no_file(readable_rows(self.report), local_path(self.store)):
                logger.warning(
                    "%s: its pictures are not in FILES_STORE; they are not removed", self.report
                )
            else:
                notes = partial_folder(self.store, self.report)
                notes.mkdir(parents=True, exist_ok=True)
        logger.info("The earlier report is kept in %s", retire(self.report, notes))

    def close(self) -> None:
        """Close the journal, and remove a rewritten report that was not committed."""
        self.journal.close()
        if self.new is not None:
            self.new.unlink(missing_ok=True)


def _size(path: Path) -> int:
    return path.stat().st_size


def prepare(report: Path, urls: Path, store: str, *, only: Only, fresh: bool) -> Journal:
    """Repair *report* for the list *urls* at once; return the journal of what is done.

    :raises NothingToDo, BadInput: as `inspect_report` does
    """
    preparation = inspect_report(report, urls, store, only=only, fresh=fresh)
    preparation.commit()
    return preparation.journal


def inspect_report(report: Path, urls: Path, store: str, *, only: Only, fresh: bool) -> Preparation:
    """Find out which lines of the list *urls* are done, and how *report* must be repaired.

    :raises NothingToDo: if every line is done
    :raises BadInput: if *report* is not a report of this program, is of another list, or has its
        images in another store; it is left unchanged
    """
    clear_up(report, urls)
    preparation = Preparation(report, store, Journal(), fresh)
    if not report.exists():
        return preparation
    if fresh:
        check_header(report)  # a file that is not a report is not moved away
        return preparation
    if not is_shard(urls):  # the fleet has checked the store for the whole job
        check_store(report, store)
    journal = preparation.journal
    journal.read(report, urls, only)
    if journal.matched < journal.lines or journal.lines < journal.rows:
        preparation.new, preparation.loses_rows = rewrite(report, urls, journal)
        journal.close()
        preparation.journal = journal = Journal()
        journal.read(preparation.new, urls, only)
    if journal.done == journal.total:
        preparation.commit()
        raise NothingToDo(_nothing_to_do(report, journal.done, only))
    return preparation


def compact(report: Path, store: str) -> int:
    """Keep only the last row of each line, and remove the files that only dropped rows name.

    Return the number of removed files.
    """
    journal = Journal()
    journal.read_report(report)
    removed = 0
    if journal.lines < journal.rows:
        removed = remove_superseded(report, store, journal)
        replace_report(report, (row.raw for row in read_rows(report) if journal.is_last(row)))
    journal.close()
    return removed


def rewrite(report: Path, urls: Path, journal: Journal) -> tuple[Path, bool]:
    """Write a new report: one row per line, only of lines that the list has.

    Rows of moved lines get their new number. Return the path, and whether rows are lost.

    :raises BadInput: if most rows are not of this list
    """
    moved = MovedRows()
    for row in read_rows(report):
        if journal.is_last(row) and not journal.is_matched(row):
            moved.add(row)
    claimed = sum(
        moved.claim(line.text, line.number)
        for line in read_lines(urls)
        if not journal.has_row(line)
    )
    if (journal.matched + claimed) * 2 < journal.lines:
        moved.close()
        raise BadInput(
            f"{report}: is of another list: {journal.matched + claimed:,} of its {journal.lines:,} "
            "lines are in this one; name another with -a report=PATH, or restart from scratch with "
            "-a fresh=1"
        )
    new = write_new(report, _kept(report, journal, moved))
    moved.close()
    return new, journal.matched + claimed < journal.lines


def _kept(report: Path, journal: Journal, moved: MovedRows) -> Iterator[bytes]:
    for row in read_rows(report):
        if not journal.is_last(row):
            continue
        if journal.is_matched(row):
            yield row.raw
        elif number := moved.line_of(row):
            yield encode(row.moved_to(number))


def replace_report(report: Path, rows: Iterator[bytes]) -> None:
    """Write *rows* to a temporary file, then replace *report* with it.

    :raises ReportError: if the file system refuses; the report is left unchanged
    """
    _replace(write_new(report, rows), report)


def _replace(new: Path, report: Path) -> None:
    """Replace *report* with *new*; if *report* is a link, replace its target.

    :raises ReportError: if the file system refuses; the report is left unchanged
    """
    try:
        new.replace(os.path.realpath(report))
    except OSError as error:
        new.unlink(missing_ok=True)
        raise ReportError(f"{report}: can't be rewritten: {error.strerror}") from error


def write_new(report: Path, rows: Iterator[bytes]) -> Path:
    """Write *rows* to a temporary file in the folder of *report*; return its path.

    :raises ReportError: if the file system refuses; the temporary file is removed
    """
    new = None
    try:
        new = new_file(Path(os.path.realpath(report)))
        with new.open("wb") as file:
            file.write(HEADER)
            file.writelines(rows)
            file.flush()
            os.fsync(file.fileno())
        return new
    except BaseException as error:
        if new is not None:
            new.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise ReportError(f"{report}: can't be rewritten: {error.strerror}") from error
        raise


def clear_up(report: Path, urls: Path | None = None) -> None:
    """Remove temporary files that a killed process left in the folder of *report*.

    The caller must hold the report's lock. The list *urls* is never removed.
    """

    def is_ours(name: str, head: bytes) -> bool:
        if name == report.name:
            return head.startswith(HEADER) or HEADER.startswith(head)
        if name == page_path(report).name:
            return head.startswith(MARK) or MARK.startswith(head)
        return is_copy_of(report, name) and (not head or is_kept_list(head))

    remove_leftovers(report.parent, is_ours, but=urls)


def _keep_numbered(report: Path) -> None:
    for kept in numbered(report):
        try:
            with kept.open("xb") as copy, report.open("rb") as file:
                shutil.copyfileobj(file, copy)
        except FileExistsError:
            continue
        logger.warning(
            "The list has changed: rows of lines that it no longer has are kept in %s", kept
        )
        return


def _nothing_to_do(report: Path, done: int, only: Only) -> str:
    if only:
        failed = "failed in a way that may pass" if only.failed else ""
        has = f"has the reason {' or '.join(sorted(only.reasons))}" if only.reasons else ""
        return f"{report}: nothing to do: no line {' or '.join(filter(None, (failed, has)))}"
    return (
        f"{report}: nothing to do: all {done:,} lines are done; -a only=failed fetches again "
        "what may succeed now, -a only=REASON,… the lines of other reasons, -a fresh=1 restarts "
        "from scratch, -a report=PATH writes another report"
    )
