"""Finds by bisection the line that kills every process that fetches it.

A process may be killed for another reason, so the whole shard is tried `CHANCES` times. After
that, half of the remaining lines are tried: if the process dies, that half is halved again; if it
ends normally, none of its lines is the cause. A line is the cause if the process dies repeatedly
while it fetches that line alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

CHANCES = 3
"""Deaths of a process before a shard is halved."""
ALONE = 10
"""Total weight of the deaths during a part of one line after which that line is given up."""
PROCESS, WORKER = 5, 1
"""Weight of a death: of the crawl process alone; of its worker too. The latter weighs less
because it is caused more often by machines that fail or are taken away than by lines, possibly
before the line was requested."""


@dataclass
class Suspects:
    """State of the bisection. Lines are given by their positions in the shard.

    The names of the fields are keys of an attempt's note in the job folder.
    """

    deaths: int = 0
    """Consecutive processes that died."""
    until: int | None = None
    """A guilty line is before this position; None: anywhere."""
    alone: int = 0
    """Total weight of the deaths during parts that consist of the line at `place` alone."""
    place: int | None = None
    """Position of the line that was tried alone last."""

    def next_part(self, missing: Sequence[int]) -> int:
        """Return how many of the *missing* lines, from the first, the next part consists of."""
        if self.deaths < CHANCES:
            return len(missing)
        return max(1, len(self._under_suspicion(missing)) // 2)

    def record_death(self, missing: Sequence[int], part: int, weight: int) -> None:
        """Record that the process died that fetched the first *part* lines of *missing*."""
        self.deaths += 1
        self.until = missing[part - 1] + 1
        position = missing[0] if part == 1 else None
        before = self.alone if position == self.place else 0
        self.alone = 0 if position is None else before + weight
        self.place = position

    def record_end(self, missing: Sequence[int], part: int) -> None:
        """Record that the process ended normally that fetched the first *part* lines of
        *missing*."""
        self.alone, self.place = 0, None
        if self.until is None or missing[part - 1] + 1 >= self.until:
            self.deaths, self.until = 0, None

    def is_found(self, missing: Sequence[int]) -> bool:
        """Whether the first line of *missing* is guilty."""
        return self.alone >= ALONE and missing[0] == self.place

    def _under_suspicion(self, missing: Sequence[int]) -> Sequence[int]:
        suspected = [line for line in missing if self.until is None or line < self.until]
        return suspected or missing


def suspects_of(note: object) -> Suspects:
    """Return the state that an attempt left in its note.

    For a damaged note it is the initial state; the bisection then starts again.
    """
    if not isinstance(note, dict) or not note.keys() <= {"deaths", "until", "alone", "place"}:
        return Suspects()
    may_be_none = {name: value for name, value in note.items() if name in {"until", "place"}}
    numbers = [value for name, value in note.items() if name not in may_be_none]
    numbers += [value for value in may_be_none.values() if value is not None]
    if not all(type(number) is int and 0 <= number < 2**40 for number in numbers):
        return Suspects()
    return Suspects(**note)
