"""Defines the page object of an image and its input.

A subclass of `ImagePage` in `imagefetch.sites`, decorated with web-poet's ``@handle_urls``,
holds the rules for a web site. The spider uses page objects only and reads no file itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from inspect import getattr_static
from pathlib import Path
from typing import Any

from scrapy import Request
from scrapy.http import Headers, Response
from scrapy_poet.page_input_providers import PageObjectInputProvider
from web_poet import ItemPage, field
from web_poet.fields import get_fields_dict
from web_poet.pages import get_item_cls

import imagefetch.pages._suffixes  # noqa: F401 - for its side effect
from imagefetch.download.response import FileResponse
from imagefetch.errors import EmptyBody, Placeholder
from imagefetch.images.formats import ImageInfo, probe
from imagefetch.images.headers import TakesLongerError
from imagefetch.items import ImageRecord
from imagefetch.meta import LINE, SECONDS
from imagefetch.output.partial_files import Download
from imagefetch.urls import Line
from imagefetch.utils.offload import offload


@dataclass(frozen=True)
class Answer:
    """The input of a page object: a complete response, its body in a file."""

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
    look_inside: bool = True
    """Whether more than the first bytes of the file are read (VERIFY_IMAGES)."""


def answer_of(request: Request, response: Response, look_inside: bool) -> Answer:
    """Return the input of page objects for *response*."""
    meta = request.meta
    return Answer(
        meta[LINE],
        response.url,
        response.status,
        response.headers,
        response.download if isinstance(response, FileResponse) else Download(),
        meta.get("retry_times", 0) + 1,
        meta.get(SECONDS),
        look_inside,
    )


class AnswerProvider(PageObjectInputProvider):
    """Provides page objects with their `Answer`."""

    provided_classes = {Answer}  # noqa: RUF012 - as in the base class
    name = "answer"

    def __call__(
        self, to_provide: set[Callable[..., Any]], request: Request, response: Response
    ) -> Sequence[Any]:
        look_inside = self.injector.crawler.settings["VERIFY_IMAGES"] != "off"
        return [answer_of(request, response, look_inside)]


class ImagePage(ItemPage[ImageRecord]):
    """The image of a response, for any web site.

    :raises Rejection: from `to_item` and from the fields that describe the image, if it is
        rejected
    """

    _probed: ImageInfo | Exception | None = None

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def is_placeholder(self) -> bool:
        """Return whether the response is the placeholder for a deleted image."""
        return False

    async def to_item(self) -> ImageRecord:
        if self.is_placeholder():
            raise Placeholder
        if not _has_our_fields(type(self)):
            return await super().to_item()
        answer, picture = self.answer, self.picture()
        download = answer.download
        return ImageRecord(
            answer.line.text,
            str(answer.status),
            answer.line.number,
            bytes=download.size,
            type=picture.media_type,
            width=picture.width,
            height=picture.height,
            sha256=download.sha256,
            attempts=answer.attempts,
            seconds=answer.seconds,
        )

    async def look(self) -> None:
        """Read the file for `picture`, in a thread if that takes more than a few reads.

        Errors are raised later, by `picture`.
        """
        if self.answer.download.path is None:
            return
        try:
            try:
                self._probed = self._probe(quick=True)
            except TakesLongerError:
                self._probed = await offload(self._probe)
        except Exception as error:
            self._probed = error

    def picture(self) -> ImageInfo:
        """Return the type and size of the image, read from the file once."""
        if self._probed is None:
            self._probed = self._probe()
        if isinstance(self._probed, Exception):
            raise self._probed
        return self._probed

    def _probe(self, *, quick: bool = False) -> ImageInfo:
        download = self.answer.download
        if download.path is None:
            raise EmptyBody
        return probe(
            download.path,
            download.head,
            whole=download.in_memory,
            header=self.answer.look_inside,
            quick=quick,
        )

    @property
    def path(self) -> Path | None:
        """The file with the response body."""
        return self.answer.download.path

    @field
    def url(self) -> str:
        return self.answer.line.text

    @field
    def code(self) -> str:
        return str(self.answer.status)

    @field
    def line(self) -> int:
        return self.answer.line.number

    @field
    def bytes(self) -> int:
        return self.answer.download.size

    @field
    def type(self) -> str:
        return self.picture().media_type

    @field
    def width(self) -> int | None:
        return self.picture().width

    @field
    def height(self) -> int | None:
        return self.picture().height

    @field
    def sha256(self) -> str:
        return self.answer.download.sha256

    @field
    def attempts(self) -> int:
        return self.answer.attempts

    @field
    def seconds(self) -> float | None:
        return self.answer.seconds


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
