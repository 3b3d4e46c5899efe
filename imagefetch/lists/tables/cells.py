"""Finds the URLs in a cell of a table."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

from imagefetch.lists.options import AUTO
from imagefetch.lists.repair import is_url, repaired
from imagefetch.urls import PLAIN_URL

WHOLE = "none"
"""Separator of cells that are one URL each."""

MARKS = "|;,"
"""Separators that are tried before white space."""


def holds_url(text: str) -> bool:
    """Whether *text* is an http or https URL, or can be repaired to one."""
    return is_url(repaired(text) or text)


def splitter(separator: str) -> Callable[[str], list[str]]:
    """Return the function that returns the URLs in a cell: none if it is blank, the whole cell if
    it can't be split into URLs.

    *separator*: what separates them, if they are not a JSON array
    """
    if separator == AUTO:
        return _split_auto
    if separator == WHOLE:
        return lambda cell: _stripped([cell])
    return lambda cell: _stripped(_json_array(cell) or cell.split(separator))


def _split_auto(cell: str) -> list[str]:
    if PLAIN_URL.fullmatch(cell):
        return [cell]
    if (urls := _json_array(cell)) is not None:
        return _stripped(urls)
    for mark in (*MARKS, None):
        pieces = _stripped(cell.split(mark))
        if pieces != [cell] and all(map(holds_url, pieces)):
            return [url for piece in pieces for url in _split_auto(piece)]
    return _stripped([cell])


def _json_array(cell: str) -> list[str] | None:
    """Return the strings in *cell* if it is a JSON array of strings."""
    if not cell.lstrip().startswith("["):
        return None
    try:
        urls = json.loads(cell)
    except (ValueError, RecursionError):
        return None
    if not isinstance(urls, list):
        return None
    urls = [url for url in urls if url is not None]
    return urls if all(isinstance(url, str) for url in urls) else None


def _stripped(texts: Iterable[str]) -> list[str]:
    return [piece for text in texts if (piece := text.strip())]
