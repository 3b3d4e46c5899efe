"""Queues lines by origin, in memory and on disk, until their hosts have free slots."""

from __future__ import annotations

from collections import defaultdict, deque

from imagefetch.line import Line
from imagefetch.utils.bounded.scratch_db import ScratchDatabase

# Lines in the backlog at which reading the list pauses: about 100 MB on disk.
BACKLOG_MAX = 1_000_000

# Of these, lines kept in memory, at about 250 bytes each; the others are on disk, written and
# read in batches of this size.
IN_MEMORY = 10_000
BATCH = 64


class Backlog:
    """A first-in, first-out queue of lines for each origin.

    Lines beyond `IN_MEMORY` are stored in a disposable SQLite database in a temporary file.
    """

    def __init__(self) -> None:
        self._db = ScratchDatabase(
            "CREATE TABLE backlog (origin, position, line, PRIMARY KEY (origin, position))"
            " WITHOUT ROWID",
            cache=4_000,
        )
        self._fronts: dict[str, deque[Line]] = {}
        self._on_disk: defaultdict[str, int] = defaultdict(
            int
        )  # lines on disk, after those in memory
        self._unwritten: list[tuple[str, int, str]] = []  # not yet on disk
        self._position = 0  # of the last line put on disk
        self._size = self._in_memory = 0

    def __len__(self) -> int:
        return self._size

    def __contains__(self, origin: str) -> bool:
        return origin in self._fronts

    def count(self, origin: str) -> int:
        """Return the number of queued lines of *origin*."""
        return len(self._fronts.get(origin, ())) + self._on_disk.get(origin, 0)

    def put(self, origin: str, line: Line) -> None:
        """Append *line*, which follows all queued lines of its origin in the list."""
        self._size += 1
        if self._in_memory < IN_MEMORY and origin not in self._on_disk:
            self._in_memory += 1
            self._fronts.setdefault(origin, deque()).append(line)
            return
        self._fronts.setdefault(origin, deque())
        self._on_disk[origin] += 1
        self._position += 1
        self._unwritten.append((origin, self._position, line.to_json()))
        if len(self._unwritten) >= BATCH:
            self._write()

    def take(self, origin: str) -> Line:
        """Remove and return the next line of *origin*.

        :raises KeyError: if there is none
        """
        if origin not in self._fronts:
            raise KeyError(origin)
        front = self._fronts[origin]
        if not front:
            self._read(origin, front)
        line = front.popleft()
        self._size -= 1
        self._in_memory -= 1
        if not front and origin not in self._on_disk:
            del self._fronts[origin]
        return line

    def close(self) -> None:
        self._db.close()

    def _write(self) -> None:
        self._db.executemany("INSERT INTO backlog VALUES (?, ?, ?)", self._unwritten)
        self._unwritten.clear()

    def _read(self, origin: str, front: deque[Line]) -> None:
        self._write()
        query = "SELECT position, line FROM backlog WHERE origin = ? ORDER BY position LIMIT ?"
        rows = self._db.execute(query, (origin, BATCH)).fetchall()
        front.extend(Line.from_json(line) for _, line in rows)
        query = "DELETE FROM backlog WHERE origin = ? AND position <= ?"
        self._db.execute(query, (origin, rows[-1][0]))
        self._in_memory += len(front)
        self._on_disk[origin] -= len(front)
        if not self._on_disk[origin]:
            del self._on_disk[origin]
