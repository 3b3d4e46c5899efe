"""Converts aiohttp responses to Scrapy responses and sends Scrapy's download signals."""

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
from imagefetch.meta import BODY_MAX, PROBLEM, STREAM_TO, TIMING
from imagefetch.output.disk_io import Disk
from imagefetch.output.partial_files import Download

# Maximum bytes of a body in memory: of a request that is not for an image.
IN_MEMORY_MAX = 8 * 2**20

STOPPED = ["download_stopped"]
"""Flags of a response that a signal handler stopped, as in Scrapy's own handlers."""


class Receiver:
    """Reads responses into files or memory.

    Settings: MIN_SPEED, MIN_SPEED_WINDOW, DOWNLOAD_MAXSIZE, OPT_OUT_DIRECTIVES,
    DOWNLOAD_FAIL_ON_DATALOSS (for bodies in memory only: files are never
    truncated). Meta: ``download_maxsize``, ``download_fail_on_dataloss``.
    """

    _numbers = itertools.count()  # shared by the handlers of all schemes, which write to one folder

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

    async def receive(self, request: Request, client_response: aiohttp.ClientResponse) -> Response:
        """Read the body of *client_response* and return the response to *request*.

        A request with `STREAM_TO` in its meta gets a `FileResponse`.

        :raises Failure: if the response is not complete
        :raises StoreError: if the file system fails
        :raises StopDownload: if a signal handler raised it; its ``response`` is set
        """
        common: dict[str, Any] = {
            "url": request.url,
            "status": client_response.status,
            # Raw bytes: headers need not be valid text.
            "headers": Headers(client_response.raw_headers),
            "protocol": client_response.version
            and f"HTTP/{client_response.version.major}.{client_response.version.minor}",
        }
        body = bytearray()  # of a response in memory
        try:
            length = client_response.content_length
            self._send_signal(
                signals.headers_received, request, headers=common["headers"], body_length=length
            )
            if STREAM_TO in request.meta:
                return await self._to_file(request, client_response, common)
            return await self._to_memory(request, client_response, common, body)
        except StopDownload as stop:
            data, _ = await decoded(content_coding(client_response), bytes(body), IN_MEMORY_MAX)
            stop.response = _response(request, common, [*STOPPED], data)
            if stop.fail:
                raise
            return stop.response

    async def _to_file(
        self,
        request: Request,
        client_response: aiohttp.ClientResponse,
        common: dict[str, Any],
    ) -> Response:
        wanted = rejection_of(client_response.status) is None
        if wanted and self.opt_out.applies(client_response.headers.getall("X-Robots-Tag", ())):
            request.meta[PROBLEM] = OptedOut()
            wanted = False
        if not wanted:
            await skip(client_response)
            return FileResponse(**common)
        folder: Path = request.meta[STREAM_TO]
        try:
            async with MinimumSpeed(self.min_speed, self.window) as speed:
                path = folder / str(next(self._numbers))
                bounds, timing = self._bounds(request, speed), request.meta.get(TIMING)
                download = await save(client_response, path, bounds, self.disk, timing)
        except NotAnImage as problem:
            request.meta[PROBLEM] = problem
            download = Download()
        return FileResponse(**common, download=download)

    async def _to_memory(
        self,
        request: Request,
        client_response: aiohttp.ClientResponse,
        common: dict[str, Any],
        body: bytearray,
    ) -> Response:
        flags: list[str] = []
        fail = request.meta.get("download_fail_on_dataloss", self.fail_on_dataloss)
        limit, cut = request.meta.get(BODY_MAX, IN_MEMORY_MAX), False
        async with MinimumSpeed(self.min_speed, self.window) as speed:
            bounds = self._bounds(request, speed, IN_MEMORY_MAX)
            try:
                async with aclosing(read_pieces(client_response, bounds)) as pieces:
                    async for piece in pieces:
                        body += piece
                        if cut := len(body) > limit:
                            break
            except (aiohttp.ClientPayloadError, IncompleteBody):
                if fail:
                    raise
                flags.append("dataloss")
            speed.stop()
            data, whole = await decoded(
                content_coding(client_response), bytes(body), bounds.max_size
            )
        if not (whole or cut or flags):
            if fail:
                raise IncompleteBody
            flags.append("dataloss")
        return _response(request, common, flags, data)

    def _bounds(self, request: Request, speed: MinimumSpeed, limit: int = 0) -> Bounds:
        """Return the limits for the body; *limit*: a further limit in bytes, 0 for none."""
        max_size = request.meta.get("download_maxsize", self.max_size)
        return Bounds(
            min(max_size, limit) if max_size and limit else max_size or limit,
            speed,
            lambda data: self._send_signal(signals.bytes_received, request, data=data),
        )

    def _send_signal(self, signal: object, request: Request, **arguments: Any) -> None:
        """Send one of Scrapy's signals.

        :raises StopDownload: if a receiver of the signal raised it
        """
        results = self.crawler.signals.send_catch_log(
            signal, request=request, spider=self.crawler.spider, **arguments
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
