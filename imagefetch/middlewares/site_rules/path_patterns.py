"""Matches paths against the patterns of robots.txt and tdmrep.json.

A pattern is a prefix of a path; ``*`` stands for any characters, ``$`` at its end for the end of
the path (RFC 9309, section 2.2.3). There are no regular expressions: the parts between the stars
are searched for one after the other, each as early as possible.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Generic, NamedTuple, TypeVar
from urllib.parse import quote, urlsplit

Value = TypeVar("Value")

ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")

# Characters that need no percent-encoding (RFC 3986, section 2.3).
UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")

# Every printable ASCII character: other ones are encoded.
PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))


class PathPattern(NamedTuple):
    """A pattern, split at its stars."""

    prefix: str
    parts: tuple[str, ...]
    """What follows each star."""
    to_end: bool
    """Whether it must match to the end of the path."""

    @classmethod
    def of(cls, text: str) -> PathPattern:
        to_end = text.endswith("$")
        text = normalized(text.removesuffix("$")).replace("$", "%24")
        prefix, *parts = text.split("*")
        return cls(prefix, tuple(parts), to_end)

    def matches(self, path: str) -> bool:
        """Return whether *path*, as `path_of` returns it, matches."""
        if not path.startswith(self.prefix):
            return False
        position = len(self.prefix)
        if not self.parts:
            return not self.to_end or position == len(path)
        *between, last = self.parts
        for part in between:
            position = path.find(part, position)
            if position < 0:
                return False
            position += len(part)
        if self.to_end:
            return len(path) - len(last) >= position and path.endswith(last)
        return path.find(last, position) >= 0


class PatternList(Generic[Value]):
    """Values of patterns; of those that match, the first one counts."""

    def __init__(self, values: Iterable[tuple[PathPattern, Value]] = ()) -> None:
        self.values = tuple(values)
        patterns = [pattern for pattern, _ in self.values]
        self._prefixes = sum(1 + len(pattern.prefix) // 64 for pattern in patterns)
        self._parts = sum(len(part) + 1 for pattern in patterns for part in pattern.parts)

    def first(self, path: str) -> Value | None:
        """Return the value of the first pattern that *path* matches; None if there is none."""
        return next((value for pattern, value in self.values if pattern.matches(path)), None)

    def cost(self, path: str) -> int:
        """Return a bound on the characters that are compared for *path*."""
        return self._prefixes + self._parts * len(path)


def path_of(url: str) -> str:
    """Return the path and query of *url*, normalized, and its stars and dollars encoded."""
    parts = urlsplit(url)
    path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    return normalized(path).replace("*", "%2A").replace("$", "%24")


def normalized(text: str) -> str:
    """Return *text* with the same percent-encoding for equal paths (RFC 3986, section 6.2.2)."""
    return ESCAPE.sub(_unescaped, quote(text, safe=PRINTABLE))


def _unescaped(escape: re.Match[str]) -> str:
    character = chr(int(escape[0][1:], 16))
    return character if character in UNRESERVED else escape[0].upper()
