"""Estimates, and later counts, the lines of a list."""

from __future__ import annotations

from collections.abc import Callable

from imagefetch.lists.list_file import ListFile
from imagefetch.lists.plain import READ_ERRORS, is_gzipped

LOOKED_AT = 2_000
"""Lines from whose average length the number of lines is estimated."""


def estimate_lines(urls: ListFile) -> tuple[int | None, bool]:
    """Return the number of lines of *urls*, and whether it is an estimate.

    It is exact for `LOOKED_AT` lines or fewer, and None if the file's size doesn't tell.
    """
    lines = length = 0
    try:
        for line in urls.lines():
            if lines == LOOKED_AT:
                break
            lines += 1
            length += len(line.text.encode("utf-8", "replace")) + 1
        else:
            return lines, False
        if is_gzipped(urls.path):
            return None, True
        size = urls.path.stat().st_size
    except READ_ERRORS:
        return None, True  # the spider reports the same error
    return max(lines, round(size / length * lines)), True


def count_lines(urls: ListFile, stopping: Callable[[], bool]) -> int | None:
    """Return the number of lines of *urls*; None if reading fails or *stopping* returns True."""
    total = 0
    try:
        for _ in urls.lines():
            total += 1
            if not total % 1000 and stopping():
                return None
    except READ_ERRORS:
        return None
    return total
