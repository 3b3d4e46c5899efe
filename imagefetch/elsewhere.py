"""Are the pictures of a report in the store that a run names?"""

from __future__ import annotations

from collections import deque
from pathlib import Path

from imagefetch.errors import BadInput
from imagefetch.names import stored_file
from imagefetch.partials import is_remote, local_path
from imagefetch.rows import readable_rows

SAMPLE = 100
"""First and last files that rows name, of which one must be in the store."""


def has_no_file(report: Path, store: Path) -> bool:
    """Whether rows of *report* name files, and none of a sample of these is in *store*."""
    first, last = 0, deque[str](maxlen=SAMPLE)
    for row in readable_rows(report):
        if row.file and first < SAMPLE:
            first += 1
            if stored_file(store, row.file) is not None:
                return False
        elif row.file:
            last.append(row.file)
    return first > 0 and not any(stored_file(store, name) for name in last)


def check_store(report: Path, store: str) -> None:
    """:raises BadInput: if the pictures of *report* are in another store than *store*"""
    if not is_remote(store) and has_no_file(report, local_path(store)):
        raise BadInput(
            f"{report}: none of its pictures is in {local_path(store)}; name the folder that they "
            "are in with -s FILES_STORE=PATH, or begin anew with -a fresh=1"
        )
