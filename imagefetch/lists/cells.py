"""Finds the URLs in a cell of a table."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from imagefetch.errors import InvalidURL, UnsupportedScheme
from imagefetch.lists.options import AUTO
from imagefetch.urls import PLAIN_URL, request_url

WHOLE = "none"
"""Separator of cells that are one URL each."""

# With white space around a mark, so that the mark is not taken for a part of the URL.
SEPARATORS = tuple(map(re.compile, (r"\s*\|\s*", r"\s*;\s*", r"\s*,\s*", r"\s+")))

BEGINNING = re.compile(r"https?://[^/]", re.I)


def is_url(text: str) -> bool:
    """Whether *text* is an http or https URL."""
    if not BEGINNING.match(text):
        return False
    try:
        request_url(text)
    except (InvalidURL, UnsupportedScheme):
        return False
    return True


def splitter(separator: str) -> Callable[[str], list[str]]:
    """Return the function that returns the URLs in a cell: none if it is blank, the whole cell if
    it can't be split into URLs.

    *separator*: what separates them, if they are not a JSON array
    """
    if separator == AUTO:
        return _split_auto
    if separator == WHOLE:
        return lambda cell: [cell.strip()] if cell.strip() else []
    return lambda cell: _json_array(cell) or _pieces(cell.split(separator))


def _split_auto(cell: str) -> list[str]:
    if PLAIN_URL.fullmatch(cell):
        return [cell]
    if (urls := _json_array(cell)) is not None:
        return urls
    cell = cell.strip()
    for mark in SEPARATORS:
        pieces = _pieces(mark.split(cell))
        if len(pieces) > 1 and all(map(is_url, pieces)):
            return pieces
    return [cell] if cell else []


def _json_array(cell: str) -> list[str] | None:
    """Return the strings in *cell* if it is a JSON array of strings."""
    if not cell.lstrip().startswith("["):
        return None
    try:
        urls = json.loads(cell)
    except (ValueError, RecursionError):
        return None
    if not isinstance(urls, list) or not all(isinstance(url, str) for url in urls):
        return None
    return _pieces(urls)


def _pieces(texts: list[str]) -> list[str]:
    return [piece for text in texts if (piece := text.strip())]
