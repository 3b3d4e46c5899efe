"""Defines shards: parts of a list, whose lines have their numbers in the whole list.

A line of a text list is its number, a tab, and the text. One that is more than its text is the
number, two tabs, and the other attributes of `Line` as a JSON array. The first line of a shard
of a table is ``columns``, a tab, and the names of the carried columns as a JSON array.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from imagefetch.errors import BadInput
from imagefetch.urls import Line

SHARD_SUFFIX = ".shard"

COLUMNS = "columns\t"

SHARD_LINE = re.compile(r"([0-9]{1,18})\t(\t?)(.*)\n?")


def is_shard(path: Path) -> bool:
    """Whether the list *path* is a shard."""
    return path.suffix == SHARD_SUFFIX


def shard_header(columns: Sequence[str]) -> bytes:
    """Return the beginning of a shard of a list with *columns*."""
    return f"{COLUMNS}{json.dumps(columns)}\n".encode() if columns else b""


def shard_columns(path: Path) -> tuple[str, ...]:
    """Return the names of the columns that the lines of the shard *path* have.

    :raises BadInput: if it can't be read
    """
    try:
        with path.open(encoding="utf-8", newline="\n") as file:
            first = file.readline()
        return tuple(json.loads(first[len(COLUMNS) :])) if first.startswith(COLUMNS) else ()
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: is not a shard: {error}") from error


def shard_line(line: Line) -> bytes:
    """Return *line* in the format of a shard."""
    number, text, part, record, *others = line
    if part is None and not record and not any(others):
        return f"{number}\t{text}\n".encode()
    attributes = json.dumps([text, part, dict(record), *others])
    return f"{number}\t\t{attributes}\n".encode()


def line_of(raw: str) -> Line:
    """Return the line in a line of a shard.

    :raises ValueError: if it is none
    """
    if (match := SHARD_LINE.fullmatch(raw)) is None:
        raise ValueError
    number, is_json, text = match.groups()
    return Line(int(number), *json.loads(text)) if is_json else Line(int(number), text)
