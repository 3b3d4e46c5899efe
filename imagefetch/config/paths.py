"""Resolves the paths of the list, the report and the store, in a shell and on Scrapyd."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pathvalidate import is_valid_filename
from scrapy import Request
from scrapy.settings import SETTINGS_PRIORITIES, BaseSettings

from imagefetch.errors import BadInput, Problem
from imagefetch.output.store_paths import is_remote
from imagefetch.urls import request_url, shown
from imagefetch.utils.redaction import hide_credentials_of

STANDARD_INPUT_TOO = {"/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"}
"""Paths of standard input. Like ``-``, they can't be read twice."""


class Paths(NamedTuple):
    """The paths of one run."""

    urls: str
    """A path, ``-``, or an http(s) address."""
    report: Path
    """Absolute."""
    store: str
    """FILES_STORE: a folder, or the URI of a remote store of FilesPipeline's."""


NO_FILE = re.compile(r"-$|[a-z0-9]{2,}://|file:|.*/$", re.I | re.S)
"""Matches reports that would be written to a folder named ``s3:``, or to a file named ``-``."""


def find_paths(settings: BaseSettings, arguments: Mapping[str, Any]) -> Paths:
    """Return the paths of a run's list, report and store.

    With Scrapyd's argument ``_job`` nothing depends on the working directory,
    which is Scrapyd's own. Paths given when the job was scheduled must be absolute;
    relative paths in `imagefetch.settings` are resolved in the job's own folder
    below JOBS_FOLDER.

    :raises BadInput: if the report is no path of a file, or if a path given for a scheduled job
        is relative
    """
    urls = _path(arguments.get("urls") or settings["INPUT_URLS"])
    urls = "-" if urls in STANDARD_INPUT_TOO else urls
    report = _path(arguments.get("report") or settings["REPORT"])
    if NO_FILE.match(report):
        raise BadInput(
            f"report {hide_credentials_of(report)}: must be the path of a file on this machine, "
            "as -a report=PATH; -o writes the rows elsewhere too, as -o -:csv"
        )
    store = _path(settings["FILES_STORE"])
    if "_job" not in arguments:
        return Paths(urls, Path(report).absolute(), store)
    folder = job_folder(settings, str(arguments["_job"]))
    if not (Path(urls).is_absolute() or is_address(urls)):
        raise _relative_path_error("the list", urls, "urls=/PATH or urls=https://…")
    if not Path(report).is_absolute():
        if arguments.get("report") or _was_scheduled(settings, "REPORT"):
            raise _relative_path_error("the report", report, "report=/PATH")
        report = str(folder / report)
    if not is_remote(store) and not Path(store.removeprefix("file://")).is_absolute():
        if _was_scheduled(settings, "FILES_STORE"):
            raise _relative_path_error(
                "the folder for pictures", store, "setting=FILES_STORE=/PATH"
            )
        store = str(folder / store)
    return Paths(urls, Path(report), store)


def _path(text: object) -> str:
    """Return *text* with ``~`` expanded, which few shells do after ``=``."""
    return os.path.expanduser(str(text))  # noqa: PTH111 - it may be an address


def job_folder(settings: BaseSettings, job: str) -> Path:
    """Return the folder of Scrapyd's job *job*, the same for every run of that job.

    :raises BadInput: if *job* is not a valid file name
    """
    if job in {".", ".."} or not is_valid_filename(job, platform="auto", max_len=255):
        raise BadInput(f"jobid {job!r}: is not a valid folder name; schedule with another jobid")
    return Path(settings["JOBS_FOLDER"]).absolute() / job


def is_address(urls: str) -> bool:
    """Whether *urls* is an address rather than a path."""
    return "://" in urls


def check_list_address(address: str) -> None:
    """Check that a list can be fetched from *address*.

    :raises BadInput: if it is not an http or https URL
    """
    try:
        Request(request_url(address))
    except (Problem, ValueError) as problem:
        raise BadInput(
            f"{shown(address)}: the list must be a path, or an http or https address; "
            "name one with -a urls="
        ) from problem


def _was_scheduled(settings: BaseSettings, name: str) -> bool:
    return (settings.getpriority(name) or 0) > SETTINGS_PRIORITIES["project"]


def _relative_path_error(name: str, path: str, instead: str) -> BadInput:
    return BadInput(
        f"{path}: {name} of a job on Scrapyd must be given by an absolute path, since the "
        f"working directory is Scrapyd's: {instead}"
    )
