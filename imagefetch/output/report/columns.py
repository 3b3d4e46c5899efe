"""Defines the columns of a report: those of imagefetch, then those of the list."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from imagefetch.output.report.encoding import decode, encode
from imagefetch.utils.cells import CELL_MAX

COLUMNS = {
    "url": "URL",
    "code": "Response code",
    "line": "Line",
    "file": "File",
    "bytes": "Bytes",
    "type": "Type",
    "width": "Width",
    "height": "Height",
    "sha256": "SHA-256",
    "attempts": "Attempts",
    "seconds": "Seconds",
    "reason": "Reason",
    "part": "Part",
    "final_url": "Final URL",
    "fetched": "Fetched",
    "etag": "ETag",
    "last_modified": "Last-Modified",
    "source": "Source",
    "change": "Change",
    "match": "Match",
}
"""Maps each field of `ImageRecord` to its column, in the order of the file."""

NAMES = tuple(COLUMNS.values())
OWN = len(NAMES)

FEWEST = 12
"""Number of columns of the oldest reports: the first of `NAMES`."""

PREFIX = "list."
"""What a column of the list has in front whose name is taken."""

HEADER_MAX = 2**22
"""Maximum length of a header, in bytes."""


def unique_names(names: Sequence[str], taken: Iterable[str] = NAMES) -> tuple[str, ...]:
    """Return *names* with `PREFIX` before each that is *taken*, or that would occur twice then.

    A name that is not taken never changes because of one that is: of ``URL`` and ``list.URL``
    the first becomes ``list.list.URL``.
    """
    used = {*taken}
    kept = {name for name in names if name not in used}
    used |= kept
    result = []
    for given in names:
        name = given
        if given in kept:
            kept.remove(given)
        else:
            while name in used:
                name = PREFIX + name
            used.add(name)
        result.append(name)
    return tuple(result)


@dataclass(frozen=True)
class Layout:
    """The columns of one report."""

    carried: tuple[str, ...] = ()
    """Names of the list's columns, as the header has them."""
    own: int = OWN
    """Number of columns before those; an older report has fewer than `OWN`."""
    columns: tuple[str, ...] = field(default=(), compare=False)
    """The names of `carried` in the list; empty if the layout was read from a report."""

    @classmethod
    def of_list(cls, columns: Sequence[str]) -> Layout:
        """Return the layout for a list of which the report carries *columns*."""
        return cls(unique_names(columns), columns=tuple(columns))

    @classmethod
    def of_header(cls, names: list[str]) -> Layout | None:
        """Return the layout of a report with the header *names*; None if it is no report."""
        own = tuple(names[:OWN])
        is_report = len(own) >= FEWEST and NAMES[: len(own)] == own
        return cls(tuple(names[OWN:]), len(own)) if is_report else None

    @property
    def width(self) -> int:
        """Number of cells of a row."""
        return self.own + len(self.carried)

    @property
    def row_max(self) -> int:
        """Maximum length of a row, in bytes. A row is read with one call."""
        return 4 * CELL_MAX * self.width

    @cached_property
    def header(self) -> bytes:
        return encode([*NAMES[: self.own], *self.carried])


PLAIN = Layout()
"""The layout for a list without columns."""

HEADER = PLAIN.header
_OLDEST = Layout(own=FEWEST).header


def begins_report(head: bytes) -> bool:
    """Whether *head*, the first bytes of a file, may be those of a report."""
    own = HEADER.removesuffix(b"\r\n")
    if len(head) <= len(own):
        return own.startswith(head) or _OLDEST.startswith(head) or head.startswith(_OLDEST)
    return head.startswith((own + b",", own + b"\r", _OLDEST)) or _is_older(head)


def _is_older(head: bytes) -> bool:
    """Whether *head* begins with the header of a version between the oldest and this one."""
    line, end, _ = head.partition(b"\r\n")
    return bool(end) and layout_of(line + end) is not None


def layout_of(raw: bytes) -> Layout | None:
    """Return the layout of a report whose first line is *raw*; None if it is no report."""
    if not raw.endswith(b"\r\n"):
        return None
    try:
        [names] = csv.reader([raw[:-2].decode()], strict=True)
    except (csv.Error, ValueError):
        return None
    return Layout.of_header(decode(names))
