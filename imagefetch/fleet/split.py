"""From a list to shards, in bounded memory however long the list is.

The list is read twice. Hosts fall into so many groups, by a hash, that few share
one; the first reading counts their lines, the second appends each line to the
file of its shard. So the lines of a host stay together. The lines of a group too
large for one shard are divided by their URL, so that duplicates stay together;
how many of its shards may be fetched at once is its number of lanes.
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

# Lines below which a process of its own costs more than it brings: the first of a
# worker takes as long to start as a core does for twice so many small pictures, each
# later one for a fifth; and hosts are not divided that need not be.
WORTH_A_PROCESS = 500

# Bytes of lines in memory at once.
BUFFER = 64 * 2**20

# Lines up to which the hosts of a shard are put in turn; a longer one is that of
# one host whose URLs are all the same.
MIXED_MAX = 2_000_000


class Big(NamedTuple):
    """Shards of one group of hosts, which must not all be fetched at once."""

    first: int
    """The number of the first; the others follow."""
    parts: int
    lanes: int
    """How many may be fetched at once, each keeping within its part of the host's limits."""


@dataclass
class Plan:
    """Which line goes where."""

    lines: int = 0
    """In all."""
    shards: int = 0
    big: list[Big] = field(default_factory=list)
    _place: array[int] = field(default_factory=lambda: array("i", [-1]) * GROUPS)
    _big: dict[int, Big] = field(default_factory=dict)

    def shard_of(self, line: Line) -> int:
        """Return the number of the shard that *line* goes into."""
        group, url = group_and_url(line.text)
        place = self._place[group]
        if place >= 0:
            return place
        big = self._big[group]
        return big.first + int.from_bytes(key_of(url)[:8]) % big.parts


def group_and_url(text: str) -> tuple[int, str]:
    """Return the group of a line's host, and the URL that is asked for.

    A line that is no URL is a group of its own, and stands for itself.
    """
    if PLAIN_URL.fullmatch(text):
        host = text.split("/", 3)[2].partition(":")[0]
        return zlib.crc32(host.encode()) % GROUPS, text
    url = sent_url(text)
    host = (url and urlsplit(url).hostname) or text
    return zlib.crc32(host.encode()) % GROUPS, url or text


def plan(lines: Iterable[Line], size: int, workers: int, limit: int) -> Plan:
    """Return a plan for shards of about *size* lines at most, for so many *workers*.

    *limit* is the most lanes that a host may have.
    """
    counts = array("I", [0]) * GROUPS
    made = Plan()
    for line in lines:
        counts[group_and_url(line.text)[0]] += 1
        made.lines += 1
    # All workers are to end at about the same time: as many shards for each.
    rounds = max(1, -(-made.lines // (size * workers)))
    size = min(size, max(WORTH_A_PROCESS, -(-made.lines // (rounds * workers))))
    found = list(compress(range(GROUPS), counts))
    small = [group for group in found if counts[group] <= size]
    made.shards = min(len(small), -(-sum(counts[group] for group in small) // size))
    filled = [(0, shard) for shard in range(made.shards)]
    for group in sorted(small, key=counts.__getitem__, reverse=True):
        lines_there, shard = filled[0]  # the emptiest
        made._place[group] = shard
        heapreplace(filled, (lines_there + counts[group], shard))
    for group in found:
        if (count := counts[group]) > size:
            parts = -(-count // size)
            share = -(-count * workers // made.lines)
            big = Big(made.shards, parts, max(1, min(parts, limit, share)))
            made._big[group] = big
            made.big.append(big)
            made.shards += parts
    return made


class Splitter:
    """Writes the shards into *folder*, which is emptied first."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.folder = folder
        self.plan = plan
        self._lines: dict[int, list[bytes]] = {}
        self._rows: dict[int, list[bytes]] = {}
        self._size = 0

    def add(self, line: Line, row: bytes = b"") -> None:
        """Add *line* to its shard, and the *row* that it has already, if any."""
        shard = self.plan.shard_of(line)
        self._append(self._lines, shard, shard_line(line))
        if row:
            self._append(self._rows, shard, row)

    def lines_file(self, shard: int) -> Path:
        return self.folder / f"{shard:06}.lines"

    def rows_file(self, shard: int) -> Path:
        return self.folder / f"{shard:06}.rows"

    def finish(self) -> Iterator[int]:
        """Yield the numbers of the shards, each once its files are whole.

        One of several of a group may have no line, as where all are of one URL.
        """
        self._flush()
        for shard in range(self.plan.shards):
            path = self.lines_file(shard)
            path.touch()
            mix(path)
            yield shard

    def _append(self, buffer: dict[int, list[bytes]], shard: int, data: bytes) -> None:
        buffer.setdefault(shard, []).append(data)
        self._size += len(data) + 50  # what an object in a list takes besides
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
    """Put the lines of a shard in an order in which its hosts take turns.

    So none of them is waited for alone, and the list may be sorted by host.
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
    """Write the list *urls* as shards into *folder*, and *send* each: number, lines, rows or None.

    *row_of* says which row a line has already; None if it need not be in any shard.
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
