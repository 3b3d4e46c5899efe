"""The download handler: aiohttp, every body streamed into a file as it arrives."""

from __future__ import annotations

import itertools
import ssl
import time
from pathlib import Path
from typing import Any

import aiohttp
import yarl
from scrapy import Request, signals
from scrapy.core.downloader.handlers.base import BaseDownloadHandler
from scrapy.crawler import Crawler
from scrapy.exceptions import StopDownload
from scrapy.http import Headers, Response
from scrapy.responsetypes import responsetypes
from twisted.python.failure import Failure as TwistedFailure

from imagefetch.body import Bounds, Pace, read_pieces, save, skip
from imagefetch.classify import classify
from imagefetch.dns import PooledResolver
from imagefetch.errors import IncompleteBody, NotAnImage, rejection_of
from imagefetch.meta import FIRST_SENT, PROBLEM, SECONDS, STREAM_TO
from imagefetch.partials import Download, FileResponse

# Bytes that aiohttp holds ready for each connection; four times its default
# saves a tenth of the time on large bodies.
READ_BUFFER = 2**18

# Seconds that an unused connection is kept. Servers close theirs after 5 or
# more; a request sent into one that is just being closed is a wasted attempt.
KEEPALIVE = 4.0

# Seconds that a host's addresses are kept.
DNS_TTL = 300


class StreamingDownloadHandler(BaseDownloadHandler):
    """Handles http and https.

    Settings: CONNECT_TIMEOUT, RESPONSE_TIMEOUT, DOWNLOAD_TIMEOUT, MIN_SPEED,
    MIN_SPEED_WINDOW, DOWNLOAD_MAXSIZE, DNS_NEGATIVE_TTL, CONCURRENT_REQUESTS
    (lookups at once), DOWNLOAD_VERIFY_CERTIFICATES, DOWNLOAD_BIND_ADDRESS (an
    address), DOWNLOAD_FAIL_ON_DATALOSS (for bodies in memory only: a file is
    never partial). Meta: ``download_timeout``, ``download_maxsize``,
    ``download_fail_on_dataloss``, ``proxy``.
    """

    lazy = False
    _numbers = itertools.count()  # one handler a scheme: their files share a folder

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self.settings = settings = crawler.settings
        self.timeout = settings.getfloat("DOWNLOAD_TIMEOUT")
        self.connect_timeout = settings.getfloat("CONNECT_TIMEOUT")
        self.response_timeout = settings.getfloat("RESPONSE_TIMEOUT")
        self.min_speed = settings.getfloat("MIN_SPEED")
        self.window = settings.getfloat("MIN_SPEED_WINDOW")
        self.max_size = settings.getint("DOWNLOAD_MAXSIZE")
        self.fail_on_dataloss = settings.getbool("DOWNLOAD_FAIL_ON_DATALOSS")
        self.bind_address = settings.get("DOWNLOAD_BIND_ADDRESS")
        self.tls = ssl.create_default_context()
        if not settings.getbool("DOWNLOAD_VERIFY_CERTIFICATES"):
            self.tls.check_hostname = False
            self.tls.verify_mode = ssl.CERT_NONE
        self._session: aiohttp.ClientSession | None = None

    @property
    def session(self) -> aiohttp.ClientSession:
        """Made at the first request: before, no event loop runs."""
        if self._session is None:
            threads = self.settings.getint("CONCURRENT_REQUESTS")
            negative_ttl = self.settings.getfloat("DNS_NEGATIVE_TTL")
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=0,  # the scheduler holds the limits
                    ssl=self.tls,
                    keepalive_timeout=KEEPALIVE,
                    resolver=PooledResolver(threads, negative_ttl),
                    ttl_dns_cache=DNS_TTL,
                    local_addr=(self.bind_address, 0) if self.bind_address else None,
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
        headers = request.headers.copy()
        proxy, proxy_headers = _proxy(request, headers)
        async with self.session.request(
            request.method,
            yarl.URL(request.url, encoded=True),  # as Scrapy made it safe, not once more
            data=request.body or None,
            headers=headers.to_tuple_list(),
            allow_redirects=False,
            proxy=proxy,
            proxy_headers=proxy_headers,
            timeout=aiohttp.ClientTimeout(
                total=request.meta.get("download_timeout", self.timeout),
                connect=self.connect_timeout,
                sock_read=self.response_timeout,
            ),
        ) as answer:
            request.meta["download_latency"] = time.monotonic() - begin
            try:
                return await self._receive(request, answer)
            except StopDownload as stop:
                stop.response = _response(request, answer, Download(), ["download_stopped"])
                if stop.fail:
                    raise
                return stop.response

    async def _receive(self, request: Request, answer: aiohttp.ClientResponse) -> Response:
        """Read *answer*'s body to where *request* wants it."""
        received = {"headers": _headers(answer), "body_length": answer.content_length}
        self._tell(signals.headers_received, request, **received)
        async with Pace(self.min_speed, self.window) as pace:
            bounds = Bounds(
                request.meta.get("download_maxsize", self.max_size),
                pace,
                lambda data: self._tell(signals.bytes_received, request, data=data),
            )
            folder: Path | None = request.meta.get(STREAM_TO)
            if folder is None:
                return await self._receive_in_memory(request, answer, bounds)
            if rejection_of(answer.status) is not None:
                await skip(answer, bounds)
                return _response(request, answer, Download())
            try:
                download = await save(answer, folder / str(next(self._numbers)), bounds)
            except NotAnImage as problem:
                request.meta[PROBLEM] = problem
                download = Download()
            return _response(request, answer, download)

    async def _receive_in_memory(
        self, request: Request, answer: aiohttp.ClientResponse, bounds: Bounds
    ) -> Response:
        body = bytearray()
        flags: list[str] = []
        try:
            async for piece in read_pieces(answer, bounds):
                body += piece
        except (aiohttp.ClientPayloadError, IncompleteBody):
            if request.meta.get("download_fail_on_dataloss", self.fail_on_dataloss):
                raise
            flags.append("dataloss")
        except StopDownload as stop:
            stop.response = _response(request, answer, bytes(body), ["download_stopped"])
            if stop.fail:
                raise
            return stop.response
        return _response(request, answer, bytes(body), flags)

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
    except (aiohttp.ClientConnectorError, aiohttp.ServerTimeoutError):
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise classify(error) from error


def _proxy(request: Request, headers: Headers) -> tuple[str | None, dict[str, str] | None]:
    """Return the proxy to go through and the headers for it alone.

    A plain request carries its credentials for the proxy itself; those of one
    that is tunnelled must not reach the server, and are taken out of *headers*.
    """
    proxy: str | None = request.meta.get("proxy")
    if not proxy:
        return None, None
    if "://" not in proxy:
        proxy = f"http://{proxy}"
    if request.url.startswith("http://"):
        return proxy, None
    credentials = headers.pop(b"Proxy-Authorization", None)
    if not credentials:
        return proxy, None
    return proxy, {"Proxy-Authorization": credentials[0].decode("latin-1")}


def _headers(answer: aiohttp.ClientResponse) -> Headers:
    return Headers(list(answer.headers.items()))


def _response(
    request: Request,
    answer: aiohttp.ClientResponse,
    body: bytes | Download,
    flags: list[str] | None = None,
) -> Response:
    common: dict[str, Any] = {
        "url": request.url,
        "status": answer.status,
        "headers": _headers(answer),
        "flags": flags,
        "protocol": answer.version and f"HTTP/{answer.version.major}.{answer.version.minor}",
    }
    if isinstance(body, Download):
        return FileResponse(download=body, **common)
    cls = responsetypes.from_args(headers=common["headers"], url=request.url, body=body)
    return cls(body=body, **common)
