"""How many lines has the list? At first a guess, later a count."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from imagefetch.lists.plain import READ_ERRORS, read_lines

LOOKED_AT = 2_000
"""Lines whose average length the guess is made with."""


def estimate_lines(urls: Path) -> tuple[int | None, bool]:
    """Return how many lines *urls* has, and whether that is a guess.

    It is none for a list of `LOOKED_AT` lines or less; None where size doesn't tell.
    """
    lines = length = 0
    try:
        for line in read_lines(urls):
            if lines == LOOKED_AT:
                break
            lines += 1
            length += len(line.text.encode("utf-8", "replace")) + 1
        else:
            return lines, False
        size = urls.stat().st_size
    except READ_ERRORS:
        return None, True  # the spider meets it too, and tells
    return None if urls.suffix == ".gz" else max(lines, round(size / length * lines)), True


def count_lines(urls: Path, stopping: Callable[[], bool]) -> int | None:
    """Return how many lines *urls* has; None if it breaks off, or is to be read no more."""
    total = 0
    try:
        for _ in read_lines(urls):
            total += 1
            if not total % 1000 and stopping():
                return None
    except READ_ERRORS:
        return None
    return total
