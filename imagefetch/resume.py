"""Going on: what an earlier run left is made ready for this one.

Every step leaves either the old report or the new one in its place, so that a
kill at any moment costs nothing but the step.
"""

from __future__ import annotations

import itertools
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

from imagefetch.beside import new_file, remove_leftovers
from imagefetch.errors import BadInput, ReportError
from imagefetch.journal import Journal
from imagefetch.kept_list import is_copy_of, is_kept_list
from imagefetch.names import stored_file
from imagefetch.only import Only
from imagefetch.page_file import MARK, keep_page, page_path
from imagefetch.partials import is_remote, local_path
from imagefetch.rows import HEADER, Row, check_header, encode, read_rows, readable_rows, whole_size
from imagefetch.scratch import ScratchDatabase, key
from imagefetch.urls import read_lines

logger = logging.getLogger(__name__)


class NothingToDo(Exception):
    """Every line of the list has its row. The text is one line for the user."""


def previous(report: Path) -> Path:
    """Return where ``fresh=1`` keeps the old report."""
    return report.with_name(f"{report.stem}.previous{report.suffix}")


def discarded(report: Path) -> Path:
    """Return where the old report lies while its files are being removed."""
    return report.with_name(f"{report.stem}.discarded{report.suffix}")


def prepare(
    report: Path,
    urls: Path,
    store: str,
    *,
    only: Only,
    fresh: bool,
    keep: Callable[[], Path] | None = None,
) -> Journal:
    """Make *report* ready for rows of the list *urls*; say what is done already.

    *keep* is called once nothing can be refused any more, before anything is changed that an
    earlier list is needed for. It may move the list, and returns where that is then.

    :raises NothingToDo: if every line is done
    :raises BadInput: if *report* is none of this program's, or of another list;
        it is left as it is
    """
    keep = keep or (lambda: urls)
    finish_discarding(report, store)
    clear_up(report, urls)
    if fresh and report.exists():
        check_header(report)  # what is no report of ours is not thrown away
        urls = keep()
        report.replace(discarded(report))
        finish_discarding(report, store)
    journal = Journal()
    if not report.exists():
        keep()
        return journal
    journal.read(report, urls, only)
    if journal.matched < journal.lines or journal.lines < journal.rows:
        rewrite(report, urls, journal, keep)
        journal.close()
        journal = Journal()
        journal.read(report, keep(), only)
    keep()
    if journal.done == journal.total:
        raise NothingToDo(_nothing_to_do(report, journal.done, only))
    if (size := whole_size(report)) < report.stat().st_size:
        os.truncate(report, size)
    return journal


def finish_discarding(report: Path, store: str) -> None:
    """Remove the files that a discarded report names, then keep it as the previous one."""
    old = discarded(report)
    if not old.exists():
        return
    if not is_remote(store):
        folder = local_path(store)
        for row in readable_rows(old):
            if path := stored_file(folder, row.file):
                path.unlink()
                _remove_empty(folder, row.file)
    old.replace(previous(report))
    keep_page(report, previous(report))


def _remove_empty(store: Path, file: str) -> None:
    """Remove the folders below *store* that *file* stood in, where nothing else does."""
    with suppress(OSError):
        for folder in PurePosixPath(file).parents[:-1]:
            (store / folder).rmdir()


def compact(report: Path) -> None:
    """Leave each line's last row only."""
    journal = Journal()
    journal.read_report(report)
    if journal.lines < journal.rows:
        replace_report(report, (row.raw for row in read_rows(report) if journal.is_last(row)))
    journal.close()


def rewrite(report: Path, urls: Path, journal: Journal, keep: Callable[[], Path]) -> None:
    """Leave one row a line, of lines that the list has; rows of moved lines move along.

    Where rows would be lost, the old report is kept under a numbered name. *keep* as in `prepare`.

    :raises BadInput: if most rows are not of this list
    """
    moved = _Moved()
    for row in read_rows(report):
        if journal.is_last(row) and not journal.is_matched(row):
            moved.add(row)
    found = sum(
        moved.claim(line.text, line.number)
        for line in read_lines(urls)
        if not journal.has_row(line)
    )
    if (journal.matched + found) * 2 < journal.lines:
        moved.close()
        raise BadInput(
            f"{report}: is of another list: {journal.matched + found:,} of its {journal.lines:,} "
            "lines are in this one; name another with -a report=PATH, or begin anew with -a fresh=1"
        )
    keep()
    if journal.matched + found < journal.lines:
        _keep_numbered(report)
    replace_report(report, _kept(report, journal, moved))
    moved.close()


def _kept(report: Path, journal: Journal, moved: _Moved) -> Iterator[bytes]:
    for row in read_rows(report):
        if not journal.is_last(row):
            continue
        if journal.is_matched(row):
            yield row.raw
        elif number := moved.line_of(row):
            yield encode([*row.cells[:2], str(number), *row.cells[3:]])


class _Moved:
    """Rows whose line number has another URL now, and the lines that take them over.

    In a disposable SQLite database: a line put in at the top moves all others.
    """

    def __init__(self) -> None:
        self._db = ScratchDatabase("CREATE TABLE moved (offset INTEGER PRIMARY KEY, url, line)")
        self._db.execute("CREATE INDEX by_url ON moved (url) WHERE line IS NULL")

    def add(self, row: Row) -> None:
        self._db.execute("INSERT INTO moved VALUES (?, ?, NULL)", (row.offset, key(row.cells[0])))

    def claim(self, url: str, line: int) -> bool:
        """Give a row with *url* to *line*; False if there is none left."""
        query = "SELECT offset FROM moved WHERE url = ? AND line IS NULL LIMIT 1"
        found = self._db.execute(query, (key(url),)).fetchone()
        if found is None:
            return False
        self._db.execute("UPDATE moved SET line = ? WHERE offset = ?", (line, found[0]))
        return True

    def line_of(self, row: Row) -> int | None:
        """Return the line that took *row* over."""
        query = "SELECT line FROM moved WHERE offset = ?"
        found: tuple[int | None] | None = self._db.execute(query, (row.offset,)).fetchone()
        return found[0] if found else None

    def close(self) -> None:
        self._db.close()


def replace_report(report: Path, rows: Iterator[bytes]) -> None:
    """Write *rows* beside *report*, then put them in its place.

    :raises ReportError: if the file system refuses; the report is left as it was
    """
    target = Path(os.path.realpath(report))  # a link stays one
    new = write_new(target, rows)
    try:
        new.replace(target)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise ReportError(f"{report}: can't be written anew: {error.strerror}") from error


def write_new(report: Path, rows: Iterator[bytes]) -> Path:
    """Write *rows* beside *report*; return where they are.

    :raises ReportError: if the file system refuses; nothing is left of it
    """
    new = None
    try:
        new = new_file(report)
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
            raise ReportError(f"{report}: can't be written anew: {error.strerror}") from error
        raise


def clear_up(report: Path, urls: Path | None = None) -> None:
    """Remove what a process that was killed was writing beside *report*, whose lock is held, but
    for the list *urls*."""

    def is_ours(name: str, head: bytes) -> bool:
        if name == report.name:
            return head.startswith(HEADER) or HEADER.startswith(head)
        if name == page_path(report).name:
            return head.startswith(MARK) or MARK.startswith(head)
        return is_copy_of(report, name) and (not head or is_kept_list(head))

    remove_leftovers(report.parent, is_ours, but=urls)


def _keep_numbered(report: Path) -> None:
    for number in itertools.count(1):
        kept = report.with_name(f"{report.stem}.{number}{report.suffix}")
        if not kept.exists():
            shutil.copyfile(report, kept)
            logger.warning("The list has changed: rows that it lost are kept in %s", kept)
            return


def _nothing_to_do(report: Path, done: int, only: Only) -> str:
    if only:
        what = "failed in a way that may pass" if only.failed else ""
        has = f"has the reason {' or '.join(sorted(only.reasons))}" if only.reasons else ""
        return f"{report}: nothing to do: no line {' or '.join(filter(None, (what, has)))}"
    return (
        f"{report}: nothing to do: all {done:,} lines are done; -a only=failed fetches again "
        "what may succeed now, -a only=REASON,… the lines of other reasons, -a fresh=1 begins "
        "anew, -a report=PATH writes another report"
    )
