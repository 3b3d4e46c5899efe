"""Words of a command line that nobody asked for: Scrapy hands them on, and nothing is swallowed."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import NoReturn

from imagefetch.errors import BadInput

OUTPUT = re.compile(r"-[oOt]|--(?:output|overwrite-output|output-format)(?:=|$)")


def options_of(parser: argparse.ArgumentParser) -> list[str]:
    """Return the long options that *parser* knows."""
    return sorted(set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", parser.format_help())))


def refuse_in_one_line(
    parser: argparse.ArgumentParser, refuse: Callable[[BadInput], NoReturn]
) -> None:
    """Let *refuse* be called for what *parser* can't read, in place of an error with its usage."""

    def error(message: str) -> NoReturn:
        refuse(BadInput(message))

    parser.error = error  # type: ignore[method-assign]


def check_left(words: Sequence[str], known: Iterable[str], command: str, *, most: int = 0) -> None:
    """Check the words that the parser of *command* left; *most* of them may be paths.

    :raises BadInput: naming the first that nobody asked for
    """
    for word in words:
        if word.startswith("-") and word != "-":
            raise BadInput(_no_option(word, known, command))
    if len(words) > most:
        extra = words[most]
        advice = f"see scrapy {command} --help"
        raise BadInput(f"argument {extra!r}: scrapy {command} takes no such argument; {advice}")


def check_names(arguments: Mapping[str, str], known: Iterable[str], command: str) -> None:
    """:raises BadInput: if ``-a`` names what isn't among *known*"""
    known = sorted(known)
    for name in arguments:
        if name not in known:
            raise BadInput(
                f"argument -a {name}=…: scrapy {command} has no such argument; "
                f"{_meant(name, known)}known: {', '.join(known)}"
            )


def _no_option(word: str, known: Iterable[str], command: str) -> str:
    name = word.partition("=")[0]
    if OUTPUT.match(word):
        return (
            f"option {name}: scrapy {command} writes no feed; the rows are in the report, "
            "-a report=PATH"
        )
    meant = _meant(name, known)
    return f"option {name}: there is no such option; {meant}see scrapy {command} --help"


def _meant(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), 1)
    return f"did you mean {close[0]}? " if close else ""
