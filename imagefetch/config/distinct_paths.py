"""List, report, log and feeds: no two of them are one file, nor what lies beside the report."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from scrapy.settings import BaseSettings
from w3lib.url import file_uri_to_path

from imagefetch.errors import BadInput
from imagefetch.lists.kept_copy import spool_path
from imagefetch.output.own_files import head_of
from imagefetch.output.page_file import page_path

REPORT_FEED = "%(report)s"
"""How the report's own feed is called in FEEDS."""


def lock_file(report: Path) -> Path:
    """Return the file by which *report* is locked. It holds nothing, and stays."""
    return report.with_name(f".{report.name}.lock")


def check_lock(path: Path) -> None:
    """:raises BadInput: if something else than a lock is at *path*"""
    try:
        if not head_of(path):
            return
        problem = "holds something"
    except OSError as error:
        problem = f"can't be looked at: {error.strerror}"
    raise BadInput(
        f"{path}: the report's lock is to be there, and it {problem}; move it away, "
        "or name another report with -a report=PATH"
    )


def check_apart(
    settings: BaseSettings,
    report: Path,
    urls: Path | None,
    address: str = "",
    *,
    log_alone: bool = False,
) -> None:
    """Check that no file is given two purposes.

    *urls* is the list, if it is a file that the user named; *address* where it is fetched from.

    :raises BadInput: naming both
    """
    taken = {
        "the report": report,
        "the report's lock": lock_file(report),
        "the report's page": page_path(report),
        "the copy of standard input": spool_path(report),
        "the folder of fleet's job": Path(f"{report}.fleet"),
    }
    if address:
        taken["the copy of the list"] = spool_path(report, address)
    if urls is not None:
        _check("the list", urls, taken, "name another with -a urls=PATH or -a report=PATH")
        taken["the list"] = urls
    if log := settings["LOG_FILE"]:
        _check("the log", Path(log), taken, "name another with -s LOG_FILE=PATH")
        taken["the log"] = Path(log)
    if log_alone:
        return
    for feed in _feeds(settings, report):
        _check("the output", feed, taken, "name another with -o or -O, or in FEEDS")


def _check(what: str, path: Path, taken: dict[str, Path], advice: str) -> None:
    for purpose, place in taken.items():
        if same_file(path, place):
            raise BadInput(f"{path}: {what} can't be {purpose} too; {advice}")


def same_file(one: Path, other: Path) -> bool:
    """Whether both are one file, or would be, links followed."""
    with suppress(OSError, ValueError):
        if one.samefile(other):
            return True
    return os.path.realpath(one) == os.path.realpath(other)


def _feeds(settings: BaseSettings, report: Path) -> Iterator[Path]:
    """Yield the files that feeds are written to, but for the report's own."""
    known = {"report": str(report), "name": "images"}
    for uri, options in settings.getdict("FEEDS").items():
        if uri == REPORT_FEED and options.get("format") == "report":
            continue
        with suppress(TypeError, ValueError):  # what Scrapy can't make of it, it says
            text = str(uri) % defaultdict(str, known)
            if text.startswith("file://"):
                text = file_uri_to_path(text)
            if "://" not in text and not text.startswith("stdout:"):
                yield Path(text)
