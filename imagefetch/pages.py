"""Page objects: what an answer says of the picture.

A site's own knowledge is a subclass of `ImagePage` (see web-poet's
``@handle_urls``); the spider asks for the page, never for the probe.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from scrapy.http import Response
from scrapy_poet.page_input_providers import PageObjectInputProvider
from web_poet import ItemPage, cached_method, field

from imagefetch.errors import EmptyBody
from imagefetch.partials import Download, FileResponse
from imagefetch.probe import Picture, probe


class DownloadProvider(PageObjectInputProvider):
    """Gives page objects the file that the handler wrote."""

    provided_classes = {Download}  # noqa: RUF012 - as its base declares it
    name = "download"

    def __call__(self, to_provide: set[Callable[..., Any]], response: Response) -> Sequence[Any]:
        return [response.download if isinstance(response, FileResponse) else Download()]


class ImagePage(ItemPage[Picture]):
    """Any site's picture.

    :raises Rejection: from every field, if the file is no picture
    """

    def __init__(self, download: Download) -> None:
        self.download = download

    @cached_method
    def picture(self) -> Picture:
        """What the bytes say."""
        if self.download.path is None:
            raise EmptyBody
        return probe(self.download.path, self.download.head)

    @field
    def media_type(self) -> str:
        return self.picture().media_type

    @field
    def extension(self) -> str:
        return self.picture().extension

    @field
    def width(self) -> int | None:
        return self.picture().width

    @field
    def height(self) -> int | None:
        return self.picture().height
