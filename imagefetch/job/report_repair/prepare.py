"""Repairs the report of an earlier run, so that this run can resume.

Each step leaves either the complete old report or the complete new one, so that a kill
at any moment loses only that step.
"""

from __future__ import annotations

import logging
import os
import shutil
from dataclasses import dataclass
from dataclasses import replace as replace_path
from pathlib import Path

from imagefetch.config.only_argument import Only
from imagefetch.job.journal import Journal
from imagefetch.job.report_repair.rewrite import Rewritten, replace, rewrite_for_list
from imagefetch.job.report_repair.superseded_rows import remove_superseded
from imagefetch.job.store_check import check_store, has_no_file
from imagefetch.job.temporary_files import remove_temporary_files
from imagefetch.lists.copy import Copy
from imagefetch.lists.list_file import ListFile
from imagefetch.output.ownership.numbered_reports import numbered, retire
from imagefetch.output.partial_files import partial_folder
from imagefetch.output.report.columns import OWN, PLAIN, Layout
from imagefetch.output.report.report_file import read_layout, readable_rows, whole_size
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
    urls: ListFile
    """The list where it was read; `commit` may move it."""
    fresh: bool = False
    layout: Layout = PLAIN
    """The columns of the report, once `commit` was called."""
    new: Rewritten | None = None
    """The rewritten report, if the report must be: one row per line, only of lines of the list."""
    copy: Copy | None = None
    """The list, whose copy `commit` keeps."""

    @property
    def inspected(self) -> Path:
        """The report to which the offsets in the journal refer."""
        return self.report if self.new is None else self.new.path

    def commit(self) -> None:
        """Keep the copy of the list, and repair the report for appending.

        Before this call, existing files are unchanged.

        :raises OSError: if the file system refuses the report
        :raises BadInput: if it refuses the list
        """
        urls = self.urls
        if self.copy is not None:
            kept = self.copy.keep()  # first: a report without its list could not be resumed
            urls = replace_path(urls, path=kept)
        if self.fresh:
            self._retire()
        elif self.new is not None:
            remove_superseded(self.report, self.store, urls)
            if self.new.loses:
                _keep_numbered(self.report, self.new.loses)
            replace(self.new.path, self.report)
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
            self.new.path.unlink(missing_ok=True)


def _size(path: Path) -> int:
    return path.stat().st_size


def prepare(
    report: Path,
    urls: ListFile,
    store: str,
    *,
    only: Only,
    fresh: bool,
) -> Journal:
    """Repair *report* for the list *urls* at once; return the journal of what is done.

    :raises NothingToDo, BadInput: as `inspect_report` does
    """
    preparation = inspect_report(report, urls, store, only=only, fresh=fresh)
    preparation.commit()
    return preparation.journal


def inspect_report(
    report: Path,
    urls: ListFile,
    store: str,
    *,
    only: Only,
    fresh: bool,
) -> Preparation:
    """Find out which lines of the list *urls* are done, and how *report* must be repaired.

    :raises NothingToDo: if every line is done
    :raises BadInput: if *report* is not a report of this program, is of another list, or has its
        images in another store; it is left unchanged
    """
    remove_temporary_files(report, urls.path)
    preparation = Preparation(report, store, Journal(), urls, fresh)
    preparation.layout = Layout.of_list(urls.columns)
    if not report.exists():
        return preparation
    if fresh:
        read_layout(report)  # a file that is not a report is not moved away
        return preparation
    if not urls.is_shard:  # the fleet has checked the store for the whole job
        check_store(report, store)
    journal = preparation.journal
    journal.read(report, urls, only)
    if _must_rewrite(report, journal, preparation.layout):
        preparation.new = rewrite_for_list(report, urls, journal, preparation.layout)
        journal.close()
        preparation.journal = journal = Journal()
        journal.read(preparation.new.path, urls, only)
    if journal.done == journal.total:
        preparation.commit()
        raise NothingToDo(_nothing_to_do(report, journal.done, only))
    return preparation


def _must_rewrite(report: Path, journal: Journal, layout: Layout) -> bool:
    """Whether rows or columns of *report* are not those of the list. A finished report of an older
    version stays as it is."""
    old = read_layout(report)
    if old is None:
        return False
    is_older = old.own < OWN and journal.done != journal.total
    is_moved = journal.matched < journal.lines or journal.lines < journal.rows
    return is_moved or is_older or old.carried != layout.carried


def _keep_numbered(report: Path, lost: str) -> None:
    for kept in numbered(report):
        try:
            with kept.open("xb") as copy, report.open("rb") as file:
                shutil.copyfileobj(file, copy)
        except FileExistsError:
            continue
        logger.warning("The list has changed: %s are kept in %s", lost, kept)
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
