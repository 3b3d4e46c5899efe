"""Defines shards: parts of a list, whose lines begin with their number in the whole list."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO

from imagefetch.errors import BadInput
from imagefetch.line import Line
from imagefetch.utils.cells import CELL_MAX

# Suffix of a shard. Each of its lines is the line's number in the whole list, a tab,
# and the line.
SHARD_SUFFIX = ".shard"

JSON_MARK = "+"
"""What stands between number and tab if the rest is JSON: that of `Line.to_json`."""

_LINE = re.compile(r"([0-9]{1,18})(\+?)\t(.*)\n?")
_WITH_JSON = re.compile(r"[0-9]{1,18}\+\t")
_COLUMNS = "+\t"
"""What the first line begins with if the report carries columns of the list."""

PLAIN = Line(0, "")

_LINE_MAX = CELL_MAX + 20
_RECORD_MAX = 2**25
"""Maximum characters of a line with JSON."""


def is_shard(path: Path) -> bool:
    """Whether the list *path* is a shard."""
    return path.suffix == SHARD_SUFFIX


def shard_header(columns: Sequence[str]) -> bytes:
    """Return the beginning of a shard of a list of which the report carries *columns*."""
    return f"{_COLUMNS}{json.dumps(columns)}\n".encode() if columns else b""


def is_header(raw: bytes) -> bool:
    """Whether the line *raw* of a shard is what `shard_header` wrote."""
    return raw.startswith(_COLUMNS.encode())


def shard_line(line: Line) -> bytes:
    """Return *line* in the format of a shard."""
    if line == (line.number, line.text, *PLAIN[2:]):
        return f"{line.number}\t{line.text}\n".encode()
    return f"{line.number}{JSON_MARK}\t{line.to_json()}\n".encode()


def parse_shard_line(raw: str) -> Line:
    """Return the line that `shard_line` wrote as *raw*.

    :raises ValueError, TypeError: if it is not valid
    """
    match = _LINE.fullmatch(raw)
    if match is None:
        raise ValueError
    number, mark, rest = match.groups()
    if not mark:
        return Line(int(number), rest)
    return Line.from_json(rest)


def read_shard(path: Path, file: IO[str]) -> Iterator[Line]:
    """Yield the lines of the shard *path*, which is open as *file*.

    :raises BadInput: if one is not valid
    :raises OSError: if it can't be read
    """
    position = 0
    while raw := file.readline(_LINE_MAX):
        position += 1
        if position == 1 and raw.startswith(_COLUMNS):
            if not raw.endswith("\n"):
                file.readline(_RECORD_MAX)
            continue
        if _WITH_JSON.match(raw) and not raw.endswith("\n"):
            raw += file.readline(_RECORD_MAX)
        try:
            yield parse_shard_line(raw)
        except (ValueError, TypeError):
            raise BadInput(
                f"{path}: line {position} is not a line of a shard: number, tab, URL"
            ) from None


def shard_columns(path: Path) -> tuple[str, ...]:
    """Return the list's columns that the report of the shard *path* carries.

    :raises BadInput: if the shard is damaged
    :raises OSError: if it can't be read
    """
    with path.open(encoding="utf-8", errors="replace") as file:
        if file.read(len(_COLUMNS)) != _COLUMNS:
            return ()
        try:
            return tuple(map(str, json.loads(file.readline(_RECORD_MAX))))
        except ValueError:
            raise BadInput(f"{path}: line 1 is not a line of a shard: its columns") from None


def write_shard(path: Path, columns: Sequence[str], lines: Iterable[Line]) -> None:
    """Write *lines* as a shard.

    :raises OSError: if the file system refuses
    """
    with path.open("wb") as file:
        file.write(shard_header(columns))
        file.writelines(map(shard_line, lines))
