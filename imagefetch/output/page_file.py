"""Names, recognizes and writes the file of the HTML report."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from imagefetch.output.own_files import head_of, replacing

MARK = b'<!doctype html>\n<html lang="en">\n<meta name="generator" content="imagefetch'
"""Beginning of every HTML report of imagefetch. No other file is overwritten."""


def page_path(report: Path) -> Path:
    """Return the path of the HTML report of *report*: ``REPORT.html`` for ``REPORT.csv``.

    A name that doesn't end with ``.csv`` is kept whole, so that the two paths always differ:
    ``REPORT.html.html`` for ``REPORT.html``.
    """
    whole = report.suffix.lower() == ".csv"
    return report.with_name((report.stem if whole else report.name) + ".html")


def is_ours(path: Path) -> bool:
    """Whether an HTML report may be written to *path*: no file is there, or one of imagefetch's."""
    try:
        head = head_of(path)
    except OSError:
        return False
    return head is None or head.startswith(MARK)


def put(path: Path, text: str) -> None:
    """Write *text* to a temporary file, then replace *path* with it.

    :raises OSError: if the file system refuses; the temporary file is removed
    """
    with replacing(path) as file:
        file.write(text.encode("utf-8", "replace"))


def keep_page(report: Path, previous: Path) -> None:
    """Rename the HTML report of *report* to that of *previous*, to which *report* was renamed.
    If there is none, remove an old HTML report of *previous*."""
    page, old = page_path(report), page_path(previous)
    if is_ours(old) and is_ours(page):
        with suppress(OSError):  # an old HTML report is not worth a failed run
            page.replace(old) if page.exists() else old.unlink(missing_ok=True)
