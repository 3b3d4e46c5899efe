"""Tells the format of a list, by its name and its beginning."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from imagefetch.lists.cells import is_url
from imagefetch.lists.csv_table import DELIMITERS
from imagefetch.lists.options import AUTO
from imagefetch.lists.plain import open_text

HEAD = 2**16
"""Characters of the list's beginning from which its format is told."""

LOOKED_AT = 100
"""Records of it."""

SUFFIXES = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}

COMPRESSED = {".gz"}

COLUMN = re.compile(r"url|uri|link|image|img|src|href|identifier", re.IGNORECASE)
"""Matches the name of a column with URLs."""


class Format(NamedTuple):
    """The format of a list."""

    name: str
    """One of `imagefetch.lists.options.FORMATS`, but "auto"."""
    delimiter: str = ""
    """What separates the cells of a record, in CSV."""


def format_of(path: Path, wanted: str = AUTO) -> Format:
    """Return the format of the list *path*: *wanted*, unless that is "auto".

    :raises BadInput: if it can't be opened, or is not text
    """
    if wanted == "lines":
        return Format("lines")
    with open_text(path, newline="") as file:
        head = file.read(HEAD)
    if len(head) == HEAD:
        head = head[: head.rfind("\n") + 1] or head
    name = suffix_format(path) if wanted == AUTO else wanted
    if name == "tsv":
        return Format("csv", "\t")
    if name == "csv":
        delimiter = delimiter_of(head)
        if wanted == AUTO and delimiter is None and _is_plain(head):
            return Format("lines")
        return Format("csv", delimiter or ",")
    if name == "jsonl" or (name == AUTO and _is_json_lines(head)):
        return Format("jsonl")
    if name == AUTO and not head.lstrip().startswith("#"):
        delimiter = delimiter_of(head)
        if delimiter is not None:
            return Format("csv", delimiter)
    return Format("lines")


def suffix_format(path: Path) -> str:
    """Return the format that the name of *path* tells, or "auto"."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in COMPRESSED:
        suffixes.pop()
    return SUFFIXES.get(suffixes[-1], AUTO) if suffixes else AUTO


def delimiter_of(head: str) -> str | None:
    """Return the delimiter of the table that begins with *head*: with it, most records have as
    many cells as the header, and some cells are URLs. None if it is no table."""
    best: tuple[float, int, str] | None = None
    for delimiter in DELIMITERS:
        header, *others = _records(head, delimiter) or [[]]
        if len(header) < 2 or not others or any(map(is_url, map(str.strip, header))):
            continue
        fitting = [record for record in others if len(record) == len(header)]
        share = len(fitting) / len(others)
        if share <= 0.5 or not _has_urls(fitting):
            continue
        if not any(map(COLUMN.search, header)) and _is_plain(head.partition("\n")[2]):
            continue  # URLs with commas, below a line of text
        best = max(best or (0.0, 0, ""), (share, len(header), delimiter))
    return best and best[2]


def _records(head: str, delimiter: str) -> list[list[str]]:
    found: list[list[str]] = []
    try:
        for record in csv.reader(io.StringIO(head, newline=""), delimiter=delimiter):
            if record:
                found.append(record)
            if len(found) > LOOKED_AT:
                break
    except csv.Error:
        pass
    return found


def _has_urls(records: list[list[str]]) -> bool:
    """Whether most cells of any column that are not blank begin with a URL."""
    for column in zip(*records, strict=True):
        cells = [cell.strip() for cell in column if cell.strip()]
        if sum(map(_begins_with_url, cells)) * 2 > len(cells):
            return True
    return False


def _begins_with_url(cell: str) -> bool:
    return re.match(r"""[\["\s]*(https?:)?//""", cell, re.I) is not None


def _is_plain(head: str) -> bool:
    """Whether most lines are URLs."""
    lines = [line for line in _lines(head) if not line.startswith("#")]
    return sum(map(is_url, lines)) * 2 > len(lines)


def _lines(head: str) -> Iterator[str]:
    lines = (line.strip() for line in head.splitlines()[:LOOKED_AT])
    return (line for line in lines if line)


def _is_json_lines(head: str) -> bool:
    """Whether the first line is a JSON object."""
    first = next(_lines(head), "")
    if not first.startswith("{"):
        return False
    try:
        return isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        return False
