"""Defines `ImageRecord`, one row of the report."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from imagefetch.line import id_of, place_of

if TYPE_CHECKING:
    from imagefetch.output.partial_files import Download


@dataclass
class ImageRecord:
    """The outcome of one image of the list. The fields are the columns of the report."""

    url: str
    """The line, stripped, as the user wrote it."""
    code: str
    """Status code of a complete response, else ``FAILED <Error>``."""
    line: int
    """Number of the line, or of the record, in the list, from 1."""
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
    part: int | None = None
    """Which of several images of a record, from 1; None if the record has one."""
    final_url: str = ""
    """URL that gave the response, if it isn't that of the line."""
    fetched: str = ""
    """When the last response came: UTC, ``2026-11-27T10:15:00Z``; empty if none came."""
    etag: str = ""
    """The header ``ETag`` of the response, as sent."""
    last_modified: str = ""
    """The header ``Last-Modified`` of the response, as sent."""
    source: str = ""
    """Where the image is from, if not from its URL."""
    change: str = ""
    """What a refresh found."""
    match: str = ""
    """Whether the file has the hash that the list expects."""
    record: dict[str, str] = field(default_factory=dict)
    """The list's own columns that the report carries, by name."""

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
        self.file_if_taken = ""
        """The name for the file if `file` is taken; empty if `file` is the only one."""

    @property
    def line_id(self) -> int:
        """`imagefetch.urls.id_of` the line."""
        return id_of(self.line, self.part)

    @property
    def place(self) -> str:
        """The line for a message: ``line 7, part 2``."""
        return place_of(self.line, self.part)
