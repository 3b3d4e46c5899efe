"""Reads ``job.json``, which describes the job in a job folder."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scrapy.settings import BaseSettings

from imagefetch.config.validation import Run
from imagefetch.errors import BadInput
from imagefetch.fleet.file_system import storage_options
from imagefetch.fleet.folder import COUNT_MAX, JobFolder, is_of_a_job
from imagefetch.fleet.shards.plan import DividedGroup
from imagefetch.output.report.columns import Layout

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
    big: tuple[DividedGroup, ...]
    columns: tuple[str, ...] = ()
    """The columns of the list that the report carries."""


@dataclass(frozen=True)
class OpenJob:
    """A job that was started or resumed; its report is locked."""

    run: Run
    folder: JobFolder
    parts: JobFolder
    """This job's part of the job folder."""
    job: Job

    @property
    def layout(self) -> Layout:
        """The columns of the job's report."""
        return Layout.of_list(self.job.columns)


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


def find_job(folder: JobFolder, run: Run) -> Job | None:
    """Return the job in *folder*; None if there is none, or its start was interrupted.

    :raises BadInput: if the job belongs to another report than that of *run*, or is damaged
    """
    try:
        content = folder.job()
        if not content or content.keys() == {"id"}:
            return None
        job = parse_job(content)
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


def parse_job(content: Mapping[str, Any]) -> Job:
    """Return the job for the *content* of ``job.json``.

    :raises ValueError, TypeError, KeyError: if the content is damaged or of another version
    """
    lists = {"big": tuple(DividedGroup(*big) for big in content["big"])}
    lists |= {"columns": tuple(content.get("columns", ()))}
    job = Job(**{**content, **lists})
    numbers = [job.lines, job.before, job.shards, *(n for big in job.big for n in big)]
    if not (
        all(type(number) is int and 0 <= number < COUNT_MAX for number in numbers)
        and job.before <= job.lines
        and job.shards <= min(job.lines, SHARDS_MAX)
        and all(big.parts and big.lanes and big.first + big.parts <= job.shards for big in job.big)
        and all(isinstance(name, str) for name in job.columns)
        and is_of_a_job(f"job-{job.id}")
        and isinstance(job.report, str)
        and len(job.report) <= PATH_MAX
        and re.fullmatch("[0-9a-f]{32}", job.list)
        and isinstance(job.only, str)
        and len(job.only) <= PATH_MAX
    ):
        raise ValueError
    return job


@contextmanager
def scratch_folder(parts: JobFolder, report: Path) -> Iterator[Path]:
    """Provide a temporary folder of this process for lines or rows.

    It is in a local job folder, which is removed at the end even if this process is killed, or
    else next to *report*.
    """
    folder = report.parent if parts.local is None else parts.local
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{report.name}.", dir=folder) as scratch:
        yield Path(scratch) / "scratch"
