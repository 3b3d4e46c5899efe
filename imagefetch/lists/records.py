"""Defines what the readers of tables have in common: records, and names of columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from imagefetch.errors import BadInput

RECORD_MAX = 2**20
"""Characters of a record as it is written; a longer one is invalid, so that memory is bounded."""


class Broken(str):
    """The text of a record that can't be read."""

    __slots__ = ()


class Records(Protocol):
    """The records of a table, read once."""

    names: tuple[str, ...]
    """Names of the columns, all different."""

    def __iter__(self) -> Iterator[Sequence[str] | Broken]:
        """Yield the text of each record's cells, one for each column."""
        ...


def check_names(names: Sequence[str]) -> None:
    """
    :raises BadInput: if two columns have one name
    """
    seen = set()
    for position, name in enumerate(names, 1):
        if name in seen:
            raise BadInput(
                f"two columns have the name {name!r}, the second is column {position}; "
                "rename one of them"
            )
        seen.add(name)
