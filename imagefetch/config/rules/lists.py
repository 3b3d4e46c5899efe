"""Rules for settings that are lists: of words, networks or statuses."""

from __future__ import annotations

import ast
import re
from ipaddress import ip_network
from typing import Any


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
