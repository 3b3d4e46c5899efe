"""A run's page, written time and again by a process beside (`imagefetch.html_report.worker`)."""

from __future__ import annotations

import random
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from scrapy.settings import BaseSettings

from imagefetch.images.formats import FORMATS
from imagefetch.output.file_names import stored_file
from imagefetch.output.page_file import is_ours, page_path
from imagefetch.output.store_paths import is_remote, local_path
from imagefetch.utils.json_process import Child

MODULE = "imagefetch.html_report.worker"
"""What the page's process runs."""

PATIENCE = 5
"""Seconds for one small copy."""

PLUGINS = {f.media_type: f.pillow for f in reversed(FORMATS) if f.pillow is not None}
"""Media type to the one Pillow plugin that may decode it."""

PASSIVE = frozenset(f.extension for f in FORMATS) - {".svg"}
"""How files end that a browser shows or offers to save, whatever they hold. An SVG may run scripts,
and what has no such end is taken for whatever its first bytes look like."""

NICENESS = 10
"""The run comes first."""


class PageError(Exception):
    """The page can't be written. The text says why."""


class PageWriter:
    """Writes the page time and again, in a process of its own.

    For threads: each call takes its time, and no two may overlap.
    """

    def __init__(self, path: Path, store: str, limit: int) -> None:
        """*limit*: pixels that are decoded of one picture."""
        self.path, self.limit = path, limit
        self.store = None if is_remote(store) else local_path(store)
        self._child: Child | None = None
        self._copies: dict[str, str] = {}
        """File to small copy, Base64; empty where there can be none."""

    def begin(self) -> None:
        """Begin the process, if there is none.

        :raises PageError: if that can't be
        """
        try:
            if self._child is None:
                self._child = Child(MODULE, self.limit, PATIENCE, niceness=NICENESS, lingers=True)
        except OSError as error:
            raise PageError(f"no process for it: {error.strerror}") from error

    def write(self, facts: dict[str, Any], budget: float) -> None:
        """Write what `imagefetch.html_report.render.render` makes of *facts* and small copies, for
        which there are *budget* seconds.

        :raises PageError: if it can't be written; a page of before is left as it is
        """
        if not is_ours(self.path):
            raise PageError("it is no page of this program's; move it away")
        pictures = facts["figures"]["sample"][2]
        if self.store is not None:
            self._copy(pictures, budget)
        facts = {**facts, "copies": self._copies, "folder": str(self.path.parent)}
        facts["store"] = None if self.store is None else str(self.store)
        facts["linked"] = [p["file"] for p in pictures if self._may_be_linked(p["file"])]
        error = self._ask(["page", facts, str(self.path)])
        if error != "":
            raise PageError(error or "its process ended over it")

    def _copy(self, pictures: list[dict[str, Any]], budget: float) -> None:
        wanted = {picture["file"]: picture for picture in pictures}
        self._copies = {file: copy for file, copy in self._copies.items() if file in wanted}
        end = time.monotonic() + budget
        missing = [picture for file, picture in wanted.items() if file not in self._copies]
        random.shuffle(missing)  # as many as there is time for are an even sample too
        for picture in missing:
            if time.monotonic() > end:
                break
            file = picture["file"]
            plugin, path = PLUGINS.get(picture["type"]), stored_file(cast("Path", self.store), file)
            copy = plugin and path and self._ask(["thumbnail", str(path), plugin])
            self._copies[file] = copy or ""

    def _may_be_linked(self, file: str) -> bool:
        """Whether *file* is in the store, and nothing that a browser would run."""
        passive = Path(file).suffix.lower() in PASSIVE
        return passive and self.store is not None and stored_file(self.store, file) is not None

    def _ask(self, question: list[Any]) -> str | None:
        """Return the answer; None if the process ended over it."""
        self.begin()
        answer: str | None = cast("Child", self._child).ask(question)
        if answer is None:
            self.close()
        return answer

    def withdraw(self) -> None:
        """Remove the page: it can't be brought up to date, and would say for ever that the run
        goes on."""
        if is_ours(self.path):
            with suppress(OSError):
                self.path.unlink(missing_ok=True)

    def close(self) -> None:
        if self._child is not None:
            self._child.end()
            self._child = None


def writer_of(settings: BaseSettings, report: Path, store: str) -> PageWriter:
    """Return what writes the page of *report*."""
    return PageWriter(page_path(report), store, settings.getint("MAX_IMAGE_PIXELS"))
