"""Collects the rows of a job's shards into its report."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import closing
from itertools import chain
from pathlib import Path

from scrapy.settings import BaseSettings

from imagefetch.errors import ReportError
from imagefetch.fleet.folder import JobFolder, attempt_path
from imagefetch.fleet.job_file import OpenJob, scratch_folder
from imagefetch.fleet.ownership import clear_partials, remove_unnamed_files
from imagefetch.fleet.shards.merge import Sorter, write_report
from imagefetch.html_report.from_report import add_row, no_figures
from imagefetch.images.non_images import KINDS
from imagefetch.images.repeats import Repeats
from imagefetch.job.report_repair.rewrite import replace_report
from imagefetch.line import id_of
from imagefetch.output.ownership.leftovers import Leftovers
from imagefetch.output.ownership.owner import clean_up
from imagefetch.output.report.columns import Layout
from imagefetch.output.report.csv_rows import Row
from imagefetch.output.report.encoding import encode
from imagefetch.output.report.report_file import read_layout, read_rows
from imagefetch.output.store_paths import is_remote, local_path
from imagefetch.stats.kind_log import SUFFIX, read_kinds
from imagefetch.stats.run_stats import Figures
from imagefetch.utils.formatting import files

logger = logging.getLogger(__name__)


def newest_rows(folder: JobFolder, shard: int, attempt: str) -> Iterator[Row]:
    """Yield the rows of *attempt* at *shard*."""
    with tempfile.TemporaryDirectory() as scratch:
        yield from read_rows(folder.fetch(attempt_path(shard, attempt), Path(scratch)))


def kinds_of(folder: JobFolder, shard: int, attempt: str) -> dict[int, str]:
    """Return what *attempt* at *shard* found besides its rows, by line id: kinds of bodies that are
    not images, and signals by which hosts opt out."""
    path = attempt_path(shard, attempt, SUFFIX)
    with tempfile.TemporaryDirectory() as scratch:
        try:
            log = folder.fetch(path, Path(scratch)).read_bytes()
        except FileNotFoundError:
            return {}
    return read_kinds(log.splitlines())


def gather(report: Path, folder: JobFolder) -> None:
    """Add the rows of a job that is being discarded to *report*, in any order."""
    newest = [(shard, folder.attempts(shard)[-1:]) for shard in folder.attempted_shards()]
    attempts = [(shard, attempt) for shard, names in newest for attempt in names]
    layout = read_layout(report) if report.exists() else None
    if layout is None and attempts:
        with tempfile.TemporaryDirectory() as scratch:
            layout = read_layout(folder.fetch(attempt_path(*attempts[0]), Path(scratch)))
    columns = layout.carried if layout is not None else ()

    def rows() -> Iterator[bytes]:
        own = [read_rows(report)] if report.exists() else []
        for row in chain(*own, *(newest_rows(folder, *attempt) for attempt in attempts)):
            carried = row.carried if len(row.carried) == len(columns) else [""] * len(columns)
            yield encode([*row.cells, *carried])

    replace_report(report, rows(), Layout(columns))


def finish(opened: OpenJob, settings: BaseSettings) -> tuple[Figures, Repeats]:
    """Write the report of a job whose shards are all done, and remove its folder.

    Returns the figures and repeats of the rows.

    :raises ReportError: if a line has no row or a damaged row, or a row has no line
    """
    run, parts = opened.run, opened.parts
    outcomes = parts.outcomes()
    figures, repeats = no_figures(settings)
    superseded = Leftovers()

    with (
        scratch_folder(parts, run.report) as scratch,
        closing(Sorter(scratch, opened.layout)) as sorter,
    ):
        if run.report.exists():
            for row in read_rows(run.report):
                sorter.add(row)
            if opened.job.only:
                superseded.add(read_rows(run.report))
        for shard, outcome in outcomes.items():
            kinds = kinds_of(parts, shard, outcome["attempt"])
            for row in newest_rows(parts, shard, outcome["attempt"]):
                sorter.add(row)
                if not row.file and (kind := kinds.pop(id_of(*row.key), None)):
                    (figures.kinds if kind in KINDS else figures.signals)[kind] += 1

        def see(row: Row) -> None:
            try:
                add_row(figures, repeats, row)
            except (ValueError, OverflowError) as error:
                raise ReportError(f"the row of {row.place} is damaged: {error}") from error

        write_report(run.list, run.report, opened.layout, sorter.rows(), see)
    unclean = [shard for shard, outcome in outcomes.items() if not outcome.get("clean")]
    remove_unnamed_files(run, parts, unclean)
    clear_partials(parts, run.store, unclean)
    removed = clean_up(run.report, run.store)
    if not is_remote(run.store):
        removed += superseded.remove(read_rows(run.report), local_path(run.store))
    if removed:
        logger.info("%s of earlier runs removed", files(removed))
    opened.folder.remove()
    return figures, repeats
