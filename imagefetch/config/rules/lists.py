"""Rules for settings that are lists: of words, names of columns, networks or statuses."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

from imagefetch.config.rules.setting_values import Choice


def read_list(value: Any) -> list[Any]:
    """Return the items of a list, comma-separated text, or a Python list literal.

    :raises ValueError, TypeError: if it is none of these
    """
    if isinstance(value, str):
        text = value.strip()
        try:
            value = ast.literal_eval(text) if text.startswith("[") else text.split(",")
        except (SyntaxError, MemoryError, RecursionError):
            raise ValueError from None
        if value == [""]:
            return []
    if value is None:
        return []
    return [item.strip() if isinstance(item, str) else item for item in value]


class Words:
    """A list of words."""

    allowed: str = "a list of words, as noai,noimageai"

    def read(self, value: Any) -> list[str]:
        words = read_list(value)
        if not all(re.fullmatch(r"[\w-]+", word) for word in words):
            raise ValueError
        return words


@dataclass(frozen=True)
class Choices:
    """A list of some of several words, case-insensitive."""

    words: tuple[str, ...]

    @property
    def allowed(self) -> str:
        return f"a list of some of {', '.join(self.words)}; or empty"

    def read(self, value: Any) -> list[str]:
        return [Choice(self.words).read(word) for word in read_list(value)]


@dataclass(frozen=True)
class Names:
    """A list of names of columns, or of patterns of names."""

    empty: bool = False
    """Whether it may be empty."""

    allowed: str = "a list of names of columns, as image_url,image_*"

    def read(self, value: Any) -> list[str]:
        names = read_list(value)
        if not all(isinstance(name, str) and name for name in names) or not (names or self.empty):
            raise ValueError
        return names


class Separator:
    """Text between URLs; white space counts."""

    allowed: str = "auto, none, or the text between two URLs in a cell"

    def read(self, value: Any) -> str:
        if not isinstance(value, str) or not value:
            raise ValueError
        word = value.strip().casefold()
        return word if word in {"auto", "none"} else value


class Networks:
    """A list of IP networks."""

    allowed: str = "a list of networks in CIDR notation, as 10.1.0.0/16,fd00::/8"

    def read(self, value: Any) -> list[str]:
        return [str(ip_network(network)) for network in read_list(value)]


class Statuses:
    """A list of HTTP status codes."""

    allowed: str = "a list of HTTP status codes, as 429,503"

    def read(self, value: Any) -> list[int]:
        codes = [int(code) for code in read_list(value)]
        if not all(100 <= code <= 599 for code in codes):
            raise ValueError
        return codes
