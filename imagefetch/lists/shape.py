"""Lists that are something else than one URL a line: told before anything is asked for."""

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
"""Lines from which the shape of all is guessed."""

CHARACTERS = 500
"""Of a line, that are matched: a hostile one may be long, and cost its square."""

DELIMITERS = "\t,;|"

# What a line of such a list has, and what it is called.
SHAPES = {
    re.compile(r"[{\[].*"): "JSON",
    re.compile(r"""(["']).*\1,?|<[a-z]+://.*>"""): "URLs in quotes",
    re.compile(r"<.*"): "HTML or XML",
    re.compile(r".*\t.*"): "tab-separated columns",
    re.compile(r".*[,;|].*"): "CSV",
}

COLUMN = re.compile(r"url|uri|link|image|img|src|href", re.IGNORECASE)
"""In a header, the column of URLs."""

# The same for lines that can be asked for, though hardly as they were meant.
WRONG = {
    re.compile(r".+[\s,;|]\s*https?://.*"): "several URLs in a line",
    re.compile(r".*&amp;.*"): "URLs escaped for HTML: &amp; for &",
    re.compile(r"[^,;|]*[,;|]\s*\S* .*"): "CSV",
}


def check_shape(path: Path) -> None:
    """Refuse a list of which no line is a URL, if its shape tells why.

    :raises BadInput: saying what it looks like
    """
    lines = _beginning(path)
    urls = [line for line in lines if _is_url(line)]
    looks_like = ""
    if lines and not urls:
        looks_like = _most(SHAPES, lines)
    elif len(lines) == len(urls) + 1 and _is_header(lines[0], urls):
        looks_like = "CSV"
    if looks_like:
        raise BadInput(f"{path}: looks like {looks_like}; a list has one URL a line, nothing else")


def oddity(path: Path) -> str | None:
    """Return what is odd about most lines of a list, though a request can be made of each."""
    try:
        urls = [line for line in _beginning(path) if _is_url(line)]
    except READ_ERRORS:
        return None  # the spider meets it too, and tells
    looks_like = _most(WRONG, urls) if urls else ""
    return (
        f"{path}: looks like {looks_like}; each line is taken for one URL" if looks_like else None
    )


def _beginning(path: Path) -> list[str]:
    if is_shard(path):
        return []
    return [line.text for line in itertools.islice(read_lines(path), LOOKED_AT)]


def _is_url(text: str) -> bool:
    try:
        request_url(text)
    except InvalidURL:
        return False
    except UnsupportedScheme:
        pass  # a URL all the same
    return True


def _is_header(first: str, urls: Sequence[str]) -> bool:
    """Whether *first* names the columns of *urls*, which are no URLs then."""
    for mark in DELIMITERS:
        cells = first.split(mark)
        if len(cells) > 1 and any(map(COLUMN.search, cells)) and not _is_url(first):
            return sum(mark in url for url in urls) > len(urls) / 2
    return False


def _most(shapes: dict[re.Pattern[str], str], lines: Sequence[str]) -> str:
    """Return what more than half of *lines* look like; empty if they look like nothing."""
    for pattern, name in shapes.items():
        if sum(pattern.fullmatch(line[:CHARACTERS]) is not None for line in lines) > len(lines) / 2:
            return name
    return ""
