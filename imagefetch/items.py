"""Defines `ImageRecord`, one row of the report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imagefetch.output.partial_files import Download


@dataclass
class ImageRecord:
    """The outcome of one line. The fields are the columns of the report."""

    url: str
    """The line, stripped, as the user wrote it."""
    code: str
    """Status code of a complete response, else ``FAILED <Error>``."""
    line: int
    """Line number in the list, from 1."""
    file: str = ""
    """Path in FILES_STORE; empty if no file was kept."""
    bytes: int | None = None
    """Length of the stored file, bytes."""
    type: str = ""
    """Media type of the stored file."""
    width: int | None = None
    """Width of the image, pixels."""
    height: int | None = None
    """Height of the image, pixels."""
    sha256: str = ""
    """SHA-256 of the stored file, lower-case hex."""
    attempts: int = 0
    """Requests sent for this line, not counting redirects."""
    seconds: float | None = None
    """Time from the first request to the last byte, seconds."""
    reason: str = ""
    """Slug from `imagefetch.errors`; empty on success. With a file: its damage."""

    def __post_init__(self) -> None:
        # Attributes, not fields: exporters ignore them.
        self.download: Download | None = None
        """The partial file that the pipeline moves into the store."""
        self.kind = ""
        """What a body that is not an image is: a key of `imagefetch.images.non_images.KINDS`."""
        self.signal = ""
        """How its host opts out: one of `imagefetch.download.opt_outs.signals.SIGNALS`."""
        self.key: bytes | None = None
        """Key that the line shares with its duplicates."""
