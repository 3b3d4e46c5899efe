"""Validates settings, arguments, list, report and store before anything is fetched or written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from scrapy.crawler import Crawler
from scrapy.settings import BaseSettings
from scrapy.utils.misc import build_from_crawler, load_object

from imagefetch.config.destinations import (
    check_folder,
    check_partial_folder,
    check_report,
    check_store,
)
from imagefetch.config.distinct_paths import check_apart, check_lock, feed_paths, lock_file
from imagefetch.config.only_argument import NOTHING, Only
from imagefetch.config.paths import check_list_address, find_paths, is_address
from imagefetch.config.rules.setting_rules import check_settings
from imagefetch.config.rules.setting_values import read_switch
from imagefetch.errors import BadInput
from imagefetch.lists.copy import STANDARD_INPUT, copy_path
from imagefetch.lists.kept_copy import check_copy
from imagefetch.lists.list_file import ListFile
from imagefetch.lists.options import DEFAULTS, ListOptions
from imagefetch.middlewares.host_headers import read_netrc
from imagefetch.output.file_names import NameTemplate
from imagefetch.output.partial_files import partial_folder
from imagefetch.output.store_paths import is_remote
from imagefetch.utils.spelling import did_you_mean

ARGUMENTS = {"urls", "report", "only", "fresh", "referer", "_job", "_version", "_owner", "_kinds"}
"""Arguments of ``-a``, with those that Scrapyd and fleets add."""


@dataclass(frozen=True)
class Run:
    """What a run reads and writes: the validated settings and arguments."""

    urls: Path
    report: Path
    store: str
    """FILES_STORE: a folder, or the URI of a remote store (``s3://…``)."""
    only: Only = NOTHING
    """Selects the lines with a row that are fetched again."""
    fresh: bool = False
    """Whether to restart from scratch."""
    address: str = ""
    """Where the list is fetched from, if it is; ``urls`` is then its local copy."""
    owner: Path | None = None
    """The report of the fleet job that this run is a part of."""
    kinds: Path | None = None
    """Where that job finds what the report does not say."""
    options: ListOptions = DEFAULTS
    """How the list is read."""

    @cached_property
    def list(self) -> ListFile:
        """The list at `urls`."""
        return self.list_at(self.urls)

    def list_at(self, path: Path) -> ListFile:
        """Return the list if it is at *path* now."""
        return ListFile(path, self.options)

    @property
    def how_to_resume(self) -> str:
        """What the user is told about resuming when the run ends early."""
        return f"run the same command{', without -a fresh,' * self.fresh} to resume"


def check_run(settings: BaseSettings, arguments: Mapping[str, Any]) -> Run:
    """Check settings and ``-a`` arguments, then list, report and store.

    Nothing is written, and standard input is not read.

    :raises BadInput: with one line that says what is wrong, where, and what to do
    """
    if "referer" in arguments:
        settings.set("REFERER", arguments["referer"], priority="cmdline")
    check_settings(settings)
    check_arguments(arguments)
    if settings.getbool("NETRC"):
        read_netrc()
    listed, report, store = find_paths(settings, arguments)
    check_report(report)
    check_files(settings, listed, report)
    check_store(store)
    check_partial_folder(partial_folder(store, report))
    only = Only.parse(str(arguments.get("only", "")))
    fresh = _switch("fresh", arguments.get("fresh", "0"))
    if only and fresh:
        raise BadInput(f"arguments -a only={only} and -a fresh=1: give one of them")
    options = ListOptions.of(settings)
    if is_address(listed):
        check_list_address(listed)
        path = copy_path(report, listed)
        return Run(path, report, store, only, fresh, listed, options=options)
    urls = Path(listed)
    if urls != STANDARD_INPUT:
        urls = urls.absolute()
        ListFile(urls, options).check()
    owner, kinds = (
        Path(str(arguments[name])) if name in arguments else None for name in ("_owner", "_kinds")
    )
    return Run(urls, report, store, only, fresh, owner=owner, kinds=kinds, options=options)


def check_file_names(settings: BaseSettings, store: str, columns: Sequence[str]) -> None:
    """Check FILES_NAME against the *columns* of the list that the report carries, and the store.

    :raises BadInput: if it has an unknown field, or could give two images one remote file
    """
    template = settings["FILES_NAME"]
    try:
        names = NameTemplate(template, columns)
    except ValueError as error:
        raise BadInput(f"setting FILES_NAME = {template!r}: {error}") from error
    if names.may_repeat and is_remote(store):
        raise BadInput(
            f"setting FILES_NAME = {template!r}: two images could get the same file, and in a "
            "remote FILES_STORE one be lost; add {hash} or {sha256}, not shortened"
        )


def check_arguments(arguments: Mapping[str, Any]) -> None:
    """Check the names of arguments, and that none is empty.

    :raises BadInput: if an argument is unknown or empty
    """
    known = sorted(name for name in ARGUMENTS if not name.startswith("_"))
    for name, value in arguments.items():
        if name not in ARGUMENTS:
            raise BadInput(
                f"argument -a {name}=…: there is no such argument"
                f"{did_you_mean(name, known)}; known: {', '.join(known)}"
            )
        if name in known and not str(value).strip(" ,"):
            raise BadInput(
                f"argument -a {name}={value}: is empty; give it a value, or leave it out"
            )


def check_files(settings: BaseSettings, listed: str, report: Path) -> None:
    """Check that no file is used twice; *listed* is the list's path or address.

    :raises BadInput: naming the file
    """
    if is_address(listed):
        check_apart(settings, report, None, listed)
        check_copy(copy_path(report, listed))
    elif Path(listed) == STANDARD_INPUT:
        check_apart(settings, report, None)
        check_copy(copy_path(report))
    else:
        check_apart(settings, report, Path(listed))
    check_lock(lock_file(report))
    for path in feed_paths(settings, report):
        if path.is_dir():
            raise BadInput(
                f"{path}: the output is a folder; name a file with -o or -O, or in FEEDS"
            )
        if not path.exists():
            check_folder(path.parent, "the output's folder")


def check_log(
    settings: BaseSettings,
    listed: str,
    report: Path,
    outputs: Mapping[str, str | None],
) -> None:
    """Check LOG_FILE and *outputs*, other files that options name.

    *listed* is the list's path or address.

    :raises BadInput: if one is the list, the report, or a file written next to the report
    """
    if settings["LOG_FILE"] or any(outputs.values()):
        is_path = not is_address(listed) and Path(listed) != STANDARD_INPUT
        urls = Path(listed) if is_path else None
        address = listed if is_address(listed) else ""
        check_apart(settings, report, urls, address, log_alone=True, outputs=outputs)


def _switch(name: str, value: str) -> bool:
    try:
        return read_switch(value)
    except (ValueError, TypeError):
        raise BadInput(f"argument -a {name}={value}: must be 0 or 1, or yes or no") from None


def check_handlers(crawler: Crawler) -> None:
    """Build the download handlers once, since Scrapy would run without a broken one.

    :raises BadInput: if the handler for http or https can't be built
    """
    handlers = crawler.settings.getwithbase("DOWNLOAD_HANDLERS")
    for scheme in ("http", "https"):
        try:
            build_from_crawler(load_object(handlers[scheme]), crawler)
        except Exception as error:
            raise BadInput(
                f"setting DOWNLOAD_HANDLERS[{scheme!r}] = {handlers.get(scheme)!r}: "
                f"can't be built: {error}"
            ) from error
