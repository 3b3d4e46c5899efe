"""A Scrapy download handler on aiohttp that streams each body into a file."""

from __future__ import annotations

import time

import aiohttp
import yarl
from scrapy import Request
from scrapy.core.downloader.handlers.base import BaseDownloadHandler
from scrapy.crawler import Crawler
from scrapy.http import Response

from imagefetch import signals
from imagefetch.download.address_guard import Guard, literal_address
from imagefetch.download.connector import KeptConnectionEnded
from imagefetch.download.error_mapping import classify
from imagefetch.download.proxy import route_of
from imagefetch.download.receiver import Receiver
from imagefetch.download.response import FileResponse
from imagefetch.download.session import Sessions
from imagefetch.download.tracing import EVERY, Timing
from imagefetch.errors import ConnectionReset, InvalidURL, ProxyFailure, TLSFailure
from imagefetch.meta import DOWNLOAD, FIRST_SENT, SECONDS, TIMING
from imagefetch.urls import check_host

# Errors for a connection that ended before a response.
HUNG_UP = (ConnectionReset, ProxyFailure, TLSFailure)


class StreamingDownloadHandler(BaseDownloadHandler):
    """Downloads http and https URLs.

    Settings: those of `imagefetch.download.receiver.Receiver` and
    `imagefetch.download.session.Sessions`, CONNECT_TIMEOUT, RESPONSE_TIMEOUT, DOWNLOAD_TIMEOUT,
    ALLOWED_NETWORKS. Meta: ``download_timeout``, ``proxy``, and those of `Receiver`.
    """

    lazy = False

    def __init__(self, crawler: Crawler) -> None:
        """:raises ValueError: if a setting is invalid; its message is one line"""
        super().__init__(crawler)
        settings = crawler.settings
        self.timeout = settings.getfloat("DOWNLOAD_TIMEOUT")
        self.connect_timeout = settings.getfloat("CONNECT_TIMEOUT")
        self.response_timeout = settings.getfloat("RESPONSE_TIMEOUT")
        self.guard = Guard(settings.getlist("ALLOWED_NETWORKS"))
        self.sessions = Sessions(settings, self.guard)
        self.receiver = Receiver(crawler)
        self._count = 0

    async def download_request(self, request: Request) -> Response:
        """Send *request* and return its complete response.

        Sets `FIRST_SENT` (once a line) and `SECONDS` in its meta.

        :raises Failure: if there is no complete response
        :raises LocalError: if this machine lacks resources or its file system fails
        """
        begin = time.monotonic()
        first_sent = request.meta.setdefault(FIRST_SENT, begin)
        if (previous := request.meta.pop(DOWNLOAD, None)) is not None:
            previous.discard()  # a middleware sends the same request again
        try:
            response = await self._download(request, begin)
            if isinstance(response, FileResponse):
                request.meta[DOWNLOAD] = response.download
            return response
        except Exception as error:
            failure = classify(error)
            if failure is error:
                raise
            raise failure from error
        finally:
            request.meta[SECONDS] = time.monotonic() - first_sent

    async def _download(self, request: Request, begin: float) -> Response:
        """Send *request*; once more on a new connection if a reused one ended without response.

        If the server hangs up on the new connection, too, it has read the request: both
        count as attempts. If it responds, the first is taken as unread, as with servers
        that close idle connections without notice.
        """
        retries = request.meta.get("retry_times", 0)
        try:
            # A retry gets a new connection: the old one may have caused the failure.
            return await self._send(request, begin, keep=not retries)
        except KeptConnectionEnded:
            try:
                return await self._send(request, begin, keep=False)
            except HUNG_UP:
                request.meta["retry_times"] = retries + 1
                raise

    async def _send(self, request: Request, begin: float, *, keep: bool) -> Response:
        headers = request.headers.copy()
        route = route_of(request, headers)
        try:
            url = yarl.URL(request.url, encoded=True)  # Scrapy has escaped it already
        except ValueError as error:  # a host that IDNA can't encode and yarl rejects
            raise InvalidURL from error
        check_host(url.raw_host or "")  # for requests that are not from the list, too
        if url.raw_user or url.raw_password:
            # aiohttp takes only Latin-1 credentials from a URL, and no Authorization header then.
            user, password = url.user or "", url.password or ""
            headers["Authorization"] = aiohttp.encode_basic_auth(user, password)
            url = url.with_user(None)
        if literal := literal_address(url.host or ""):
            url = url.with_host(str(literal))  # the only notation that aiohttp accepts
            if route.proxy is not None:
                self.guard.check(literal)  # checked here: the proxy opens the connection
        total = request.meta.get("download_timeout", self.timeout) - (time.monotonic() - begin)
        timing = self._timing() if keep else None
        async with (self.sessions.traced() if timing else self.sessions.get(keep=keep)).request(
            request.method,
            url,
            data=request.body or None,
            headers=headers.to_tuple_list(),
            allow_redirects=False,
            proxy=route.proxy,
            proxy_headers=route.headers,
            timeout=aiohttp.ClientTimeout(
                total=max(total, 0.001),  # 0 would disable it
                connect=self.connect_timeout,
                sock_read=self.response_timeout,
            ),
            trace_request_ctx=timing,
        ) as client_response:
            request.meta["download_latency"] = time.monotonic() - begin
            if timing is None:
                return await self.receiver.receive(request, client_response)
            request.meta[TIMING] = timing
            try:
                response = await self.receiver.receive(request, client_response)
            finally:
                del request.meta[TIMING]
            timing.end()
            self.crawler.signals.send_catch_log(signals.download_timed, timing=timing)
            return response

    def _timing(self) -> Timing | None:
        """Return a `Timing` for one request in `EVERY`, else None."""
        self._count += 1
        return None if self._count % EVERY else Timing()

    async def close(self) -> None:
        await self.sessions.close()
        self.receiver.disk.close()
