"""Folders that programs work in."""

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
    """Make a folder for one run; its files are emptied after it, and removed at the very end.

    ext4 gives out no inode whose file was deleted less than some minutes ago (five, where
    that isn't on disk yet), and looks for another again and again: whoever ran after ten
    thousand files were deleted would pay half a millisecond for each of its own.
    """
    folder = Path(tempfile.mkdtemp(prefix="imagefetch-benchmark-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    try:
        yield folder
    finally:
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                with suppress(FileNotFoundError):  # a killed run's page is still being written
                    os.truncate(path, 0)
