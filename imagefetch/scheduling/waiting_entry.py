"""The type of what waits for a host, in circuit breakers and rate limits: anything with a line."""

from __future__ import annotations

from typing import Protocol, TypeVar

from imagefetch.line import Line


class HasLine(Protocol):
    """An entry that waits for a host."""

    @property
    def line(self) -> Line: ...


Entry = TypeVar("Entry", bound=HasLine)
