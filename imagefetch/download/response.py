"""Defines a Scrapy response whose body is in a file."""

from __future__ import annotations

from typing import Any

from scrapy.http import Response

from imagefetch.output.partial_files import Download


class FileResponse(Response):
    """A response whose body is in a file: ``body`` is empty, see ``download``."""

    __slots__ = ("download",)
    attributes = (*Response.attributes, "download")

    def __init__(self, *args: Any, download: Download | None = None, **kwargs: Any) -> None:
        self.download = download or Download()
        super().__init__(*args, **kwargs)
