"""Detects the format of a list from its name and its first records."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from imagefetch.errors import BadInput
from imagefetch.lists.compression import SUFFIXES as COMPRESSED
from imagefetch.lists.kept_copy import BINARY
from imagefetch.lists.options import AUTO
from imagefetch.lists.plain import checked_path, open_text
from imagefetch.lists.tables.arrow_table import open_binary
from imagefetch.lists.tables.cells import holds_url
from imagefetch.lists.tables.columns import is_usual
from imagefetch.lists.tables.csv_table import DELIMITERS
from imagefetch.lists.tables.records import LOOKED_AT

HEAD = 2**16
"""Characters of the list's beginning from which its format is told."""

SUFFIXES = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".parquet": "arrow",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
}

NAMES = {"jsonl": "json", "parquet": "arrow"}
"""Formats that have one reader with another."""

COLUMN = re.compile(r"url|uri|link|image|img|src|href|identifier|photo|picture", re.IGNORECASE)
"""Matches the name of a column with URLs."""

JSON = re.compile(r'\s*(?:\{\s*"|\[\s*[{"\]])')
"""Matches the beginning of JSON Lines, or of an array of objects or strings."""

JSON_LINE = re.compile(r'\{\s*"[^"]*"\s*:')

BEGINS_WITH_URL = re.compile(r"""[\["'<\s]*(?:(?:https?:)?//|www\.)""", re.IGNORECASE)


class Format(NamedTuple):
    """The format of a list."""

    name: str
    """"lines", "csv", "json" or "arrow"."""
    delimiter: str = ""
    """What separates the cells of a record, in CSV."""


def format_of(path: Path, wanted: str = AUTO) -> Format:
    """Return the format of the list *path*: *wanted*, unless that is "auto".

    :raises BadInput: if it can't be opened, or is not in the format
    """
    wanted = NAMES.get(wanted, wanted)
    by_name = suffix_format(path) if wanted == AUTO else wanted
    with checked_path(path), open_binary(path) as binary:
        is_binary = binary.read(8).startswith(BINARY)
    if wanted == "lines" and is_binary:
        raise BadInput(
            f"{path}: looks like Parquet or Arrow; a list has one URL per line: "
            "-s LIST_FORMAT=auto reads such a table"
        )
    if wanted == "lines":
        return Format("lines")
    if by_name == "arrow" or (wanted == AUTO and is_binary):
        if path.suffix.lower() in COMPRESSED and not is_binary:
            raise BadInput(f"{path}: Parquet and Arrow files are read as they are; decompress it")
        return Format("arrow")
    return _text_format(head_of(path), by_name, is_sure=wanted != AUTO)


def content_format(path: Path) -> Format:
    """Return the format that the content of the list *path* tells, whatever its name is.

    :raises BadInput: if it can't be opened, or is not text
    """
    with checked_path(path), open_binary(path) as binary:
        if binary.read(8).startswith(BINARY):
            return Format("arrow")
    return _text_format(head_of(path), AUTO, is_sure=False)


def head_of(path: Path) -> str:
    """Return the beginning of the list *path*: whole lines, if any fits.

    :raises BadInput: if it can't be opened, or is not text
    """
    with open_text(path, newline="") as file:
        head = file.read(HEAD)
    return (head[: head.rfind("\n") + 1] or head) if len(head) == HEAD else head


def _text_format(head: str, name: str, *, is_sure: bool) -> Format:
    """Return the format of a text that begins with *head*. Its name tells *name*; *is_sure*: the
    user does."""
    if name == "json" or (name == AUTO and (JSON.match(head) or _is_json_lines(head))):
        return Format("json")
    if name == "tsv":
        return Format("csv", "\t")
    if name == AUTO and head.lstrip().startswith("#"):
        return Format("lines")  # a comment
    delimiter = delimiter_of(head) or _single_column(head, name) or _header_alone(head)
    if name == "csv" and (delimiter or is_sure or not _is_plain(head)):
        return Format("csv", delimiter or most_usual(head))
    return Format("csv", delimiter) if delimiter else Format("lines")


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
        header, *others = records(head, delimiter) or [[]]
        if len(header) < 2 or not others or any(map(BEGINS_WITH_URL.match, header)):
            continue
        fitting = [record for record in others if len(record) == len(header)]
        share = len(fitting) / len(others)
        if share <= 0.5 or not _has_urls(fitting):
            continue
        if not any(map(COLUMN.search, header)) and _is_plain(head.partition("\n")[2]):
            continue  # URLs with commas, below a line of text
        best = max(best or (0.0, 0, ""), (share, len(header), delimiter))
    return best and best[2]


def _single_column(head: str, name: str) -> str | None:
    """Return a delimiter for the table that begins with *head* if it is one column of URLs below
    a header. Only in a file that is CSV by its *name*, commas mean more than one cell."""
    first, *others = [*itertools.islice(_lines(head), LOOKED_AT)] or [""]
    is_header = is_usual(first.strip('"')) and bool(others) and _is_plain("\n".join(others))
    return ("," if name == "csv" else "\t") if is_header else None


def _header_alone(head: str) -> str | None:
    """Return the delimiter of *head* if it is nothing but a header that names a column of URLs."""
    first, *others = [*itertools.islice(_lines(head), 2)] or [""]
    if others:
        return None
    delimiter = most_usual(head)
    cells = first.split(delimiter)
    return delimiter if len(cells) > 1 and any(map(is_usual, cells)) else None


def most_usual(head: str) -> str:
    """Return the delimiter that splits the first record into most cells."""
    first = next(iter(_lines(head)), "")
    return max(DELIMITERS, key=first.count)


def records(head: str, delimiter: str) -> list[list[str]]:
    """Return the first records of a CSV file that begins with *head*."""
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


def _has_urls(found: list[list[str]]) -> bool:
    """Whether most cells of any column that are not blank begin with a URL."""
    for column in zip(*found, strict=True):
        cells = [cell for cell in column if cell.strip()]
        if sum(map(bool, map(BEGINS_WITH_URL.match, cells))) * 2 > len(cells):
            return True
    return False


def _is_plain(head: str) -> bool:
    """Whether most lines are URLs."""
    lines = [line for line in _lines(head) if not line.startswith("#")]
    return sum(map(holds_url, lines)) * 2 > len(lines)


def _is_json_lines(head: str) -> bool:
    """Whether most lines begin as objects do."""
    lines = list(_lines(head))
    return sum(map(bool, map(JSON_LINE.match, lines))) * 2 > len(lines)


def _lines(head: str) -> Iterator[str]:
    lines = (line.strip() for line in head.splitlines()[:LOOKED_AT])
    return (line for line in lines if line)
