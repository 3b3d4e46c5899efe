"""Detects files that are not lists of one URL per line, before any request is sent."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from pathlib import Path

from imagefetch.errors import BadInput, InvalidURL, UnsupportedScheme
from imagefetch.lists.plain import READ_ERRORS, read_lines
from imagefetch.lists.shards import is_shard
from imagefetch.urls import request_url

LOOKED_AT = 100
"""Lines from which the format of the list is guessed."""

CHARACTERS = 500
"""Characters of a line that are matched: matching may take time quadratic in the length."""

DELIMITERS = "\t,;|"

# What a line of such a file matches, and what the format is called.
SHAPES = {
    re.compile(r"[{\[].*"): "JSON",
    re.compile(r"""(["']).*\1,?|<[a-z]+://.*>"""): "URLs in quotes",
    re.compile(r"<.*"): "HTML or XML",
    re.compile(r".*\t.*"): "tab-separated columns",
    re.compile(r".*[,;|].*"): "CSV",
}

COLUMN = re.compile(r"url|uri|link|image|img|src|href", re.IGNORECASE)
"""Matches the name of the URL column in a header line."""

# The same for lines that are valid URLs, but probably not as they were meant.
WRONG = {
    re.compile(r".+[\s,;|]\s*https?://.*"): "several URLs in a line",
    re.compile(r".*&amp;.*"): "URLs escaped for HTML: &amp; for &",
    re.compile(r"[^,;|]*[,;|]\s*\S* .*"): "CSV",
}


def check_readable(path: Path) -> None:
    """Refuse a list in which no line is a URL, if its format can be named.

    :raises BadInput: saying what format it looks like
    """
    lines = _first_lines(path)
    urls = [line for line in lines if _is_url(line)]
    looks_like = ""
    if lines and not urls:
        looks_like = _majority_format(SHAPES, lines)
    elif len(lines) == len(urls) + 1 and _is_header(lines[0], urls):
        looks_like = "CSV"
    if looks_like:
        raise BadInput(
            f"{path}: looks like {looks_like}; a list has one URL per line, nothing else"
        )


def warning_of(path: Path) -> str | None:
    """Return a warning if most lines, though valid URLs, look like another format, or None."""
    try:
        urls = [line for line in _first_lines(path) if _is_url(line)]
    except READ_ERRORS:
        return None  # the spider reports the same error
    looks_like = _majority_format(WRONG, urls) if urls else ""
    return (
        f"{path}: looks like {looks_like}; each line is treated as one URL" if looks_like else None
    )


def _first_lines(path: Path) -> list[str]:
    if is_shard(path):
        return []
    return [line.text for line in itertools.islice(read_lines(path), LOOKED_AT)]


def _is_url(text: str) -> bool:
    try:
        request_url(text)
    except InvalidURL:
        return False
    except UnsupportedScheme:
        pass  # still a URL
    return True


def _is_header(first: str, urls: Sequence[str]) -> bool:
    """Whether *first* is a header that names the columns of the other lines, *urls*."""
    for delimiter in DELIMITERS:
        cells = first.split(delimiter)
        if len(cells) > 1 and any(map(COLUMN.search, cells)) and not _is_url(first):
            return sum(delimiter in url for url in urls) > len(urls) / 2
    return False


def _majority_format(shapes: dict[re.Pattern[str], str], lines: Sequence[str]) -> str:
    """Return the format that more than half of *lines* match; empty if there is none."""
    for pattern, name in shapes.items():
        if sum(pattern.fullmatch(line[:CHARACTERS]) is not None for line in lines) > len(lines) / 2:
            return name
    return ""
