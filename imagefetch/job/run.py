"""Starts a job: validates the run, locks the report, and prepares to resume it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from scrapy.settings import BaseSettings

from imagefetch.config.distinct_paths import check_lock, lock_file
from imagefetch.config.resume_command import CommandLine
from imagefetch.config.rules.scrapy_rules import check_proxies
from imagefetch.config.validation import Run, check_file_names, check_run
from imagefetch.errors import BadInput, LocalError
from imagefetch.job.journal import Journal
from imagefetch.job.report_repair.prepare import NothingToDo, Preparation, inspect_report
from imagefetch.lists.copy import STANDARD_INPUT, Copy, copy_address, copy_standard_input
from imagefetch.lists.list_file import ListFile
from imagefetch.output.ownership.owner import clean_up
from imagefetch.utils.formatting import files
from imagefetch.utils.processes.descriptors import share

__all__ = ["Job", "begin", "list_at_hand", "lock_file", "lock_report", "remove"]

logger = logging.getLogger(__name__)

LOCK_TIMEOUT = 3.0
"""Seconds to wait for the lock. A subprocess that a killed run was just starting inherits the
lock and holds it until it has started: milliseconds, unless the machine is overloaded."""


@dataclass
class Job:
    """A locked and prepared run, as passed to the spider."""

    run: Run
    preparation: Preparation
    lock: FileLock
    command_line: CommandLine | None = None
    """The command that started it; None if it was started otherwise."""
    made: Sequence[Path] = ()
    """Paths that the job created: its lock file, then folders, inner ones first."""

    @property
    def journal(self) -> Journal:
        return self.preparation.journal

    @property
    def list(self) -> ListFile:
        """The list: until the run has begun, a copy is not yet at `Run.urls`."""
        copy = self.preparation.copy
        return self.run.list if copy is None else self.run.list_at(copy.path)

    def close(self) -> None:
        self.preparation.close()
        self.lock.release()

    def abandon(self) -> None:
        """Close a job that has fetched nothing, and remove what it created."""
        self.close()
        remove(self.made)


def begin(
    settings: BaseSettings, arguments: Mapping[str, Any], command_line: CommandLine | None = None
) -> Job:
    """Validate the run, lock the report, and find out which lines are done.

    :raises BadInput: if the run can't start; nothing is left behind
    :raises NothingToDo: if every line is done
    """
    run = check_run(settings, arguments)
    share(settings.getint("CONCURRENT_REQUESTS"))
    check_proxies(settings)
    shared = Path(settings["JOBS_FOLDER"]).absolute()  # another job may be about to use it
    paths = (lock_file(run.report), *run.report.parents)
    created = [path for path in paths if path != shared and not path.exists()]
    lock = lock_report(run.report)
    try:
        with ExitStack() as stack:
            copy = list_at_hand(run, settings)
            stack.callback(copy.drop)
            run = replace(run, urls=copy.final_path)
            check_file_names(settings, run.store, run.list_at(copy.path).columns)
            try:
                preparation = inspect_report(
                    run.report,
                    run.list_at(copy.path),
                    run.store,
                    only=run.only,
                    fresh=run.fresh,
                )
            except NothingToDo:
                copy.keep()
                raise
            preparation.copy = copy
            stack.pop_all()
    except BaseException as error:
        try:
            if isinstance(error, NothingToDo):
                _clean_up(run)
        finally:
            lock.release()
            remove(created)
        raise
    return Job(run, preparation, lock, command_line, created)


def _clean_up(run: Run) -> None:
    """Finish a run that was killed after its last row.

    :raises BadInput: if the store can't be written to
    """
    try:
        removed = clean_up(run.report, run.store)
    except LocalError as error:
        raise BadInput(str(error)) from error
    if removed:
        logger.info("%s of earlier runs removed", files(removed))


def list_at_hand(run: Run, settings: BaseSettings) -> Copy:
    """Return the list; one that is not a file is copied into the report's folder.

    The caller must hold the report's lock, and keep or drop the copy.

    :raises BadInput: if the list can't be read or copied
    """
    if run.urls == STANDARD_INPUT:
        return copy_standard_input(run.report, settings.getint("INPUT_URLS_MAXSIZE"), run.options)
    if run.address:
        return copy_address(run.report, run.address, settings, anew=run.fresh)
    return Copy(run.urls)


def remove(created: Sequence[Path]) -> None:
    """Remove files, and folders that are empty."""
    for path in created:
        with suppress(OSError):
            path.rmdir() if path.is_dir() else path.unlink()


def lock_report(report: Path) -> FileLock:
    """Lock *report* against other processes. The lock of a dead process is free.

    :raises BadInput: if another process holds the lock, or the file system refuses
    """
    check_lock(lock_file(report))
    lock = FileLock(lock_file(report))
    try:
        report.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=LOCK_TIMEOUT)
    except Timeout as error:
        raise BadInput(
            f"{report}: another process is writing it; wait for its end, or name another "
            "with -a report=PATH"
        ) from error
    except OSError as error:
        raise BadInput(f"{report}: can't be locked: {error.strerror}") from error
    return lock
