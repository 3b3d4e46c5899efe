"""Temporary folders for runs."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def scratch() -> Iterator[Path]:
    """Provide a folder for one run. Its files are truncated after the run, and removed when all
    runs have ended.

    ext4 doesn't reuse the inode of a file that was deleted within the last minutes (five, if that
    isn't on disk yet), but searches for another. So a run after ten thousand deletions would take
    half a millisecond longer for each file.
    """
    folder = Path(tempfile.mkdtemp(prefix="imagefetch-benchmark-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    try:
        yield folder
    finally:
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                with suppress(
                    FileNotFoundError
                ):  # the HTML report of a killed run is still being written
                    os.truncate(path, 0)
