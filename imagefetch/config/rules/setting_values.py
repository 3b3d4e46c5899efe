"""Rules for settings that are a word, a switch, text or a dictionary."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imagefetch.errors import BadInput
from imagefetch.output import file_names

SWITCH_WORDS = {
    **dict.fromkeys(("1", "true", "yes", "y", "on"), True),
    **dict.fromkeys(("0", "false", "no", "n", "off"), False),
}


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


class Table:
    """A dictionary, or JSON for one, which Scrapy parses."""

    allowed: str = 'a dictionary, or JSON for one: {"Name": "value"}'

    def read(self, value: Any) -> Any:
        dict(value)
        return value


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
