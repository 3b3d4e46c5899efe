"""Says what a list looks like that can't be read in the format of its name or of LIST_FORMAT."""

from __future__ import annotations

import re
from pathlib import Path

from imagefetch.errors import BadInput
from imagefetch.lists.detection import Format, content_format, head_of
from imagefetch.lists.plain import READ_ERRORS
from imagefetch.lists.shape import CRAWL, command_for

MARKUP = re.compile(r"\s*<[!?a-z][^>]*>", re.IGNORECASE)
"""Matches the beginning of HTML or XML."""

UNREADABLE = re.compile(r".*(?:can be read|no column holds URLs\b.*)")
"""Matches the problem of a list of which no record is as expected."""


def advice_for(path: Path, used: Format, problem: str, argument: str) -> str:
    """Return *problem*, and what the list *path* looks like, if not *used*, with the command that
    would work.

    :param argument: what names the list on the command line, after ``-a urls=``
    """
    try:
        head = head_of(path)
        told = content_format(path)
    except (BadInput, *READ_ERRORS):
        return problem
    texts = head.splitlines()
    if MARKUP.match(head):
        what = "HTML or XML"
        return (
            f"{path}: looks like {what}; a list has one URL per line, or is a table with a header: "
            f"{command_for(what, texts, argument)}"
        )
    if CRAWL in problem:
        return problem
    if told.name != used.name and (told.name != "lines" or _has_urls(head)):
        option = f"-s LIST_FORMAT={told.name}"
        return f"{problem}; it looks like {told.name}: {command_for('', texts, argument)} {option}"
    if told.name == used.name == "json" and UNREADABLE.fullmatch(problem):
        return f"{problem}: {command_for('JSON', [], argument)}"
    return problem


def _has_urls(head: str) -> bool:
    return re.search(r"^\W*https?://", head, re.IGNORECASE | re.MULTILINE) is not None
