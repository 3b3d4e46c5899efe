"""One `ImageRecord` is one row of the report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imagefetch.output.partial_files import Download


@dataclass
class ImageRecord:
    """What became of one line. Fields in the report's order of columns."""

    url: str
    """The line, stripped, as the user wrote it."""
    code: str
    """Status of a whole answer, else ``FAILED <Error>``."""
    line: int
    """Number in the list, from 1."""
    file: str = ""
    """Path under FILES_STORE; empty where nothing was kept."""
    bytes: int | None = None
    """Length of the stored file."""
    type: str = ""
    """Media type of the stored bytes."""
    width: int | None = None
    """Pixels."""
    height: int | None = None
    """Pixels."""
    sha256: str = ""
    """Of the stored file, lower-case hex."""
    attempts: int = 0
    """Requests sent for this line, redirects not counted."""
    seconds: float | None = None
    """From the first request to the last byte."""
    reason: str = ""
    """Slug out of `imagefetch.errors`; empty on success. Beside a file, what is wrong with it."""

    def __post_init__(self) -> None:
        # Not fields: exporters never see them.
        self.download: Download | None = None
        """The partial file that the pipeline is to move into its place."""
        self.key: bytes | None = None
        """What this line's duplicates share with it."""
