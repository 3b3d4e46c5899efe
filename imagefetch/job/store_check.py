"""Checks that the images of a report are in the store of the run."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from pathlib import Path

from imagefetch.errors import BadInput
from imagefetch.output.file_names import stored_file
from imagefetch.output.report.csv_rows import Row
from imagefetch.output.report.report_file import read_rows
from imagefetch.output.store_paths import is_remote, local_path

SAMPLE = 100
"""Number of files, each from the first and the last rows, of which one must be in the store."""


def has_no_file(rows: Iterable[Row], store: Path) -> bool:
    """Whether *rows* name files, but no file of a sample is in *store*."""
    first, last = 0, deque[str](maxlen=SAMPLE)
    for row in rows:
        if row.file and first < SAMPLE:
            first += 1
            if stored_file(store, row.file) is not None:
                return False
        elif row.file:
            last.append(row.file)
    return first > 0 and not any(stored_file(store, name) for name in last)


def check_store(report: Path, store: str) -> None:
    """Check that the images of *report* are in *store*, unless that is remote.

    :raises BadInput: if they are not
    """
    if not is_remote(store) and has_no_file(read_rows(report), local_path(store)):
        raise BadInput(
            f"{report}: none of its pictures is in {local_path(store)}; name the folder that they "
            "are in with -s FILES_STORE=PATH, or restart from scratch with -a fresh=1"
        )
