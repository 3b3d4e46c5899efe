"""The file that a run's page is."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from imagefetch.output.own_files import head_of, replacing

MARK = b'<!doctype html>\n<html lang="en">\n<meta name="generator" content="imagefetch'
"""How every page of ours begins: no other file is overwritten."""


def page_path(report: Path) -> Path:
    """Return where the page of *report* is: ``REPORT.html`` beside ``REPORT.csv``.

    Of a report that is called otherwise than ``.csv`` the whole name stays, so that
    none is its own page: ``REPORT.html.html``.
    """
    whole = report.suffix.lower() == ".csv"
    return report.with_name((report.stem if whole else report.name) + ".html")


def is_ours(path: Path) -> bool:
    """Whether a page may be written at *path*: nothing is there, or a page of this program's."""
    try:
        head = head_of(path)
    except OSError:
        return False
    return head is None or head.startswith(MARK)


def put(path: Path, text: str) -> None:
    """Write *text* beside *path*, then put it in its place.

    :raises OSError: if the file system refuses; nothing is left of it then
    """
    with replacing(path) as file:
        file.write(text.encode("utf-8", "replace"))


def keep_page(report: Path, previous: Path) -> None:
    """Let the page of *report*, if it has one, go along with it to where it is *previous*;
    else that of the one before is removed."""
    page, old = page_path(report), page_path(previous)
    if is_ours(old) and is_ours(page):
        with suppress(OSError):  # no run fails for the sake of an old page
            page.replace(old) if page.exists() else old.unlink(missing_ok=True)
