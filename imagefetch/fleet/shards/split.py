"""Splits a list into the files of its shards, according to a plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from imagefetch.fleet.shards.append import Appender
from imagefetch.fleet.shards.plan import Plan, group_and_url
from imagefetch.line import Line
from imagefetch.lists.list_file import ListFile
from imagefetch.lists.shards import is_header, parse_shard_line, shard_header, shard_line

# Maximum number of lines of a shard whose hosts are interleaved; a longer shard is that of
# one host whose URLs are all the same.
MIXED_MAX = 2_000_000


def split(
    urls: ListFile,
    folder: Path,
    plan: Plan,
    row_of: Callable[[Line], bytes | None],
    send: Callable[[int, Path, Path | None], None],
) -> None:
    """Write the list *urls* as shards into *folder*; call *send* with the number, the file of
    lines and the file of rows, or None, of each.

    *row_of* returns the row that a line already has, ``b""`` if it has none, or None if the line
    belongs to no shard. A shard of a divided group may have no line, for example if all lines
    have the same URL.
    """
    files = Appender(folder)
    begun: set[int] = set()
    for line in urls.lines():
        row = row_of(line)
        if row is not None:
            shard = plan.shard_of(line)
            if shard not in begun:
                begun.add(shard)
                files.append(_lines_file(shard), shard_header(urls.columns))
            files.append(_lines_file(shard), shard_line(line))
            if row:
                files.append(_rows_file(shard), row)
    files.flush()
    for shard in range(plan.shards):
        lines, rows = folder / _lines_file(shard), folder / _rows_file(shard)
        if not lines.exists():
            lines.write_bytes(shard_header(urls.columns))
        interleave(lines)
        send(shard, lines, rows if rows.exists() else None)
    files.close()


def _lines_file(shard: int) -> str:
    return f"{shard:06}.lines"


def _rows_file(shard: int) -> str:
    return f"{shard:06}.rows"


def interleave(path: Path) -> None:
    """Interleave the lines of a shard by host.

    Otherwise a list sorted by host would be fetched one host at a time.
    """
    with path.open("rb") as file:
        lines: list[tuple[int, int, bytes]] = []
        seen: Counter[int] = Counter()
        header = b""
        for raw in file:
            if is_header(raw):
                header = raw
                continue
            if len(lines) == MIXED_MAX:
                return
            group = group_and_url(parse_shard_line(raw.decode()).url)[0]
            lines.append((seen[group], len(lines), raw))
            seen[group] += 1
    if len(seen) > 1:
        lines.sort()
        path.write_bytes(header + b"".join(raw for *_, raw in lines))
