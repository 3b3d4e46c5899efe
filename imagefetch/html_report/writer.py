"""Writes the HTML report through a subprocess (`imagefetch.html_report.worker`)."""

from __future__ import annotations

import random
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from scrapy.settings import BaseSettings

from imagefetch.images.detection import FORMATS
from imagefetch.output.file_names import stored_file
from imagefetch.output.page_file import is_ours, page_path
from imagefetch.output.store_paths import is_remote, local_path
from imagefetch.utils.processes.json_process import JSONProcess

MODULE = "imagefetch.html_report.worker"
"""Module that the subprocess runs."""

THUMBNAIL_TIMEOUT = 5
"""Timeout for one thumbnail, seconds."""

PLUGINS = {f.media_type: f.pillow for f in reversed(FORMATS) if f.pillow is not None}
"""By media type: the only Pillow plugin that may decode it."""

PASSIVE = frozenset(f.extension for f in FORMATS) - {".svg", ".svgz", ".xbm"}
"""Suffixes of files that a browser displays or offers to save, whatever their content. An SVG may
run scripts; without a known suffix, a browser guesses the type from the first bytes, which in an
XBM are text."""

HAVE_EXIF = frozenset({"image/jpeg", "image/png", "image/webp"})
"""Types with an orientation that the size in the report does not consider."""

NICENESS = 10
"""Niceness of the subprocess: the run has priority."""


class PageError(Exception):
    """The page can't be written; the message says why."""


class PageWriter:
    """Writes the page repeatedly, through a subprocess.

    Calls block, so make them in a thread; they must not overlap.
    """

    def __init__(self, path: Path, store: str, limit: int) -> None:
        """*limit*: most pixels of an image that is decoded."""
        self.path, self.limit = path, limit
        self.store = None if is_remote(store) else local_path(store)
        self._child: JSONProcess | None = None
        self._thumbnails: dict[str, str] = {}
        """Thumbnails in Base64 by file; empty if there can be none."""
        self._turned: set[str] = set()
        """Files of these whose images are stored on their side."""

    def begin(self) -> JSONProcess:
        """Start the subprocess, unless it runs; return it.

        :raises PageError: if it can't be started
        """
        if self._child is None:
            try:
                self._child = JSONProcess(
                    MODULE, self.limit, THUMBNAIL_TIMEOUT, niceness=NICENESS, lingers=True
                )
            except OSError as error:
                raise PageError(f"its subprocess can't be started: {error.strerror}") from error
        return self._child

    def write(self, facts: dict[str, Any], budget: float) -> None:
        """Render and write the page of *facts* (see `imagefetch.html_report.render.render`), taking
        up to *budget* seconds for new thumbnails.

        :raises PageError: if it can't be written; an earlier page stays as it is
        """
        if not is_ours(self.path):
            raise PageError("it is no page of this program's; move it away")
        images = facts["figures"]["sample"][2]
        if self.store is not None:
            self._make_thumbnails(self.store, images, budget)
        facts = {
            **facts,
            "thumbnails": self._thumbnails,
            "turned": [*self._turned],
            "folder": str(self.path.parent),
        }
        facts["store"] = None if self.store is None else str(self.store)
        facts["linked"] = [p["file"] for p in images if self._may_be_linked(p["file"])]
        error = self._ask(["page", facts, str(self.path)])
        if error != "":
            raise PageError(error or "its subprocess died or timed out")

    def _make_thumbnails(self, store: Path, images: list[dict[str, Any]], budget: float) -> None:
        wanted = {image["file"]: image for image in images}
        self._turned &= wanted.keys()
        self._thumbnails = {file: data for file, data in self._thumbnails.items() if file in wanted}
        end = time.monotonic() + budget
        missing = [image for file, image in wanted.items() if file not in self._thumbnails]
        random.shuffle(missing)  # those that fit into the budget are a uniform sample, too
        for image in missing:
            if time.monotonic() > end:
                break
            file = image["file"]
            plugin, path = PLUGINS.get(image["type"]), stored_file(store, file)
            data = plugin and path and self._ask(["thumbnail", str(path), plugin])
            self._thumbnails[file] = data or ""
            if data and image["type"] in HAVE_EXIF and self._ask(["turned", str(path), plugin]):
                self._turned.add(file)

    def _may_be_linked(self, file: str) -> bool:
        """Whether *file* is in the store, and of a type that a browser does not execute."""
        passive = Path(file).suffix.lower() in PASSIVE
        return passive and self.store is not None and stored_file(self.store, file) is not None

    def _ask(self, request: list[Any]) -> str | None:
        """Return the response of the subprocess; None if it died or timed out."""
        response: str | None = self.begin().ask(request)
        if response is None:
            self.close()
        return response

    def withdraw(self) -> None:
        """Remove a page that can't be updated: it would show the run as running for ever."""
        if is_ours(self.path):
            with suppress(OSError):
                self.path.unlink(missing_ok=True)

    def close(self) -> None:
        if self._child is not None:
            self._child.end()
            self._child = None


def writer_of(settings: BaseSettings, report: Path, store: str) -> PageWriter:
    """Return the writer for the page of *report*."""
    return PageWriter(page_path(report), store, settings.getint("MAX_IMAGE_PIXELS"))
