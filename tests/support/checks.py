"""The validation of a run in the current folder, and what that folder contains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from imagefetch.config.validation import check_run
from tests.conftest import project

URL = "http://127.0.0.1:9/a.jpg"


def content(folder: Path) -> dict[str, bytes | None]:
    """Return the contents of the files in *folder*, by name."""
    return {
        path.name: path.read_bytes() if path.is_file() and not path.is_symlink() else None
        for path in folder.iterdir()
    }


def check(arguments: dict[str, str], **settings: Any) -> None:
    check_run(project(FILES_STORE="images", **settings), {"urls": "urls.txt", **arguments})
