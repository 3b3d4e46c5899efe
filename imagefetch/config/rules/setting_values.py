"""Parses the values of settings as users write them: numbers with units, switches, lists."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Protocol

from imagefetch.errors import BadInput
from imagefetch.images.formats import FORMATS
from imagefetch.output import file_names

COUNTS: dict[str, int | Decimal] = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
"""Decimal prefixes."""

SIZES: dict[str, int | Decimal] = {
    **COUNTS,
    "b": 1,
    **{f"{prefix}b": factor for prefix, factor in COUNTS.items() if prefix},
    **{f"{prefix}ib": 2 ** (10 * power) for power, prefix in enumerate("kmgt", 1)},
}
"""Units of sizes, in bytes: k, M, G and T are decimal, with or without B; KiB, MiB, … are
binary."""

TIMES: dict[str, int | Decimal] = {
    "": 1,
    "ms": Decimal("0.001"),
    "s": 1,
    "m": 60,
    "min": 60,
    "h": 3_600,
    "d": 86_400,
}
"""Units of time, in seconds."""

NUMBER = re.compile(
    r"([+-]?[0-9][0-9_]*(?:\.[0-9]*)?(?:e[+-]?[0-9]{1,3})?|[+-]?\.[0-9]+) ?([a-z]*)"
)

SWITCH_WORDS = {
    **dict.fromkeys(("1", "true", "yes", "y", "on"), True),
    **dict.fromkeys(("0", "false", "no", "n", "off"), False),
}


NOT_ALLOWED = (ValueError, TypeError, ArithmeticError, LookupError)
"""What `Rule.read` raises for a value that is not allowed."""


class Rule(Protocol):
    """Parses and validates the value of a setting."""

    @property
    def allowed(self) -> str:
        """What is allowed, as the end of "must be …"."""
        ...

    def read(self, value: Any) -> Any:
        """Return the parsed *value*.

        :raises: one of `NOT_ALLOWED`; or `BadInput`, whose text follows the setting's name
        """


def read_number(value: Any, units: Mapping[str, int | Decimal]) -> Decimal:
    """Return *value*, a number or text with one of *units*, as a number.

    :raises ValueError, TypeError, ArithmeticError: if it is not a number
    """
    if isinstance(value, int | float):
        return Decimal(str(float(value) if isinstance(value, float) else int(value)))
    match = NUMBER.fullmatch(value.strip().casefold()) if isinstance(value, str) else None
    if match is None or match[2] not in units:
        raise ValueError
    return Decimal(match[1]) * units[match[2]]


@dataclass(frozen=True)
class Number:
    """A number from *low* to *high*, whole by default."""

    low: float
    high: float
    whole: bool = True
    units: Mapping[str, int | Decimal] = field(default_factory=lambda: COUNTS, repr=False)

    @property
    def allowed(self) -> str:
        return f"a {'whole ' if self.whole else ''}number from {self.low:,} to {self.high:,}"

    def read(self, value: Any) -> int | float:
        number = read_number(value, self.units)
        whole = number == number.to_integral_value()
        parsed = int(number) if whole else float(number)
        if not self.low <= parsed <= self.high or (self.whole and not whole):
            raise ValueError
        return value if isinstance(value, float) and not self.whole else parsed


def size(low: float, high: float) -> Number:
    """Return the rule for a size, bounds in bytes."""
    return Number(low, high, units=SIZES)


def seconds(low: float, high: float) -> Number:
    """Return the rule for a time, bounds in seconds."""
    return Number(low, high, whole=False, units=TIMES)


@dataclass(frozen=True)
class Choice:
    """One of several words, case-insensitive."""

    words: tuple[str, ...]

    @property
    def allowed(self) -> str:
        return f"one of {', '.join(self.words)}"

    def read(self, value: Any) -> str:
        known = {word.casefold(): word for word in self.words}
        return known[str(value).strip().casefold()]


def read_switch(value: Any) -> bool:
    """Return *value* as a Boolean.

    :raises ValueError, TypeError: if it is no known word for on or off
    """
    if isinstance(value, int):
        return bool(value)
    if not isinstance(value, str):
        raise TypeError
    try:
        return SWITCH_WORDS[value.strip().casefold()]
    except KeyError:
        raise ValueError from None


class Switch:
    """A Boolean."""

    allowed: str = "True or False"

    def read(self, value: Any) -> bool:
        return read_switch(value)


class Text:
    """Text that is not blank."""

    allowed: str = "text, and not empty"

    def read(self, value: Any) -> Any:
        if not isinstance(value, str | Path) or not str(value).strip():
            raise ValueError
        return value


COMMENT_CHARACTERS = {chr(code) for code in range(0x21, 0x7F)} - set("()\\")


class Contact:
    """Text that may stand in a comment of a User-Agent header (RFC 9110, section 5.6.5)."""

    allowed: str = "a mail or web address, or empty"

    def read(self, value: Any) -> str:
        if not isinstance(value, str) or set(value) - COMMENT_CHARACTERS:
            raise ValueError
        return value


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


class Table:
    """A dictionary, or JSON for one, which Scrapy parses."""

    allowed: str = 'a dictionary, or JSON for one: {"Name": "value"}'

    def read(self, value: Any) -> Any:
        dict(value)
        return value


ALIASES = {"jfif": "jpg", "jpe": "jpg", "pbm": "pnm", "pgm": "pnm", "ppm": "pnm", "x-icon": "ico"}
"""Other names of types: alias to the extension of the type that it stands for."""


def _type_names() -> dict[str, str]:
    """Return the media type for each name and extension by which it may be given."""
    names: dict[str, str] = {}
    for format_ in FORMATS:
        subtype = format_.media_type.partition("/")[2]
        for short in (subtype, subtype.split("+")[0], format_.extension.lstrip(".")):
            names.setdefault(short, format_.media_type)
    names |= {alias: names[short] for alias, short in ALIASES.items() if short in names}
    return names | {f"image/{short}": media_type for short, media_type in names.items()}


TYPE_NAMES = _type_names()


class Types:
    """A list of media types that the program knows, or their extensions."""

    allowed: str = "a list of types as the report names them, or of extensions: image/jpeg,png"

    def read(self, value: Any) -> list[str]:
        return [TYPE_NAMES[name.casefold().lstrip(".")] for name in read_list(value)]


class Template:
    """A file name template (`imagefetch.output.file_names`)."""

    allowed: str = f"a template such as {file_names.DEFAULT}"

    def read(self, value: Any) -> str:
        """Return *value*.

        :raises BadInput: saying what is wrong with the template
        """
        try:
            file_names.NameTemplate(value, columns=None)  # the list is not known yet
        except ValueError as error:
            raise BadInput(f" = {value!r}: {error}") from error
        return str(value)
