"""Starts, resumes and finishes a job: one list, one job folder, one report."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from scrapy.settings import BaseSettings

from imagefetch.config.scrapy_rules import check_proxies
from imagefetch.config.validation import Run, check_run
from imagefetch.errors import BadInput, ReportError
from imagefetch.fleet.file_system import storage_options
from imagefetch.fleet.folder import (
    BEFORE,
    COUNT_MAX,
    JobFolder,
    attempt_path,
    is_of_a_job,
    shard_path,
)
from imagefetch.fleet.ownership import remove_strays, write_owned_names
from imagefetch.fleet.shards.merge import Sorter, write_report
from imagefetch.fleet.shards.plan import Big, plan
from imagefetch.fleet.shards.split import split
from imagefetch.fleet.worker import fencing
from imagefetch.html_report.from_report import add_row, no_figures
from imagefetch.images.repeats import Repeats
from imagefetch.job.resume import NothingToDo, inspect_report
from imagefetch.job.rewrite import replace_report
from imagefetch.job.run import list_at_hand, lock_report
from imagefetch.lists.copy import Copy
from imagefetch.lists.plain import READ_ERRORS, read_lines
from imagefetch.output.csv_rows import HEADER, Row, read_rows
from imagefetch.output.ownership.leftovers import Leftovers
from imagefetch.output.ownership.owner import Ownership, clean_up
from imagefetch.output.store_paths import is_remote, local_path
from imagefetch.stats.run_stats import Figures
from imagefetch.urls import Line, key_of, sent_url
from imagefetch.utils.formatting import files

logger = logging.getLogger(__name__)

SHARDS_MAX = 10_000_000
PATH_MAX = 4_096  # characters


@dataclass(frozen=True)
class Job:
    """The content of ``job.json``."""

    id: str
    """Unique id."""
    report: str
    """Absolute path of the report that the rows are written to at the end."""
    list: str
    """BLAKE2b hash of the list's bytes, in hex."""
    only: str
    """Value of ``-a only=``."""
    lines: int
    """Number of lines of the list."""
    before: int
    """Number of lines that are in no shard, since the report already has their rows."""
    shards: int
    big: tuple[Big, ...]


@dataclass(frozen=True)
class OpenJob:
    """A job that was started or resumed; its report is locked."""

    run: Run
    folder: JobFolder
    parts: JobFolder
    """This job's part of the job folder."""
    job: Job


def default_address(run: Run) -> str:
    """Return the default address of the job folder: next to the report, and moved with it."""
    return str(Path(f"{run.report}.fleet").absolute())


def open_folder(run: Run, address: str | None, settings: BaseSettings) -> JobFolder:
    """Return the job folder at *address*, by default next to the report.

    :raises BadInput: if the address can't be used, or holds something else
    """
    address = address or default_address(run)
    if "://" not in address:
        address = str(Path(address).absolute())
    try:
        folder = JobFolder(address, storage_options(address, settings))
        names = folder.names()
    except (ImportError, ValueError, OSError) as error:
        raise BadInput(f"job folder {address}: can't be used: {error}") from error
    if names and not any(map(is_of_a_job, names)):
        raise BadInput(
            f"job folder {address}: contains other files; name another with -a job=ADDRESS"
        )
    return folder


@contextmanager
def open_job(
    settings: BaseSettings, arguments: Mapping[str, Any], workers: Callable[[], int]
) -> Iterator[OpenJob]:
    """Start or resume a job. *workers* returns the number of workers to split a new job for.

    :raises BadInput: if the input is invalid or doesn't belong to the job in the job folder
    :raises NothingToDo: if every line is done
    """
    others = {name: value for name, value in arguments.items() if name != "job"}
    run = check_run(settings, others)
    check_proxies(settings)
    if not is_remote(run.store):  # workers have other working directories
        run = replace(run, store=str(local_path(run.store)))
    if arguments.get("job") == "":
        raise BadInput("argument -a job=: is empty; name a folder, or leave it out")
    folder = open_folder(run, arguments.get("job"), settings)
    with ExitStack() as stack:
        stack.callback(lock_report(run.report).release)
        job = found(folder, run)
        if job is not None and run.fresh:
            parts = folder.of(job.id)
            gather(run.report, parts)
            shards = list(parts.tried())
            remove_strays(run, parts, shards)
            clear_partials(parts, run.store, shards)
            job = None
        if job is None:
            folder.remove()
        copy = stack.enter_context(list_at_hand(run, settings))
        run = replace(run, urls=copy.final_path)
        try:
            is_new = job is None
            if job is None:
                job = begin(run, copy, folder, settings, workers)
            else:
                check_known(job, run, copy.path)
                copy.keep()
        except READ_ERRORS as error:
            raise BadInput(f"{run.urls}: is truncated or damaged: {error}") from error
        write_owned_names(run, is_new=is_new)
        yield OpenJob(run, folder, folder.of(job.id), job)


def found(folder: JobFolder, run: Run) -> Job | None:
    """Return the job in *folder*; None if there is none, or its start was interrupted.

    :raises BadInput: if the job belongs to another report than that of *run*, or is damaged
    """
    try:
        content = folder.job()
        if not content or content.keys() == {"id"}:
            return None
        job = job_of(content)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadInput(
            f"job folder {folder.address}: its job.json is damaged or of another version; name "
            "another with -a job=ADDRESS"
        ) from error
    if job.report != str(run.report.absolute()) and folder.address != default_address(run):
        raise BadInput(
            f"job folder {folder.address}: its job belongs to the report {job.report}; name "
            "another with -a job=ADDRESS"
        )
    return job


def job_of(content: Mapping[str, Any]) -> Job:
    """Return the job for the *content* of ``job.json``.

    :raises ValueError, TypeError, KeyError: if the content is damaged or of another version
    """
    job = Job(**{**content, "big": tuple(Big(*big) for big in content["big"])})
    numbers = [job.lines, job.before, job.shards, *(n for big in job.big for n in big)]
    if not (
        all(type(number) is int and 0 <= number < COUNT_MAX for number in numbers)
        and job.before <= job.lines
        and job.shards <= min(job.lines, SHARDS_MAX)
        and all(big.parts and big.lanes and big.first + big.parts <= job.shards for big in job.big)
        and is_of_a_job(f"job-{job.id}")
        and isinstance(job.report, str)
        and len(job.report) <= PATH_MAX
        and re.fullmatch("[0-9a-f]{32}", job.list)
        and isinstance(job.only, str)
        and len(job.only) <= PATH_MAX
    ):
        raise ValueError
    return job


def check_known(job: Job, run: Run, urls: Path) -> None:
    """:raises BadInput: if an unfinished *job* has another list or ``only`` argument than *run*"""
    if job.list != fingerprint(urls):
        raise BadInput(
            f"{run.urls}: has changed since its job began; restore the list to finish the job, "
            "or restart from scratch with -a fresh=1"
        )
    if run.only and str(run.only) != job.only:
        raise BadInput(
            f"{run.report}: a job is not finished; finish it without -a only={run.only} first, or "
            "restart from scratch with -a fresh=1"
        )


def begin(
    run: Run, copy: Copy, folder: JobFolder, settings: BaseSettings, workers: Callable[[], int]
) -> Job:
    """Split the lines of the list that are not done into shards in *folder*.

    :raises BadInput: if the report is not one of this program, or belongs to another list
    :raises NothingToDo: if every line is done
    """
    list_hash = fingerprint(copy.path)
    job_id = uuid.uuid4().hex[:12]
    parts = folder.of(job_id)
    try:
        preparation = inspect_report(
            run.report, copy.path, run.store, only=run.only, fresh=run.fresh
        )
    except NothingToDo:
        copy.keep()
        clean_up(run.report, run.store)
        raise
    with closing(preparation) as prepared:
        journal = prepared.journal
        folder.write("job.json", json.dumps({"id": job_id}).encode())
        size, limit = settings.getint("SHARD_SIZE"), max_lanes(settings)
        logger.info("Splitting the list")
        with ExitStack() as stack:
            before = preparation.new or run.report
            report = stack.enter_context(before.open("rb")) if before.exists() else None

            def row_of(line: Line) -> bytes | None:
                """Return ``b""`` for a line that is not done.

                For a done line, return its row if a line that is not done has the same URL, so
                that it is in the same shard; otherwise None.
                """
                if not journal.is_done(line):
                    return b""
                url = sent_url(line.text)
                if report is None or url is None or journal.row_offsets.offset(key_of(url)) is None:
                    return None
                report.seek(journal.offset(line))
                return report.readline()

            wanted = (line for line in read_lines(copy.path) if row_of(line) is not None)
            shard_plan = plan(wanted, size, max(1, workers()), limit)
            scratch = stack.enter_context(scratch_of(parts, run.report))
            split(copy.path, scratch, shard_plan, row_of, partial(_send, parts))
        own = Ownership(run.report, run.store)
        own.begin()
        own.close()
        copy.keep()
        prepared.commit()
        total = shard_plan.lines if journal.total is None else journal.total
        job = Job(
            job_id,
            str(run.report.absolute()),
            list_hash,
            str(run.only),
            total,
            total - shard_plan.lines,
            shard_plan.shards,
            tuple(shard_plan.big),
        )
    folder.write("job.json", json.dumps(asdict(job)).encode())
    return job


def max_lanes(settings: BaseSettings) -> int:
    """Return how many processes may share a host's limits, each with its part of them."""
    if settings.getdict("DOWNLOAD_SLOTS"):
        return 1  # it sets limits for single hosts; only the general limits are divided
    return settings.getint("CONCURRENT_REQUESTS_PER_DOMAIN")


def _send(folder: JobFolder, shard: int, lines: Path, rows: Path | None) -> None:
    folder.send(lines, shard_path(shard))
    if rows is not None:
        report = rows.with_suffix(".csv")
        report.write_bytes(HEADER + rows.read_bytes())
        folder.send(report, attempt_path(shard, BEFORE))


def fingerprint(urls: Path) -> str:
    """Return a hash of the list's bytes.

    :raises BadInput: if it can't be read
    """
    try:
        with urls.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    except OSError as error:
        raise BadInput(f"{urls}: can't be read: {error.strerror}") from error


@contextmanager
def scratch_of(parts: JobFolder, report: Path) -> Iterator[Path]:
    """Provide a temporary folder of this process for lines or rows.

    It is in a local job folder, which is removed at the end even if this process is killed, or
    else next to *report*.
    """
    folder = report.parent if parts.local is None else parts.local
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{report.name}.", dir=folder) as scratch:
        yield Path(scratch) / "scratch"


def newest_rows(folder: JobFolder, shard: int, attempt: str) -> Iterator[Row]:
    """Yield the rows of *attempt* at *shard*."""
    with tempfile.TemporaryDirectory() as scratch:
        yield from read_rows(folder.fetch(attempt_path(shard, attempt), Path(scratch)))


def gather(report: Path, folder: JobFolder) -> None:
    """Add the rows of a job that is being discarded to *report*, in any order."""

    def rows() -> Iterator[bytes]:
        if report.exists():
            yield from (row.raw for row in read_rows(report))
        for shard in folder.tried():
            for attempt in folder.attempts(shard)[-1:]:
                yield from (row.raw for row in newest_rows(folder, shard, attempt))

    replace_report(report, rows())


def finish(opened: OpenJob, settings: BaseSettings) -> tuple[Figures, Repeats]:
    """Write the report of a job whose shards are all done, and remove its folder.

    Returns the figures and repeats of the rows.

    :raises ReportError: if a line has no row or a damaged row, or a row has no line
    """
    run, parts = opened.run, opened.parts
    outcomes = parts.outcomes()
    figures, repeats = no_figures(settings)
    superseded = Leftovers()

    with scratch_of(parts, run.report) as scratch, closing(Sorter(scratch)) as sorter:
        if run.report.exists():
            for row in read_rows(run.report):
                sorter.add(row)
            if opened.job.only:
                superseded.add(read_rows(run.report))
        for shard, outcome in outcomes.items():
            for row in newest_rows(parts, shard, outcome["attempt"]):
                sorter.add(row)

        def see(row: Row) -> None:
            try:
                add_row(figures, repeats, row)
            except (ValueError, OverflowError) as error:
                raise ReportError(f"the row of line {row.line} is damaged: {error}") from error

        write_report(run.urls, run.report, sorter.rows(), see)
    unclean = [shard for shard, outcome in outcomes.items() if not outcome.get("clean")]
    remove_strays(run, parts, unclean)
    clear_partials(parts, run.store, unclean)
    removed = clean_up(run.report, run.store)
    if not is_remote(run.store):
        removed += superseded.remove(read_rows(run.report), local_path(run.store))
    if removed:
        logger.info("%s of earlier runs removed", files(removed))
    opened.folder.remove()
    return figures, repeats


def clear_partials(folder: JobFolder, store: str, shards: Iterable[int]) -> None:
    """Remove the partial files of killed attempts and the files that fence those attempts off."""
    for shard in shards:
        for attempt in folder.attempts(shard):
            if partial := folder.partial_folder(store, shard, attempt):
                fencing.remove_fence(partial)
