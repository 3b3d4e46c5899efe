"""Defines the page object of an image.

A subclass of `ImagePage` in `imagefetch.sites`, decorated with web-poet's ``@handle_urls``,
holds the rules for a web site. The spider uses page objects only and reads no file itself.
"""

from __future__ import annotations

from functools import cache
from inspect import getattr_static
from pathlib import Path
from typing import ClassVar

from web_poet import ItemPage, field
from web_poet.fields import get_fields_dict
from web_poet.pages import get_item_cls

import imagefetch.utils.public_suffixes  # noqa: F401 - for its side effect
from imagefetch.errors import EmptyBody, Placeholder
from imagefetch.images.bounded_bytes import TakesLongerError
from imagefetch.images.detection import ImageInfo, inspect
from imagefetch.items import ImageRecord
from imagefetch.pages.image_response import ImageResponse
from imagefetch.utils.processes.offload import offload


class ImagePage(ItemPage[ImageRecord]):
    """The image of a response, for any web site.

    :raises Rejection: from `to_item` and from the fields that describe the image, if it is
        rejected
    """

    at_once: ClassVar[int | None] = None
    """Most requests in flight to a host that ``@handle_urls`` names; None: no limit of its own."""
    delay: ClassVar[float | None] = None
    """Seconds between two requests to such a host; None: no delay of its own."""
    contact_required: ClassVar[bool] = False
    """Whether such a host requires an address of contact in the User-Agent."""

    _probed: ImageInfo | Exception | None = None

    def __init__(self, response: ImageResponse) -> None:
        self.response = response

    @property
    def answer(self) -> ImageResponse:
        """The earlier name of `response`."""
        return self.response

    @answer.setter
    def answer(self, response: ImageResponse) -> None:
        self.response = response

    def is_placeholder(self) -> bool:
        """Return whether the response is the placeholder for a deleted image."""
        return False

    async def to_item(self) -> ImageRecord:
        if self.is_placeholder():
            raise Placeholder
        if not _has_our_fields(type(self)):
            return await super().to_item()
        response, image = self.response, self.image()
        return ImageRecord(
            response.line.text,
            str(response.status),
            response.line.number,
            bytes=response.download.size,
            type=image.media_type,
            width=image.width,
            height=image.height,
            sha256=response.download.sha256,
            attempts=response.attempts,
            seconds=response.seconds,
        )

    async def read_header(self) -> None:
        """Read the file for `image`, in a thread if that takes more than a few reads.

        Errors are raised later, by `image`.
        """
        if self.response.download.path is None:
            return
        try:
            try:
                self._probed = self._probe(quick=True)
            except TakesLongerError:
                self._probed = await offload(self._probe)
        except Exception as error:
            self._probed = error

    def image(self) -> ImageInfo:
        """Return the type and size of the image, read from the file once; of one whose header is
        malformed, only the type."""
        if self._probed is None:
            self._probed = self._probe()
        if isinstance(self._probed, Exception):
            raise self._probed
        return self._probed

    def picture(self) -> ImageInfo:
        """The earlier name of `image`."""
        return self.image()

    def _probe(self, *, quick: bool = False) -> ImageInfo:
        download = self.response.download
        if download.path is None:
            raise EmptyBody
        return inspect(
            download.path,
            download.head,
            whole=download.in_memory,
            header=self.response.read_header,
            quick=quick,
        )

    @property
    def path(self) -> Path | None:
        """The file with the response body."""
        return self.response.download.path

    @field
    def url(self) -> str:
        return self.response.line.text

    @field
    def code(self) -> str:
        return str(self.response.status)

    @field
    def line(self) -> int:
        return self.response.line.number

    @field
    def bytes(self) -> int:
        return self.response.download.size

    @field
    def type(self) -> str:
        return self.image().media_type

    @field
    def width(self) -> int | None:
        return self.image().width

    @field
    def height(self) -> int | None:
        return self.image().height

    @field
    def sha256(self) -> str:
        return self.response.download.sha256

    @field
    def attempts(self) -> int:
        return self.response.attempts

    @field
    def seconds(self) -> float | None:
        return self.response.seconds


@cache
def _has_our_fields(page: type[ImagePage]) -> bool:
    """Return whether the items of *page* consist of the fields of `ImagePage`, unchanged.

    web-poet evaluates fields one by one, with caches and processors, which takes a multiple of
    the time.
    """
    names = get_fields_dict(page)
    return (
        names.keys() == get_fields_dict(ImagePage).keys()
        and all(getattr_static(page, each) is getattr_static(ImagePage, each) for each in names)
        and get_item_cls(page, dict) is ImageRecord
        and not hasattr(page, "Processors")
        and not hasattr(page, "validate_input")
    )
