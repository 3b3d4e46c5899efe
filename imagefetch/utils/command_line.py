"""Rejects unknown command-line arguments, which Scrapy passes on to its commands."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import NoReturn

from imagefetch.errors import BadInput

OUTPUT = re.compile(r"-[oOt]|--(?:output|overwrite-output|output-format)(?:=|$)")


def options_of(parser: argparse.ArgumentParser) -> list[str]:
    """Return the long options of *parser*, sorted."""
    return sorted(set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", parser.format_help())))


def refuse_in_one_line(
    parser: argparse.ArgumentParser, refuse: Callable[[BadInput], NoReturn]
) -> None:
    """Make *parser* call *refuse* with each error, instead of printing its usage and exiting."""

    def error(message: str) -> NoReturn:
        refuse(BadInput(message))

    parser.error = error  # type: ignore[method-assign]


def check_left(
    arguments: Sequence[str], known: Iterable[str], command: str, *, most: int = 0
) -> None:
    """Check the arguments that the parser of *command* left over; up to *most* may be paths.

    :raises BadInput: if one of them is unknown; the message names the first
    """
    check_options(arguments, known, command)
    if len(arguments) > most:
        extra = arguments[most]
        advice = f"see scrapy {command} --help"
        raise BadInput(f"argument {extra!r}: scrapy {command} takes no such argument; {advice}")


def check_options(arguments: Iterable[str], known: Iterable[str], command: str) -> None:
    """:raises BadInput: if one of the arguments that the parser left over is an option"""
    for argument in arguments:
        if argument.startswith("-") and argument != "-":
            raise BadInput(_unknown_option(argument, known, command))


def check_pairs(option: str, values: Iterable[str]) -> None:
    """:raises BadInput: if one of the *values* of *option* is not NAME=VALUE"""
    for value in values:
        if not value.partition("=")[1]:
            raise BadInput(f"argument {option} {value}: must be NAME=VALUE")


def check_names(arguments: Mapping[str, str], known: Iterable[str], command: str) -> None:
    """:raises BadInput: if the name of an ``-a`` argument is not one of *known*"""
    known = sorted(known)
    for name in arguments:
        if name not in known:
            raise BadInput(
                f"argument -a {name}=…: scrapy {command} has no such argument; "
                f"{_suggestion(name, known)}known: {', '.join(known)}"
            )


def _unknown_option(option: str, known: Iterable[str], command: str) -> str:
    name = option.partition("=")[0]
    if OUTPUT.match(option) and "--output" not in known:
        return (
            f"option {name}: scrapy {command} writes no feed; the rows are in the report, "
            "-a report=PATH"
        )
    suggestion = _suggestion(name, known)
    return f"option {name}: there is no such option; {suggestion}see scrapy {command} --help"


def _suggestion(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), 1)
    return f"did you mean {close[0]}? " if close else ""
