"""Defines what the readers of tables have in common: records, and names of columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from imagefetch.errors import BadInput

RECORD_MAX = 2**20
"""Characters of a record as it is written; a longer one is invalid, so that memory is bounded."""

LOOKED_AT = 100
"""Records at the beginning from which columns are told."""


class Broken(str):
    """The text of a record that can't be read."""

    __slots__ = ()


class Records(Protocol):
    """The records of a table, read once."""

    names: tuple[str, ...]
    """Names of the columns, all different."""
    left_out: int
    """Records so far with cells of other columns, which are left out."""

    def __iter__(self) -> Iterator[Sequence[str] | Broken]:
        """Yield the text of each record's cells, one for each column."""
        ...


def column_names(written: Iterable[str]) -> tuple[str, ...]:
    """Return names for columns; one without a name is called by its number.

    :raises BadInput: if two columns have one name
    """
    names = tuple(name or f"column {at}" for at, name in enumerate(written, 1))
    for position, name in enumerate(names):
        if name in names[:position]:
            raise BadInput(
                f"two columns have the name {name!r}, the second is column {position + 1}; "
                "rename one of them"
            )
    return names
