"""Defines a Scrapy response whose body is in a file."""

from __future__ import annotations

from typing import Any

from scrapy.http import Headers, Response

from imagefetch.download.bodies.continuation import Fields
from imagefetch.download.curl.response_head import Head
from imagefetch.output.partial_files import Download


class FileResponse(Response):
    """A response whose body is in a file: ``body`` is empty, see ``download``."""

    __slots__ = ("download",)
    attributes = (*Response.attributes, "download")

    def __init__(self, *args: Any, download: Download | None = None, **kwargs: Any) -> None:
        self.download = download or Download()
        super().__init__(*args, **kwargs)

    @classmethod
    def of(
        cls, head: Head, fields: Fields, url: str, download: Download, flags: list[str]
    ) -> FileResponse:
        """Return the response that began with *head*, with the headers *fields*."""
        response = cls(url, head.status, flags=flags, download=download, protocol=head.protocol)
        response.headers = headers_of(fields)
        return response


def headers_of(fields: Fields) -> Headers:
    """Return headers of raw bytes, since headers need not be valid text.

    Scrapy would check the type of each name and value.
    """
    values: dict[bytes, list[bytes]] = {}
    for name, value in fields:
        values.setdefault(name.title(), []).append(value)
    headers = Headers()
    dict.update(headers, values)
    return headers
