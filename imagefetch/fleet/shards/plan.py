"""Plans how a list is divided into shards, in bounded memory for any length of the list.

Hosts are hashed into groups, so many that few hosts share one. The lines of each group are
counted; those of a group stay in one shard. A group too large for one shard is divided by a
hash of the URL, so that duplicates stay together. Its number of lanes is the number of its
shards that may be fetched at once.
"""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from heapq import heapreplace
from itertools import compress
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import urlsplit

from imagefetch.line import Line
from imagefetch.urls import PLAIN_URL, key_of, sent_url

GROUPS = 2**20

# Minimum number of lines for which another process pays off. The first process of a worker
# takes as long to start as a core needs for twice as many small images, each later process as
# long as for a fifth of them. The minimum also keeps small hosts undivided.
WORTH_A_PROCESS = 500


class DividedGroup(NamedTuple):
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
    big: list[DividedGroup] = field(default_factory=list)
    _shard_of_group: array[int] = field(default_factory=lambda: array("i", [-1]) * GROUPS)
    _big: dict[int, DividedGroup] = field(default_factory=dict)

    def shard_of(self, line: Line) -> int:
        """Return the number of the shard of *line*."""
        group, url = group_and_url(line.url)
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
        return group_of(text.split("/", 3)[2].partition(":")[0]), text
    url = sent_url(text)
    host = (url and urlsplit(url).hostname) or text
    return group_of(host), url or text


def group_of(host: str) -> int:
    """Return the group of *host*."""
    return zlib.crc32(host.encode()) % GROUPS


def plan(
    lines: Iterable[Line],
    size: int,
    workers: int,
    limit: int,
    lower: Mapping[str, int] = MappingProxyType({}),
) -> Plan:
    """Return a plan for shards of at most about *size* lines, for a number of *workers*.

    *limit* is the maximum number of lanes of a host, *lower* those of hosts that allow fewer.
    """
    lanes = {group_of(host): most for host, most in lower.items()}
    counts = array("I", [0]) * GROUPS
    result = Plan()
    for line in lines:
        counts[group_and_url(line.url)[0]] += 1
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
            most = min(limit, lanes.get(group, limit))
            big = DividedGroup(result.shards, parts, max(1, min(parts, most, share)))
            result._big[group] = big
            result.big.append(big)
            result.shards += parts
    return result
