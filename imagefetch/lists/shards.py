"""Shards: lists that are part of another, whose lines begin with their number in that one."""

from __future__ import annotations

from pathlib import Path

from imagefetch.urls import Line

# A list whose lines each begin with the number that they have in another, of
# which it is a part, and a tab.
SHARD_SUFFIX = ".shard"


def is_shard(path: Path) -> bool:
    """Whether the list *path* is a part of another."""
    return path.suffix == SHARD_SUFFIX


def shard_line(line: Line) -> bytes:
    """Return *line* as a shard holds it."""
    return f"{line.number}\t{line.text}\n".encode()
