"""Defines the input of page objects: a response whose body is in a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from scrapy import Request
from scrapy.http import Headers, Response
from scrapy_poet.page_input_providers import PageObjectInputProvider

from imagefetch.download.response import FileResponse
from imagefetch.line import Line
from imagefetch.meta import LINE, SECONDS, UNCOUNTED
from imagefetch.output.partial_files import Download


@dataclass(frozen=True)
class ImageResponse:
    """A complete response, its body in a file."""

    line: Line
    """The line whose URL was requested, before redirects."""
    url: str
    """The URL of the response, after redirects."""
    status: int
    headers: Headers
    download: Download
    attempts: int = 1
    """Requests sent for the line, without redirects."""
    seconds: float | None = None
    """Seconds from the first request to the last byte."""
    read_header: bool = True
    """Whether more than the first bytes of the file are read (VERIFY_IMAGES)."""

    @classmethod
    def of(cls, request: Request, response: Response, *, read_header: bool) -> ImageResponse:
        """Return the input of page objects for *response*."""
        meta = request.meta
        return cls(
            meta[LINE],
            response.url,
            response.status,
            response.headers,
            response.download if isinstance(response, FileResponse) else Download(),
            meta.get("retry_times", 0) + meta.get(UNCOUNTED, 0) + 1,
            meta.get(SECONDS),
            read_header,
        )


Answer = ImageResponse
"""The earlier name of `ImageResponse`, for page objects that import it."""


class ImageResponseProvider(PageObjectInputProvider):
    """Provides page objects with their `ImageResponse`."""

    provided_classes = {ImageResponse}  # noqa: RUF012 - as in the base class
    name = "image_response"

    def __call__(
        self, to_provide: set[Callable[..., Any]], request: Request, response: Response
    ) -> Sequence[Any]:
        read_header = self.injector.crawler.settings["VERIFY_IMAGES"] != "off"
        return [ImageResponse.of(request, response, read_header=read_header)]
