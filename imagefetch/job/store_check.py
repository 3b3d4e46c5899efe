"""Are the pictures of a report in the store that a run names?"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from pathlib import Path

from imagefetch.errors import BadInput
from imagefetch.output.csv_rows import Row, read_rows
from imagefetch.output.file_names import stored_file
from imagefetch.output.store_paths import is_remote, local_path

SAMPLE = 100
"""First and last files that rows name, of which one must be in the store."""


def has_no_file(rows: Iterable[Row], store: Path) -> bool:
    """Whether *rows* name files, and none of a sample of these is in *store*."""
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
    """:raises BadInput: if the pictures of *report* are in another store than *store*"""
    if not is_remote(store) and has_no_file(read_rows(report), local_path(store)):
        raise BadInput(
            f"{report}: none of its pictures is in {local_path(store)}; name the folder that they "
            "are in with -s FILES_STORE=PATH, or begin anew with -a fresh=1"
        )
