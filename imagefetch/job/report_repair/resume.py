"""Repairs the report of an earlier run, so that this run can resume.

Each step leaves either the complete old report or the complete new one, so that a kill
at any moment loses only that step.
"""

from __future__ import annotations

import logging
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from imagefetch.config.only_argument import Only
from imagefetch.job.journal import Journal
from imagefetch.job.report_repair.rewrite import replace, replace_report, rewrite_for_list
from imagefetch.job.report_repair.superseded_rows import remove_superseded
from imagefetch.job.store_check import check_store, has_no_file
from imagefetch.job.temporary_files import remove_temporary_files
from imagefetch.lists.copy import Copy
from imagefetch.lists.list_file import ListFile
from imagefetch.output.ownership.numbered_reports import numbered, retire
from imagefetch.output.partial_files import partial_folder
from imagefetch.output.report.report_file import check_header, read_rows, readable_rows, whole_size
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
    copy: Copy | None = None
    """The list, whose copy `commit` keeps."""

    def commit(self) -> None:
        """Keep the copy of the list, and repair the report for appending.

        Before this call, existing files are unchanged.

        :raises OSError: if the file system refuses the report
        :raises BadInput: if it refuses the list
        """
        if self.copy is not None:
            self.copy.keep()  # first: a report without its list could not be resumed
        if self.fresh:
            self._retire()
        elif self.new is not None:
            remove_superseded(self.report, self.store)
            if self.loses_rows:
                _keep_numbered(self.report)
            replace(self.new, self.report)
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
        """Close the journal, and remove a list and a rewritten report that were not committed."""
        self.journal.close()
        if self.copy is not None:
            self.copy.drop()
        if self.new is not None:
            self.new.unlink(missing_ok=True)


def _size(path: Path) -> int:
    return path.stat().st_size


def prepare(report: Path, urls: ListFile, store: str, *, only: Only, fresh: bool) -> Journal:
    """Repair *report* for the list *urls* at once; return the journal of what is done.

    :raises NothingToDo, BadInput: as `inspect_report` does
    """
    preparation = inspect_report(report, urls, store, only=only, fresh=fresh)
    preparation.commit()
    return preparation.journal


def inspect_report(
    report: Path, urls: ListFile, store: str, *, only: Only, fresh: bool
) -> Preparation:
    """Find out which lines of the list *urls* are done, and how *report* must be repaired.

    :raises NothingToDo: if every line is done
    :raises BadInput: if *report* is not a report of this program, is of another list, or has its
        images in another store; it is left unchanged
    """
    remove_temporary_files(report, urls.path)
    preparation = Preparation(report, store, Journal(), fresh)
    if not report.exists():
        return preparation
    if fresh:
        check_header(report)  # a file that is not a report is not moved away
        return preparation
    if not urls.is_shard:  # the fleet has checked the store for the whole job
        check_store(report, store)
    journal = preparation.journal
    journal.read(report, urls, only)
    if journal.matched < journal.lines or journal.lines < journal.rows:
        preparation.new, preparation.loses_rows = rewrite_for_list(report, urls, journal)
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
