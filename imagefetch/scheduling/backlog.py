"""Lines that were read before their hosts have room for them: kept back, by site."""

from __future__ import annotations

from collections import defaultdict, deque

from imagefetch.urls import Line
from imagefetch.utils.scratch_db import ScratchDatabase

# Lines kept back, beyond which the list is read no further: 100 MB or so on disk.
BACKLOG_MAX = 1_000_000

# Of these, lines kept in memory, at about 250 bytes each. Of the others, so many
# are written or read at once.
IN_MEMORY = 10_000
BATCH = 64


class Backlog:
    """First come, first served, for each site.

    What is beyond memory's share lies in a disposable SQLite database in a
    temporary file of its own.
    """

    def __init__(self) -> None:
        self._db = ScratchDatabase(
            "CREATE TABLE backlog (site, number, text, PRIMARY KEY (site, number)) WITHOUT ROWID",
            cache=4_000,
        )
        self._fronts: dict[str, deque[Line]] = {}
        self._spilt: defaultdict[str, int] = defaultdict(int)  # lines that come after these
        self._unwritten: list[tuple[str, int, str]] = []  # the last of them
        self._size = self._in_memory = 0

    def __len__(self) -> int:
        return self._size

    def __contains__(self, site: str) -> bool:
        return site in self._fronts

    def count(self, site: str) -> int:
        """Return how many lines of *site* are kept."""
        return len(self._fronts.get(site, ())) + self._spilt.get(site, 0)

    def put(self, site: str, line: Line) -> None:
        """Keep *line*, which comes after all others of its site in the list."""
        self._size += 1
        if self._in_memory < IN_MEMORY and site not in self._spilt:
            self._in_memory += 1
            self._fronts.setdefault(site, deque()).append(line)
            return
        self._fronts.setdefault(site, deque())
        self._spilt[site] += 1
        self._unwritten.append((site, *line))
        if len(self._unwritten) >= BATCH:
            self._write()

    def take(self, site: str) -> Line:
        """Return *site*'s next line, which is kept no longer.

        :raises KeyError: if it has none
        """
        if site not in self._fronts:
            raise KeyError(site)
        front = self._fronts[site]
        if not front:
            self._read(site, front)
        line = front.popleft()
        self._size -= 1
        self._in_memory -= 1
        if not front and site not in self._spilt:
            del self._fronts[site]
        return line

    def close(self) -> None:
        self._db.close()

    def _write(self) -> None:
        self._db.executemany("INSERT INTO backlog VALUES (?, ?, ?)", self._unwritten)
        self._unwritten.clear()

    def _read(self, site: str, front: deque[Line]) -> None:
        self._write()
        query = "SELECT number, text FROM backlog WHERE site = ? ORDER BY number LIMIT ?"
        front.extend(map(Line._make, self._db.execute(query, (site, BATCH))))
        query = "DELETE FROM backlog WHERE site = ? AND number <= ?"
        self._db.execute(query, (site, front[-1].number))
        self._in_memory += len(front)
        self._spilt[site] -= len(front)
        if not self._spilt[site]:
            del self._spilt[site]
