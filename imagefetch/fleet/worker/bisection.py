"""Which line is it that kills whatever process fetches it?

A process that dies may have been killed by chance; so the shard is tried as a whole
some times. If it dies again, half of what is left is tried, and so on: what dies
is halved, what ends clears its lines. A line that dies alone, and again, is guilty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

CHANCES = 3
"""Deaths before a shard is halved."""
ALONE = 10
"""Weight of the deaths of one line alone before it is given up."""
PROCESS, WORKER = 5, 1
"""What a death weighs: of the process that fetches; of the worker too, which machines that
die or are taken away cause more often than lines do, and be it before the line was asked for."""


@dataclass
class Suspects:
    """What is known. Lines are meant by their places in the shard."""

    deaths: int = 0
    """Processes that died, one after the other."""
    until: int | None = None
    """A guilty line is before this place; None: anywhere."""
    alone: int = 0
    """Weight of the deaths of one line with no other beside."""
    place: int | None = None
    """Which one."""

    def next_part(self, missing: Sequence[int]) -> int:
        """Return how many of the *missing* lines, in order, are tried now."""
        if self.deaths < CHANCES:
            return len(missing)
        return max(1, len(self._under_suspicion(missing)) // 2)

    def died(self, missing: Sequence[int], part: int, weight: int) -> None:
        """Note that the process died which tried the first *part* of *missing*."""
        self.deaths += 1
        self.until = missing[part - 1] + 1
        place = missing[0] if part == 1 else None
        before = self.alone if place == self.place else 0
        self.alone = 0 if place is None else before + weight
        self.place = place

    def ended(self, missing: Sequence[int], part: int) -> None:
        """Note that it did not."""
        self.alone, self.place = 0, None
        if self.until is None or missing[part - 1] + 1 >= self.until:
            self.deaths, self.until = 0, None

    def found(self, missing: Sequence[int]) -> bool:
        """Whether the first of *missing* is guilty."""
        return self.alone >= ALONE and missing[0] == self.place

    def _under_suspicion(self, missing: Sequence[int]) -> Sequence[int]:
        found = [place for place in missing if self.until is None or place < self.until]
        return found or missing


def suspects_of(told: object) -> Suspects:
    """Return what an attempt left in its note; what nobody knows anything of, if that is
    damaged: then a line that kills is found anew."""
    if not isinstance(told, dict) or not told.keys() <= {"deaths", "until", "alone", "place"}:
        return Suspects()
    may_be_none = {name: value for name, value in told.items() if name in {"until", "place"}}
    numbers = [value for name, value in told.items() if name not in may_be_none]
    numbers += [value for value in may_be_none.values() if value is not None]
    if not all(type(number) is int and 0 <= number < 2**40 for number in numbers):
        return Suspects()
    return Suspects(**told)
