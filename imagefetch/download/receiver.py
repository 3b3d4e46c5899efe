"""From aiohttp's answer to a response of Scrapy's, with the signals on the way."""

from __future__ import annotations

import itertools
from contextlib import aclosing
from pathlib import Path
from typing import Any

import aiohttp
from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import StopDownload
from scrapy.http import Headers, Response
from scrapy.responsetypes import responsetypes
from twisted.python.failure import Failure as TwistedFailure

from imagefetch.download.body import Bounds, MinimumSpeed, content_coding, read_pieces, save, skip
from imagefetch.download.encoded_body import decoded
from imagefetch.download.response import FileResponse
from imagefetch.download.robots_tag import OptOut
from imagefetch.errors import IncompleteBody, NotAnImage, OptedOut, rejection_of
from imagefetch.meta import PROBLEM, READ_MOST, STREAM_TO, TIMING
from imagefetch.output.disk_io import Disk
from imagefetch.output.partial_files import Download

# Bytes of a body that is kept in memory: of a request that is not for a picture.
IN_MEMORY_MAX = 8 * 2**20

STOPPED = ["download_stopped"]
"""Flags of a response that a signal handler cut short, as Scrapy's own handlers set them."""


class Receiver:
    """Reads answers as far as their requests want them.

    Settings: MIN_SPEED, MIN_SPEED_WINDOW, DOWNLOAD_MAXSIZE, OPT_OUT_DIRECTIVES,
    DOWNLOAD_FAIL_ON_DATALOSS (for bodies in memory only: a file is never
    partial). Meta: ``download_maxsize``, ``download_fail_on_dataloss``.
    """

    _numbers = itertools.count()  # one handler a scheme: their files share a folder

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.min_speed = crawler.settings.getfloat("MIN_SPEED")
        self.window = crawler.settings.getfloat("MIN_SPEED_WINDOW")
        self.max_size = crawler.settings.getint("DOWNLOAD_MAXSIZE")
        self.opt_out = OptOut(
            crawler.settings.getlist("OPT_OUT_DIRECTIVES"), str(crawler.settings["USER_AGENT"])
        )
        self.disk = Disk()
        self.fail_on_dataloss = crawler.settings.getbool("DOWNLOAD_FAIL_ON_DATALOSS")

    async def receive(self, request: Request, answer: aiohttp.ClientResponse) -> Response:
        """Turn *answer*, whose headers are there, into *request*'s response.

        A request with `STREAM_TO` in its meta gets a `FileResponse`.

        :raises Failure: if no whole answer was had
        :raises StoreError: if the file system refuses
        :raises StopDownload: as a signal handler did, its ``response`` set
        """
        common: dict[str, Any] = {
            "url": request.url,
            "status": answer.status,
            # The bytes as sent: not all of them need be text.
            "headers": Headers(answer.raw_headers),
            "protocol": answer.version and f"HTTP/{answer.version.major}.{answer.version.minor}",
        }
        body = bytearray()  # of an answer in memory
        try:
            length = answer.content_length
            self._tell(
                signals.headers_received, request, headers=common["headers"], body_length=length
            )
            if STREAM_TO in request.meta:
                return await self._to_file(request, answer, common)
            return await self._to_memory(request, answer, common, body)
        except StopDownload as stop:
            data, _ = await decoded(content_coding(answer), bytes(body), IN_MEMORY_MAX)
            stop.response = _response(request, common, [*STOPPED], data)
            if stop.fail:
                raise
            return stop.response

    async def _to_file(
        self, request: Request, answer: aiohttp.ClientResponse, common: dict[str, Any]
    ) -> Response:
        wanted = rejection_of(answer.status) is None
        if wanted and self.opt_out.applies(answer.headers.getall("X-Robots-Tag", ())):
            request.meta[PROBLEM] = OptedOut()
            wanted = False
        if not wanted:
            await skip(answer)
            return FileResponse(**common)
        folder: Path = request.meta[STREAM_TO]
        try:
            async with MinimumSpeed(self.min_speed, self.window) as pace:
                path = folder / str(next(self._numbers))
                bounds, timing = self._bounds(request, pace), request.meta.get(TIMING)
                download = await save(answer, path, bounds, self.disk, timing)
        except NotAnImage as problem:
            request.meta[PROBLEM] = problem
            download = Download()
        return FileResponse(**common, download=download)

    async def _to_memory(
        self,
        request: Request,
        answer: aiohttp.ClientResponse,
        common: dict[str, Any],
        body: bytearray,
    ) -> Response:
        flags: list[str] = []
        fail = request.meta.get("download_fail_on_dataloss", self.fail_on_dataloss)
        most, cut = request.meta.get(READ_MOST, IN_MEMORY_MAX), False
        async with MinimumSpeed(self.min_speed, self.window) as pace:
            bounds = self._bounds(request, pace, IN_MEMORY_MAX)
            try:
                async with aclosing(read_pieces(answer, bounds)) as pieces:
                    async for piece in pieces:
                        body += piece
                        if cut := len(body) > most:
                            break
            except (aiohttp.ClientPayloadError, IncompleteBody):
                if fail:
                    raise
                flags.append("dataloss")
            pace.rest()
            data, whole = await decoded(content_coding(answer), bytes(body), bounds.max_size)
        if not (whole or cut or flags):
            if fail:
                raise IncompleteBody
            flags.append("dataloss")
        return _response(request, common, flags, data)

    def _bounds(self, request: Request, pace: MinimumSpeed, most: int = 0) -> Bounds:
        """Return what *request* and the settings allow of a body, of *most* bytes if not 0."""
        max_size = request.meta.get("download_maxsize", self.max_size)
        return Bounds(
            min(max_size, most) if max_size and most else max_size or most,
            pace,
            lambda data: self._tell(signals.bytes_received, request, data=data),
        )

    def _tell(self, signal: object, request: Request, **what: Any) -> None:
        """Send one of Scrapy's signals.

        :raises StopDownload: if a receiver did
        """
        results = self.crawler.signals.send_catch_log(
            signal, request=request, spider=self.crawler.spider, **what
        )
        for _, result in results:
            if isinstance(result, TwistedFailure) and isinstance(result.value, StopDownload):
                raise result.value


def _response(
    request: Request, common: dict[str, Any], flags: list[str], body: bytes = b""
) -> Response:
    if STREAM_TO in request.meta:
        return FileResponse(**common, flags=flags)
    cls = responsetypes.from_args(headers=common["headers"], url=request.url, body=body)
    return cls(**common, flags=flags, body=body)
