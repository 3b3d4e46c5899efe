"""Names and finds earlier reports: ``REPORT.1.csv`` for ``REPORT.csv``."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator
from pathlib import Path

from imagefetch.errors import BadInput
from imagefetch.output.ownership.intents import read_notes
from imagefetch.output.ownership.moves import Identity, rename_new
from imagefetch.output.page_file import keep_page
from imagefetch.output.report.csv_rows import Row
from imagefetch.output.report.report_file import readable_rows

REPLACED = "replaced"
"""Name of a file in a report's folder for partial files. It notes which earlier reports a fresh
run replaces: their images are removed when that run has finished."""


def numbered(report: Path) -> Iterator[Path]:
    """Yield the unused names for earlier reports of *report*, lowest number first."""
    for number in itertools.count(1):
        path = report.with_name(f"{report.stem}.{number}{report.suffix}")
        if not os.path.lexists(path) and not _is_another_job(path):
            yield path


def earlier_reports(report: Path) -> list[Path]:
    """Return the earlier reports of *report*, which are in the same folder."""
    pattern = re.compile(rf"{re.escape(report.stem)}\.[1-9]\d*{re.escape(report.suffix)}")
    try:
        names = sorted(os.listdir(report.parent))  # noqa: PTH208 - only names are needed
    except OSError:
        return []
    paths = [report.with_name(name) for name in names if pattern.fullmatch(name)]
    return [path for path in paths if path.is_file() and not _is_another_job(path)]


def _is_another_job(path: Path) -> bool:
    """Whether *path* is the report of another job: then its lock file exists."""
    return os.path.lexists(path.with_name(f".{path.name}.lock"))


def rows_of(path: Path) -> Iterator[Row]:
    """Yield the rows of the report *path*, up to the first that can't be read."""
    try:
        yield from readable_rows(path)
    except (BadInput, OSError):
        return


def written_until(path: Path) -> int:
    """Return when the report *path* was last modified, in ns; 0 if it doesn't exist."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def retire(report: Path, notes: Path | None) -> Path:
    """Rename *report*, and its HTML report, to the next numbered name; return the new path.

    *notes* is the folder in which to note it as replaced; None for no note.

    :raises OSError: if the file system refuses
    """
    identity = Identity.of(report.stat())
    for path in numbered(report):
        if notes is not None:
            with (notes / REPLACED).open("ab") as file:
                file.write(b"%d %d %d %s\n" % (*identity, os.fsencode(path.name)))
        try:
            rename_new(str(report), str(path))
        except FileExistsError:
            continue
        keep_page(report, path)
        return path
    raise AssertionError("unreachable: numbered() never ends")


def replaced(report: Path, notes: Path) -> list[Path]:
    """Return the earlier reports that are noted as replaced in the folder *notes*.

    A report that has changed since the note was written is left out.
    """
    paths = []
    for name, identities in read_notes(notes / REPLACED).items():
        path = report.with_name(name)
        try:
            if Identity.of(path.stat()) in identities:
                paths.append(path)
        except (OSError, ValueError):
            continue
    return paths
