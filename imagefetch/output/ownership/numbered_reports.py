"""Earlier reports, under numbered names: ``REPORT.1.csv`` for ``REPORT.csv``."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator
from pathlib import Path

from imagefetch.errors import BadInput
from imagefetch.output.csv_rows import Row, readable_rows
from imagefetch.output.ownership.intents import read_notes
from imagefetch.output.ownership.moves import Identity, rename_new
from imagefetch.output.page_file import keep_page

REPLACED = "replaced"
"""The file, in a report's folder for partial files, that notes which earlier reports a fresh run
replaces: their pictures go once it has finished."""


def numbered(report: Path) -> Iterator[Path]:
    """Yield the names for earlier reports of *report*'s that are free, the lowest first."""
    for number in itertools.count(1):
        path = report.with_name(f"{report.stem}.{number}{report.suffix}")
        if not os.path.lexists(path) and not _is_another_job(path):
            yield path


def predecessors(report: Path) -> list[Path]:
    """Return the earlier reports of *report*'s that lie beside it."""
    pattern = re.compile(rf"{re.escape(report.stem)}\.[1-9]\d*{re.escape(report.suffix)}")
    try:
        names = sorted(os.listdir(report.parent))  # noqa: PTH208 - names are what is wanted
    except OSError:
        return []
    found = [report.with_name(name) for name in names if pattern.fullmatch(name)]
    return [path for path in found if path.is_file() and not _is_another_job(path)]


def _is_another_job(path: Path) -> bool:
    """Whether runs wrote *path* as a report of its own: their lock file stays."""
    return os.path.lexists(path.with_name(f".{path.name}.lock"))


def rows_of(path: Path) -> Iterator[Row]:
    """Yield the rows of an earlier report, as far as it can be read."""
    try:
        yield from readable_rows(path)
    except (BadInput, OSError):
        return


def written_until(path: Path) -> int:
    """Return when an earlier report was last written to, in ns; 0 if it is gone."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def retire(report: Path, notes: Path | None) -> Path:
    """Move *report*, and its page, to the next numbered name; return that.

    *notes* is the folder in which it is noted as replaced, if it is to be.

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
    raise AssertionError("numbers don't end")


def replaced(report: Path, notes: Path) -> list[Path]:
    """Return the earlier reports that the folder *notes* says are being replaced.

    One that is no more what was noted is left out.
    """
    found = []
    for name, identities in read_notes(notes / REPLACED).items():
        path = report.with_name(name)
        try:
            if Identity.of(path.stat()) in identities:
                found.append(path)
        except (OSError, ValueError):
            continue
    return found
