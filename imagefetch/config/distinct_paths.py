"""Checks that the list, report, log and feeds are different files.

Files that the program writes next to the report are included.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from scrapy.settings import BaseSettings
from w3lib.url import file_uri_to_path

from imagefetch.errors import BadInput
from imagefetch.lists.kept_copy import copy_path
from imagefetch.output.own_files import head_of
from imagefetch.output.page_file import page_path

REPORT_FEED = "%(report)s"
"""Key of the report's own feed in FEEDS."""


def lock_file(report: Path) -> Path:
    """Return the lock file of *report*. It is always empty."""
    return report.with_name(f".{report.name}.lock")


def check_lock(path: Path) -> None:
    """Check that nothing but a lock file is at *path*.

    :raises BadInput: if it holds data or can't be read
    """
    try:
        if not head_of(path):
            return
        problem = "is not empty"
    except OSError as error:
        problem = f"can't be read: {error.strerror}"
    raise BadInput(
        f"{path}: this path is needed for the report's lock file, but it {problem}; move it away, "
        "or name another report with -a report=PATH"
    )


def check_apart(
    settings: BaseSettings,
    report: Path,
    urls: Path | None,
    address: str = "",
    *,
    log_alone: bool = False,
    outputs: Mapping[str, str | None] | None = None,
) -> None:
    """Check that no file is used for two purposes.

    :param urls: the list, if it is a file that the user named
    :param address: where the list is fetched from, if it is
    :param log_alone: check only the list, the log and *outputs*, not the feeds
    :param outputs: other files that are written, by the option that names them
    :raises BadInput: if one is; the message names both purposes
    """
    taken = {
        "the report": report,
        "the report's lock": lock_file(report),
        "the report's page": page_path(report),
        "the copy of standard input": copy_path(report),
        "the folder of a fleet job": Path(f"{report}.fleet"),
    }
    if address:
        taken["the copy of the list"] = copy_path(report, address)
    if urls is not None:
        _check("the list", urls, taken, "name another with -a urls=PATH or -a report=PATH")
        taken["the list"] = urls
    if log := settings["LOG_FILE"]:
        _check("the log", Path(log), taken, "name another with -s LOG_FILE=PATH")
        taken["the log"] = Path(log)
    for option, path in (outputs or {}).items():
        if path:
            _check(f"the file of {option}", Path(path), taken, f"name another with {option}")
    if log_alone:
        return
    for feed in feed_paths(settings, report):
        _check("the output", feed, taken, "name another with -o or -O, or in FEEDS")


def _check(name: str, path: Path, taken: dict[str, Path], advice: str) -> None:
    for purpose, other in taken.items():
        if same_file(path, other):
            raise BadInput(f"{path}: {name} can't be {purpose} too; {advice}")


def same_file(one: Path, other: Path) -> bool:
    """Whether both paths lead to the same file, existing or not; links are followed."""
    with suppress(OSError, ValueError):
        if one.samefile(other):
            return True
    return os.path.realpath(one) == os.path.realpath(other)


def feed_paths(settings: BaseSettings, report: Path) -> Iterator[Path]:
    """Yield the files that feeds are written to, except the report's own feed."""
    known = {"report": str(report), "name": "images"}
    for uri, options in settings.getdict("FEEDS").items():
        if uri == REPORT_FEED and options.get("format") == "report":
            continue
        with suppress(TypeError, ValueError):  # Scrapy reports a malformed URI itself
            text = str(uri) % defaultdict(str, known)
            if text.startswith("file://"):
                text = file_uri_to_path(text)
            if "://" not in text and not text.startswith("stdout:"):
                yield Path(text)
