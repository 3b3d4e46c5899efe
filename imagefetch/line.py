"""Defines `Line`, an image of the list."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

LineKey = tuple[int, int | None]
"""Number and part of a `Line`, which identify an image of a list."""

NO_COLUMNS: Mapping[str, str] = MappingProxyType({})


class Line(NamedTuple):
    """A line of the list, with the URL of an image; of a table, one image of a record."""

    number: int
    """Number of the record in the list, from 1; in a text list, that of the line, counting blank
    lines and comments; in a shard, the number in the whole list."""
    text: str
    """The URL as the user wrote it: the line, or a piece of a cell, stripped."""
    part: int | None = None
    """Which of several images of the record, from 1; None if the record has one."""
    record: Mapping[str, str] = NO_COLUMNS
    """The record's other columns that the report carries, by name."""
    invalid: bool = False
    """Whether the record can't be read, so that it has no URL: its row is ``InvalidRecord``."""
    repaired: str = ""
    """The URL that the text stands for, if it had to be repaired."""

    @property
    def url(self) -> str:
        """The URL to request, if it is one."""
        return "" if self.invalid else self.repaired or self.text

    @classmethod
    def from_json(cls, text: str) -> Line:
        """Return the line for the result of `to_json`.

        :raises ValueError, TypeError: if it is something else
        """
        number, url, part, record, *rest = json.loads(text)
        return cls(number, url, part, record or NO_COLUMNS, *rest)

    def to_json(self) -> str:
        """Return all fields as JSON."""
        return json.dumps([*self[:3], dict(self.record), *self[4:]])

    @property
    def key(self) -> LineKey:
        return self[0], self[2]

    @property
    def id(self) -> int:
        """`id_of` the line."""
        return self[0] if self[2] is None else id_of(self[0], self[2])

    @property
    def place(self) -> str:
        """The line for a message: ``line 7, part 2``."""
        return place_of(self[0], self[2])


def id_of(number: int, part: int | None) -> int:
    """Return a number that is different for each line and part: that of the line, if it has no
    parts."""
    return number + ((part or 0) << 64)


def place_of(number: int, part: int | None) -> str:
    """Return number and part of a line as text: ``line 7, part 2``."""
    return f"line {number}" if part is None else f"line {number}, part {part}"
