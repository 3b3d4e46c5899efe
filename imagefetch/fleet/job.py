"""Starts or resumes a job: one list, one job folder, one report."""

from __future__ import annotations

import hashlib
import json
import logging
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from scrapy.settings import BaseSettings

from imagefetch.config.rules.scrapy_rules import check_proxies
from imagefetch.config.validation import Run, check_file_names, check_run
from imagefetch.errors import BadInput
from imagefetch.fleet.crawl_arguments import lanes_of_known_hosts, max_lanes
from imagefetch.fleet.folder import (
    BEFORE,
    JobFolder,
    attempt_path,
    shard_path,
)
from imagefetch.fleet.job_file import Job, OpenJob, find_job, open_folder, scratch_folder
from imagefetch.fleet.job_report import gather
from imagefetch.fleet.ownership import clear_partials, remove_unnamed_files, write_owned_names
from imagefetch.fleet.shards.plan import plan
from imagefetch.fleet.shards.split import split
from imagefetch.job.report_repair.prepare import NothingToDo, inspect_report
from imagefetch.job.run import list_at_hand, lock_report
from imagefetch.line import Line
from imagefetch.lists.copy import Copy
from imagefetch.lists.list_file import ListFile
from imagefetch.lists.plain import READ_ERRORS
from imagefetch.output.ownership.owner import Ownership, clean_up
from imagefetch.output.report.columns import Layout
from imagefetch.output.store_paths import is_remote, local_path
from imagefetch.pages.host_policies import known_slots
from imagefetch.urls import key_of, sent_url

logger = logging.getLogger(__name__)


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
    known_slots(settings)  # fails now if a page object can't be imported
    if not is_remote(run.store):  # workers have other working directories
        run = replace(run, store=str(local_path(run.store)))
    if arguments.get("job") == "":
        raise BadInput("argument -a job=: is empty; name a folder, or leave it out")
    folder = open_folder(run, arguments.get("job"), settings)
    with ExitStack() as stack:
        stack.callback(lock_report(run.report).release)
        job = find_job(folder, run)
        copy = list_at_hand(run, settings)
        stack.callback(copy.drop)
        check_file_names(settings, run.store, run.list_at(copy.path).columns)
        if job is not None and run.fresh:
            check_whole(run.list_at(copy.path), run)
            parts = folder.of(job.id)
            gather(run.report, parts)
            shards = list(parts.attempted_shards())
            remove_unnamed_files(run, parts, shards)
            clear_partials(parts, run.store, shards)
            job = None
        if job is None:
            folder.remove()
        run = replace(run, urls=copy.final_path)
        try:
            is_new = job is None
            if job is None:
                job = begin(run, copy, folder, settings, workers)
            else:
                check_known(job, run, run.list_at(copy.path))
                copy.keep()
        except READ_ERRORS as error:
            raise _damaged(run, error) from error
        write_owned_names(run, is_new=is_new)
        yield OpenJob(run, folder, folder.of(job.id), job)


def check_whole(urls: ListFile, run: Run) -> None:
    """:raises BadInput: if the list *urls* can't be read to its end"""
    try:
        for _ in urls.lines():
            pass
    except READ_ERRORS as error:
        raise _damaged(run, error) from error


def _damaged(run: Run, error: Exception) -> BadInput:
    return BadInput(f"{run.urls}: is truncated or damaged: {error}")


def check_known(job: Job, run: Run, urls: ListFile) -> None:
    """:raises BadInput: if an unfinished *job* has another list, carries other columns, or has
    another ``only`` argument than *run*"""
    if job.list != fingerprint(urls.path):
        raise BadInput(
            f"{run.urls}: has changed since its job began; restore the list to finish the job, "
            "or restart from scratch with -a fresh=1"
        )
    if job.columns != urls.columns:
        raise BadInput(
            f"{run.report}: a job is not finished, and carries other columns of the list: "
            f"{', '.join(job.columns) or 'none'}; finish it with the same CARRY_COLUMNS first, or "
            "restart from scratch with -a fresh=1"
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
    urls = run.list_at(copy.path)
    list_hash = fingerprint(copy.path)
    job_id = uuid.uuid4().hex[:12]
    parts = folder.of(job_id)
    try:
        preparation = inspect_report(run.report, urls, run.store, only=run.only, fresh=run.fresh)
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
            before = preparation.inspected
            report = stack.enter_context(before.open("rb")) if before.exists() else None

            def row_of(line: Line) -> bytes | None:
                """Return ``b""`` for a line that is not done.

                For a done line, return its row if a line that is not done has the same URL, so
                that it is in the same shard; otherwise None.
                """
                if not journal.is_done(line):
                    return b""
                url = sent_url(line.url)
                if report is None or url is None or journal.row_offsets.offset(key_of(url)) is None:
                    return None
                report.seek(journal.offset(line))
                return report.readline()

            wanted = (line for line in urls.lines() if row_of(line) is not None)
            known = lanes_of_known_hosts(settings)
            shard_plan = plan(wanted, size, max(1, workers()), limit, known)
            scratch = stack.enter_context(scratch_folder(parts, run.report))
            send = partial(_send, parts, preparation.layout)
            split(urls, scratch, shard_plan, row_of, send)
        own = Ownership(run.report, run.store)
        own.begin()
        own.close()
        preparation.copy = copy
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
            urls.columns,
        )
    folder.write("job.json", json.dumps(asdict(job)).encode())
    return job


def _send(folder: JobFolder, layout: Layout, shard: int, lines: Path, rows: Path | None) -> None:
    folder.send(lines, shard_path(shard))
    if rows is not None:
        report = rows.with_suffix(".csv")
        report.write_bytes(layout.header + rows.read_bytes())
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
