"""Defines shards: parts of a list, whose lines begin with their number in the whole list."""

from __future__ import annotations

from pathlib import Path

from imagefetch.urls import Line

# Suffix of a shard. Each of its lines is the line's number in the whole list, a tab,
# and the line.
SHARD_SUFFIX = ".shard"


def is_shard(path: Path) -> bool:
    """Whether the list *path* is a shard."""
    return path.suffix == SHARD_SUFFIX


def shard_line(line: Line) -> bytes:
    """Return *line* in the format of a shard."""
    return f"{line.number}\t{line.text}\n".encode()
