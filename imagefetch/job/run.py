"""One run over one list into one report: checked, locked, and made ready."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from scrapy.settings import BaseSettings

from imagefetch.config.command_given import Given
from imagefetch.config.distinct_paths import check_lock, lock_file
from imagefetch.config.scrapy_rules import check_proxies
from imagefetch.config.validation import Run, check_run
from imagefetch.errors import BadInput, LocalError
from imagefetch.job.journal import Journal
from imagefetch.job.resume import NothingToDo, Preparation, look_at
from imagefetch.lists.copy import STANDARD_INPUT, Copy, spool_address, spool_standard_input
from imagefetch.output.ownership.owner import settle
from imagefetch.utils.descriptors import share
from imagefetch.utils.formatting import files

__all__ = ["Job", "begin", "list_at_hand", "lock_file", "lock_report", "remove"]

logger = logging.getLogger(__name__)

LOCK_PATIENCE = 3.0
"""Seconds for the lock of a run that was just killed to come free: a process that it was just
beginning has it, too, until it is on its own; milliseconds, unless the machine is overloaded."""


@dataclass
class Job:
    """What the spider is given."""

    run: Run
    preparation: Preparation
    lock: FileLock
    given: Given | None = None
    """The command that began it; None where it was none."""
    made: Sequence[Path] = ()
    """What is there only since the job began: the copy of its list, its lock file, then folders,
    inner ones first."""

    @property
    def journal(self) -> Journal:
        return self.preparation.journal

    def close(self) -> None:
        self.preparation.close()
        self.lock.release()

    def abandon(self) -> None:
        """Close a job that nothing was fetched for, and leave nothing of it."""
        self.close()
        remove(self.made)


def begin(settings: BaseSettings, arguments: Mapping[str, Any], given: Given | None = None) -> Job:
    """Check everything, lock the report, find out what is done.

    :raises BadInput: if the run can't start; nothing is written then
    :raises NothingToDo: if every line is done
    """
    run = check_run(settings, arguments)
    share(settings.getint("CONCURRENT_REQUESTS"))
    check_proxies(settings)
    shared = Path(settings["JOBS_FOLDER"]).absolute()  # another job may be just moving in
    places = (lock_file(run.report), *run.report.parents)
    made = [place for place in places if place != shared and not place.exists()]
    lock = lock_report(run.report)
    try:
        with list_at_hand(run, settings) as copy:
            run = replace(run, urls=copy.place)
            is_new = not copy.place.exists()
            try:
                found = look_at(run.report, copy.path, run.store, only=run.only, fresh=run.fresh)
            except NothingToDo:
                copy.keep()
                raise
            copy.keep()
    except BaseException as error:
        try:
            if isinstance(error, NothingToDo):
                _settle(run)
        finally:
            lock.release()
            remove(made)
        raise
    return Job(run, found, lock, given, [run.urls] * is_new + made)


def _settle(run: Run) -> None:
    """Do what is left of a run that was killed after its last row.

    :raises BadInput: if the store can't be written to
    """
    try:
        removed = settle(run.report, run.store)
    except LocalError as error:
        raise BadInput(str(error)) from error
    if removed:
        logger.info("%s of earlier runs removed", files(removed))


@contextmanager
def list_at_hand(run: Run, settings: BaseSettings) -> Iterator[Copy]:
    """Give the list; one that is no file is copied beside the report, whose lock is held, and
    removed in the end unless it was kept.

    :raises BadInput: if it can't be had
    """
    if run.urls == STANDARD_INPUT:
        copy = spool_standard_input(run.report, settings.getint("INPUT_URLS_MAXSIZE"))
    elif run.address:
        copy = spool_address(run.report, run.address, settings, anew=run.fresh)
    else:
        copy = Copy(run.urls)
    try:
        yield copy
    finally:
        copy.drop()


def remove(made: Sequence[Path]) -> None:
    """Remove a lock file and folders, but for those that hold something."""
    for path in made:
        with suppress(OSError):
            path.rmdir() if path.is_dir() else path.unlink()


def lock_report(report: Path) -> FileLock:
    """Make sure that no other process writes *report*. A dead one's lock doesn't count.

    :raises BadInput: if one does
    """
    check_lock(lock_file(report))
    lock = FileLock(lock_file(report))
    try:
        report.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=LOCK_PATIENCE)
    except Timeout as error:
        raise BadInput(
            f"{report}: another process is writing it; wait for that, or name another "
            "with -a report=PATH"
        ) from error
    except OSError as error:
        raise BadInput(f"{report}: can't be locked: {error.strerror}") from error
    return lock
