"""The download handler: aiohttp, every body streamed into a file as it arrives."""

from __future__ import annotations

import itertools
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import yarl
from scrapy import Request
from scrapy.core.downloader.handlers.base import BaseDownloadHandler
from scrapy.crawler import Crawler
from scrapy.http import Headers, Response
from scrapy.responsetypes import responsetypes

from imagefetch.classify import classify
from imagefetch.decode import Decoder, decoder
from imagefetch.errors import TooLarge, rejection_of
from imagefetch.meta import FIRST_SENT, SECONDS, STREAM_TO
from imagefetch.partials import Download, FileResponse, PartialFile

# Bytes that aiohttp holds ready for each connection; four times its default
# saves a tenth of the time on large bodies.
READ_BUFFER = 2**18

# Bytes of an unwanted body (of a 404, of a redirect) that are read so that the
# connection can be used again; a longer one costs its connection instead.
UNWANTED_MAX = 2**18

# Seconds that an unused connection is kept. Servers close theirs after 5 or
# more; a request sent into one that is just being closed is a wasted attempt.
KEEPALIVE = 4.0


class StreamingDownloadHandler(BaseDownloadHandler):
    """Handles http and https. Settings: DOWNLOAD_TIMEOUT, DOWNLOAD_MAXSIZE,
    DOWNLOAD_VERIFY_CERTIFICATES."""

    lazy = False
    _numbers = itertools.count()  # one handler a scheme: their files share a folder

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        settings = crawler.settings
        self.timeout = settings.getfloat("DOWNLOAD_TIMEOUT")
        self.max_size = settings.getint("DOWNLOAD_MAXSIZE")
        self.tls = ssl.create_default_context()
        if not settings.getbool("DOWNLOAD_VERIFY_CERTIFICATES"):
            self.tls.check_hostname = False
            self.tls.verify_mode = ssl.CERT_NONE
        self._session: aiohttp.ClientSession | None = None

    @property
    def session(self) -> aiohttp.ClientSession:
        """Made at the first request: before, no event loop runs."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=0,  # the scheduler holds the limits
                    ssl=self.tls,
                    keepalive_timeout=KEEPALIVE,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                read_bufsize=READ_BUFFER,
                middlewares=(_send_once,),
                skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent", "Content-Type"),
            )
        return self._session

    async def download_request(self, request: Request) -> Response:
        """Fetch *request*'s whole answer.

        Sets `FIRST_SENT` (once a line) and `SECONDS` in its meta.

        :raises Failure: if no whole answer was had
        :raises LocalError: if this machine can't go on
        """
        begin = time.monotonic()
        first_sent = request.meta.setdefault(FIRST_SENT, begin)
        try:
            return await self._download(request, begin)
        except Exception as error:
            failure = classify(error)
            if failure is error:
                raise
            raise failure from error
        finally:
            request.meta[SECONDS] = time.monotonic() - first_sent

    async def _download(self, request: Request, begin: float) -> Response:
        timeout = request.meta.get("download_timeout", self.timeout)
        async with self.session.request(
            request.method,
            yarl.URL(request.url, encoded=True),  # as Scrapy made it safe, not once more
            data=request.body or None,
            headers=request.headers.to_tuple_list(),
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=timeout),
        ) as answer:
            request.meta["download_latency"] = time.monotonic() - begin
            folder: Path | None = request.meta.get(STREAM_TO)
            max_size = request.meta.get("download_maxsize", self.max_size)
            if folder is None:
                body = b"".join([piece async for piece in _pieces(answer, max_size)])
                return _response(request, answer, body)
            if rejection_of(answer.status) is not None:
                await _skip(answer)
                return _response(request, answer, Download())
            path = folder / str(next(self._numbers))
            return _response(request, answer, await _save(answer, path, max_size))

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


async def _send_once(
    request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keep aiohttp from sending a request again by itself when a connection breaks.

    It does so for these types of errors only; by another name the attempt ends
    here, and `Attempts` is true.
    """
    try:
        return await send(request)
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise classify(error) from error


def _response(request: Request, answer: aiohttp.ClientResponse, body: bytes | Download) -> Response:
    common: dict[str, Any] = {
        "url": request.url,
        "status": answer.status,
        "headers": Headers(list(answer.headers.items())),
        "protocol": answer.version and f"HTTP/{answer.version.major}.{answer.version.minor}",
    }
    if isinstance(body, Download):
        return FileResponse(download=body, **common)
    cls = responsetypes.from_args(headers=common["headers"], url=request.url, body=body)
    return cls(body=body, **common)


async def _save(answer: aiohttp.ClientResponse, path: Path, max_size: int) -> Download:
    """Write the body into *path*; on any error leave no file.

    :raises TooLarge: past *max_size* bytes, as sent or as decoded (0: no limit)
    """
    part = PartialFile(path)
    try:
        async for piece in _pieces(answer, max_size):
            part.write(piece)
        return part.finish()
    except BaseException:
        part.discard()
        raise


async def _pieces(answer: aiohttp.ClientResponse, max_size: int) -> AsyncIterator[bytes]:
    """Yield the body as it comes, its Content-Encoding undone."""
    inflate: Decoder | None = decoder(answer.headers.get("Content-Encoding", ""))
    if max_size and (answer.content_length or 0) > max_size:
        raise TooLarge
    received = decoded = 0
    async for chunk in answer.content.iter_any():
        received += len(chunk)
        for piece in (chunk,) if inflate is None else inflate.feed(chunk):
            decoded += len(piece)
            if max_size and max(received, decoded) > max_size:
                raise TooLarge
            yield piece
    if inflate is not None:
        inflate.finish()


async def _skip(answer: aiohttp.ClientResponse) -> None:
    received = 0
    async for chunk in answer.content.iter_any():
        received += len(chunk)
        if received > UNWANTED_MAX:
            answer.close()
            return
