"""Runs ``scrapy fleet``: checks the input, splits the list, fetches the shards, merges the rows."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import cache
from types import FrameType
from typing import Any

from dask.system import CPU_COUNT
from distributed import Client
from scrapy.settings import BaseSettings

from imagefetch.config.resume_command import CommandLine
from imagefetch.fleet.cluster import check_dashboard, connected, dashboard_address
from imagefetch.fleet.coordinator import Fleet
from imagefetch.fleet.crawl_arguments import CrawlArguments
from imagefetch.fleet.job import open_job
from imagefetch.fleet.job_file import OpenJob
from imagefetch.fleet.job_report import finish
from imagefetch.fleet.progress import FleetView
from imagefetch.fleet.worker.fork_client import fork_server
from imagefetch.html_report.from_report import write_page
from imagefetch.html_report.writer import PageError, PageWriter, writer_of
from imagefetch.stats.likely_cause import likely_cause
from imagefetch.stats.run_info import RunInfo
from imagefetch.stats.summary import describe
from imagefetch.utils.redaction import hide_credentials_of

logger = logging.getLogger(__name__)


def run_fleet(
    settings: BaseSettings,
    arguments: Mapping[str, Any],
    given: list[str],
    scheduler: str | None,
    workers: int | None = None,
    *,
    dashboard: str | None = None,
) -> None:
    """Fetch a list on the cluster of *scheduler*, or with a number of *workers* on this machine,
    by default one per core. The dashboard of those is served at the address *dashboard*, if given.

    *given* are the values of ``-s``, which are passed on to the crawl processes.

    :raises BadInput: if the run can't start
    :raises NothingToDo: if every line is done
    :raises KeyboardInterrupt: after SIGINT or SIGTERM
    :raises LocalError: if the run can't continue; the same command resumes it
    """
    begin = time.monotonic()
    check_dashboard(dashboard, scheduler)
    with ExitStack() as stack:
        stack.enter_context(_signals(_interrupt))
        stack.callback(fork_server.end)

        @cache
        def client() -> Client:
            return stack.enter_context(connected(scheduler, workers or CPU_COUNT, dashboard))

        def threads() -> int:
            return sum(client().nthreads().values()) if scheduler else workers or CPU_COUNT

        job = stack.enter_context(open_job(settings, arguments, threads))
        if link := dashboard_address(client()):
            logger.info("Dashboard: %s", link)
        if (warning := job.run.list.warning()) is not None:
            logger.warning("%s", warning)
        outcomes = job.parts.outcomes()
        options = [("--scheduler", scheduler), ("--workers", workers)]
        others = tuple(str(part) for option in options if option[1] for part in option)
        about = RunInfo.of_run(settings, job.run, CommandLine(("fleet",), arguments, given, others))
        about.total, about.started = job.job.lines, time.time()
        view = stack.enter_context(
            closing(FleetView(job.job.lines, job.job.before, outcomes, settings))
        )
        whole = not view.done
        if view.done:
            logger.info("continuing: %s of %s lines done", f"{view.done:,}", f"{view.lines:,}")
        fleet = Fleet(client(), job, CrawlArguments.of(settings, given, job.run.store), view)

        def stop(number: int, _: FrameType | None) -> None:
            if fleet.stopping:
                raise KeyboardInterrupt
            logger.info(
                "Received %s, shutting down gracefully; send it again to end at once", _name(number)
            )
            fleet.stop()

        writer = stack.enter_context(closing(writer_of(settings, job.run.report, job.run.store)))

        def load() -> None:
            if settings.getbool("HTML_REPORT"):
                with suppress(PageError):  # reported when the page is written
                    writer.begin()

        with _signals(stop):
            fleet.run(near_the_end=load)
        view.close()
        _end(job, settings, about, begin if whole else None, writer)


def _end(
    job: OpenJob, settings: BaseSettings, about: RunInfo, begin: float | None, writer: PageWriter
) -> None:
    """Write the reports of a job whose shards are all done, and log the summary.

    *begin* is the monotonic time at which this process began the whole list; None if earlier
    runs did a part of it.
    """
    figures, repeats = finish(job, settings)
    seconds = None if begin is None else time.monotonic() - begin
    paths = {"report": str(job.run.report), "images": hide_credentials_of(job.run.store)}
    if settings.getbool("HTML_REPORT"):
        about.finish("finished")
        try:
            write_page(writer, about, figures, repeats, seconds=seconds)
            paths = {"report": paths["report"], "page": str(writer.path), **paths}
        except PageError as error:
            logger.warning("%s can't be written: %s", writer.path, error)
    logger.info("Finished\n%s", describe(figures, seconds, paths, repeats.found()))
    if cause := likely_cause(figures):
        logger.warning("%s", cause)


def _name(number: int) -> str:
    return signal.Signals(number).name


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


@contextmanager
def _signals(handler: Any) -> Iterator[None]:
    """Handle SIGINT and SIGTERM with *handler*."""
    before = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
