"""Page objects: what an answer says of the picture that was asked for.

What is known of a site is a subclass of `ImagePage` in `imagefetch.sites`,
marked with web-poet's ``@handle_urls``. The spider asks for the page, never for
the probe.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scrapy import Request
from scrapy.http import Headers, Response
from scrapy_poet.page_input_providers import PageObjectInputProvider
from web_poet import ItemPage, cached_method, field

import imagefetch.pages._suffixes  # noqa: F401 - for what it does
from imagefetch.download.response import FileResponse
from imagefetch.errors import EmptyBody, Placeholder
from imagefetch.images.formats import Picture, probe
from imagefetch.images.headers import TakesLongerError
from imagefetch.items import ImageRecord
from imagefetch.meta import LINE, SECONDS
from imagefetch.output.partial_files import Download
from imagefetch.urls import Line
from imagefetch.utils.offload import offload


@dataclass(frozen=True)
class Answer:
    """What a page object is made of: a whole answer, its body in a file."""

    line: Line
    """Whose URL was asked for first."""
    url: str
    """That answered, after redirects."""
    status: int
    headers: Headers
    download: Download
    attempts: int = 1
    """Requests sent for the line, redirects not counted."""
    seconds: float | None = None
    """From the first request to the last byte."""
    look_inside: bool = True
    """Whether more than the first bytes of the file are looked at (VERIFY_IMAGES)."""


def answer_of(request: Request, response: Response, look_inside: bool) -> Answer:
    """Return what page objects are told of *response*."""
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
    """Gives page objects their `Answer`."""

    provided_classes = {Answer}  # noqa: RUF012 - as its base declares it
    name = "answer"

    def __call__(
        self, to_provide: set[Callable[..., Any]], request: Request, response: Response
    ) -> Sequence[Any]:
        look_inside = self.injector.crawler.settings["VERIFY_IMAGES"] != "off"
        return [answer_of(request, response, look_inside)]


class ImagePage(ItemPage[ImageRecord]):
    """Any site's picture.

    :raises Rejection: from `to_item`, and from the fields that tell of the
        picture, if it is none that is kept
    """

    _looked: Picture | Exception | None = None

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def is_placeholder(self) -> bool:
        """Whether this is what the site answers instead of a picture that is gone."""
        return False

    async def to_item(self) -> ImageRecord:
        if self.is_placeholder():
            raise Placeholder
        return await super().to_item()

    async def look(self) -> None:
        """Have the bytes looked at before `picture` is asked for, in a thread where that takes
        more than a few reads. What is wrong with them is raised by `picture`."""
        if self.answer.download.path is None:
            return
        try:
            try:
                self._looked = self._probe(quick=True)
            except TakesLongerError:
                self._looked = await offload(self._probe)
        except Exception as error:
            self._looked = error

    @cached_method
    def picture(self) -> Picture:
        """What the bytes say."""
        if isinstance(self._looked, Exception):
            raise self._looked
        return self._looked or self._probe()

    def _probe(self, *, quick: bool = False) -> Picture:
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
        """The file with the picture's bytes."""
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
