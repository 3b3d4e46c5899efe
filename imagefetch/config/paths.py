"""Where list, report and pictures are: as a shell sees it, and as Scrapyd does."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pathvalidate import is_valid_filename
from scrapy import Request
from scrapy.settings import SETTINGS_PRIORITIES, BaseSettings

from imagefetch.errors import BadInput, Problem
from imagefetch.output.store_paths import is_remote
from imagefetch.urls import request_url, shown

STANDARD_INPUT_TOO = {"/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"}
"""Standard input, as a path: what comes there can't be read twice either."""


class Places(NamedTuple):
    """Of one run."""

    urls: str
    """A path, ``-``, or an address."""
    report: Path
    """Absolute."""
    store: str
    """FILES_STORE: a folder, or an address of FilesPipeline's."""


def find_places(settings: BaseSettings, arguments: Mapping[str, Any]) -> Places:
    """Say where a run's list, report and pictures are.

    With Scrapyd's argument ``_job`` nothing depends on the working directory,
    which is Scrapyd's own: what was scheduled must be absolute, and what
    `imagefetch.settings` names relatively lies in the job's own folder below
    JOBS_FOLDER.

    :raises BadInput: if a path of a scheduled job is relative
    """
    urls = _path(arguments.get("urls") or settings["INPUT_URLS"])
    urls = "-" if urls in STANDARD_INPUT_TOO else urls
    report = _path(arguments.get("report") or settings["REPORT"])
    store = _path(settings["FILES_STORE"])
    if "_job" not in arguments:
        return Places(urls, Path(report).absolute(), store)
    folder = job_folder(settings, str(arguments["_job"]))
    if not (Path(urls).is_absolute() or is_address(urls)):
        raise _relative("the list", urls, "urls=/PATH or urls=https://…")
    if not Path(report).is_absolute():
        if arguments.get("report") or _was_scheduled(settings, "REPORT"):
            raise _relative("the report", report, "report=/PATH")
        report = str(folder / report)
    if not is_remote(store) and not Path(store.removeprefix("file://")).is_absolute():
        if _was_scheduled(settings, "FILES_STORE"):
            raise _relative("the folder for pictures", store, "setting=FILES_STORE=/PATH")
        store = str(folder / store)
    return Places(urls, Path(report), store)


def _path(text: object) -> str:
    """Return *text* with ``~`` for the home folder undone, which few shells do behind ``=``."""
    return os.path.expanduser(str(text))  # noqa: PTH111 - it may be an address


def job_folder(settings: BaseSettings, job: str) -> Path:
    """Return the folder of Scrapyd's job *job*; the same for the same job, whenever it runs.

    :raises BadInput: if no folder can be called so
    """
    if job in {".", ".."} or not is_valid_filename(job, platform="auto", max_len=255):
        raise BadInput(f"jobid {job!r}: no folder can be called so; schedule with another")
    return Path(settings["JOBS_FOLDER"]).absolute() / job


def is_address(urls: str) -> bool:
    """Whether *urls* is an address, and no path."""
    return "://" in urls


def check_list_address(address: str) -> None:
    """:raises BadInput: if *address* is none that a list can be fetched from"""
    try:
        Request(request_url(address))
    except (Problem, ValueError) as problem:
        raise BadInput(
            f"{shown(address)}: the list must be a path, or an http or https address; "
            "name one with -a urls="
        ) from problem


def _was_scheduled(settings: BaseSettings, name: str) -> bool:
    return (settings.getpriority(name) or 0) > SETTINGS_PRIORITIES["project"]


def _relative(what: str, path: str, instead: str) -> BadInput:
    return BadInput(
        f"{path}: {what} of a job on Scrapyd must be given by an absolute path, since the "
        f"working directory is Scrapyd's: {instead}"
    )
