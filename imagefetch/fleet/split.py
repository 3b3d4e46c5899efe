"""Splits a list into shards, in bounded memory for any length of the list.

The list is read twice. Hosts are hashed into groups, so many that few hosts share one. The
first pass counts the lines of each group, the second appends each line to the file of its
shard, so the lines of a host stay together. A group too large for one shard is divided by a
hash of the URL, so that duplicates stay together. Its number of lanes is the number of its
shards that may be fetched at once.
"""

from __future__ import annotations

import shutil
import zlib
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from heapq import heapreplace
from itertools import compress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from imagefetch.lists.plain import read_lines
from imagefetch.lists.shards import shard_line
from imagefetch.urls import PLAIN_URL, Line, key_of, sent_url

GROUPS = 2**20

# Minimum number of lines for which another process pays off. The first process of a worker
# takes as long to start as a core needs for twice as many small images, each later process as
# long as for a fifth of them. The minimum also keeps small hosts undivided.
WORTH_A_PROCESS = 500

# Bytes of lines that are buffered in memory.
BUFFER = 64 * 2**20

# Maximum number of lines of a shard whose hosts are interleaved; a longer shard is that of
# one host whose URLs are all the same.
MIXED_MAX = 2_000_000


class Big(NamedTuple):
    """A group of hosts that is divided into several shards."""

    first: int
    """Number of its first shard; the others follow."""
    parts: int
    """Number of its shards."""
    lanes: int
    """Number of its shards that may be fetched at once, each with a share of the host limits."""


@dataclass
class Plan:
    """Assigns lines to shards."""

    lines: int = 0
    """Number of lines in all shards."""
    shards: int = 0
    big: list[Big] = field(default_factory=list)
    _shard_of_group: array[int] = field(default_factory=lambda: array("i", [-1]) * GROUPS)
    _big: dict[int, Big] = field(default_factory=dict)

    def shard_of(self, line: Line) -> int:
        """Return the number of the shard of *line*."""
        group, url = group_and_url(line.text)
        shard = self._shard_of_group[group]
        if shard >= 0:
            return shard
        big = self._big[group]
        return big.first + int.from_bytes(key_of(url)[:8]) % big.parts


def group_and_url(text: str) -> tuple[int, str]:
    """Return the group of a line's host, and the URL that is requested.

    For a line that is not a URL, its text is used as both host and URL.
    """
    if PLAIN_URL.fullmatch(text):
        host = text.split("/", 3)[2].partition(":")[0]
        return zlib.crc32(host.encode()) % GROUPS, text
    url = sent_url(text)
    host = (url and urlsplit(url).hostname) or text
    return zlib.crc32(host.encode()) % GROUPS, url or text


def plan(lines: Iterable[Line], size: int, workers: int, limit: int) -> Plan:
    """Return a plan for shards of at most about *size* lines, for a number of *workers*.

    *limit* is the maximum number of lanes of a host.
    """
    counts = array("I", [0]) * GROUPS
    result = Plan()
    for line in lines:
        counts[group_and_url(line.text)[0]] += 1
        result.lines += 1
    # Each worker gets the same number of shards, so that all end at about the same time.
    rounds = max(1, -(-result.lines // (size * workers)))
    size = min(size, max(WORTH_A_PROCESS, -(-result.lines // (rounds * workers))))
    groups = list(compress(range(GROUPS), counts))
    small = [group for group in groups if counts[group] <= size]
    result.shards = min(len(small), -(-sum(counts[group] for group in small) // size))
    filled = [(0, shard) for shard in range(result.shards)]
    for group in sorted(small, key=counts.__getitem__, reverse=True):
        shard_lines, shard = filled[0]  # the smallest shard so far
        result._shard_of_group[group] = shard
        heapreplace(filled, (shard_lines + counts[group], shard))
    for group in groups:
        if (count := counts[group]) > size:
            parts = -(-count // size)
            share = -(-count * workers // result.lines)
            big = Big(result.shards, parts, max(1, min(parts, limit, share)))
            result._big[group] = big
            result.big.append(big)
            result.shards += parts
    return result


class Splitter:
    """Writes the shards of *plan* into *folder*, which is emptied first."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.folder = folder
        self.plan = plan
        self._lines: dict[int, list[bytes]] = {}
        self._rows: dict[int, list[bytes]] = {}
        self._size = 0

    def add(self, line: Line, row: bytes = b"") -> None:
        """Add *line* to its shard, with the *row* that it already has, if any."""
        shard = self.plan.shard_of(line)
        self._append(self._lines, shard, shard_line(line))
        if row:
            self._append(self._rows, shard, row)

    def lines_file(self, shard: int) -> Path:
        return self.folder / f"{shard:06}.lines"

    def rows_file(self, shard: int) -> Path:
        return self.folder / f"{shard:06}.rows"

    def finish(self) -> Iterator[int]:
        """Yield the number of each shard once its files are complete.

        A shard of a divided group may have no line, for example if all lines have the same URL.
        """
        self._flush()
        for shard in range(self.plan.shards):
            path = self.lines_file(shard)
            path.touch()
            mix(path)
            yield shard

    def _append(self, buffer: dict[int, list[bytes]], shard: int, data: bytes) -> None:
        buffer.setdefault(shard, []).append(data)
        self._size += len(data) + 50  # plus the memory overhead of a bytes object in a list
        if self._size > BUFFER:
            self._flush()

    def _flush(self) -> None:
        for buffer, file_of in ((self._lines, self.lines_file), (self._rows, self.rows_file)):
            for shard, pieces in buffer.items():
                with file_of(shard).open("ab") as file:
                    file.writelines(pieces)
            buffer.clear()
        self._size = 0


def mix(path: Path) -> None:
    """Interleave the lines of a shard by host.

    Otherwise a list sorted by host would be fetched one host at a time.
    """
    with path.open("rb") as file:
        lines: list[tuple[int, int, bytes]] = []
        seen: Counter[int] = Counter()
        for raw in file:
            if len(lines) == MIXED_MAX:
                return
            group = group_and_url(raw.decode().rstrip("\n").partition("\t")[2])[0]
            lines.append((seen[group], len(lines), raw))
            seen[group] += 1
    if len(seen) > 1:
        lines.sort()
        path.write_bytes(b"".join(raw for *_, raw in lines))


def split(
    urls: Path,
    folder: Path,
    plan: Plan,
    row_of: Callable[[Line], bytes | None],
    send: Callable[[int, Path, Path | None], None],
) -> None:
    """Write the list *urls* as shards into *folder*; call *send* with the number, the file of
    lines and the file of rows, or None, of each.

    *row_of* returns the row that a line already has, ``b""`` if it has none, or None if the line
    belongs to no shard.
    """
    splitter = Splitter(folder, plan)
    for line in read_lines(urls):
        row = row_of(line)
        if row is not None:
            splitter.add(line, row)
    for shard in splitter.finish():
        rows = splitter.rows_file(shard)
        send(shard, splitter.lines_file(shard), rows if rows.exists() else None)
    shutil.rmtree(folder)
