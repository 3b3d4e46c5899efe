"""The download handler: aiohttp, every body streamed into a file as it arrives."""

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

# What the end of a connection is called, before an answer came.
HUNG_UP = (ConnectionReset, ProxyFailure, TLSFailure)


class StreamingDownloadHandler(BaseDownloadHandler):
    """Handles http and https.

    Settings: those of `imagefetch.download.receiver.Receiver` and
    `imagefetch.download.session.Sessions`, CONNECT_TIMEOUT, RESPONSE_TIMEOUT, DOWNLOAD_TIMEOUT,
    ALLOWED_NETWORKS. Meta: ``download_timeout``, ``proxy``, and `Receiver`'s.
    """

    lazy = False

    def __init__(self, crawler: Crawler) -> None:
        """:raises ValueError: for a setting that can't be, in one line"""
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
        """Fetch *request*'s whole answer.

        Sets `FIRST_SENT` (once a line) and `SECONDS` in its meta.

        :raises Failure: if no whole answer was had
        :raises LocalError: if this machine can't go on
        """
        begin = time.monotonic()
        first_sent = request.meta.setdefault(FIRST_SENT, begin)
        if (refused := request.meta.pop(DOWNLOAD, None)) is not None:
            refused.discard()  # a middleware has the same asked for again
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
        """Send *request*; once more where a kept connection may not have taken it.

        Was it read? If its server hangs up on a new connection too, it was: both
        are attempts. If it answers, the first is taken for unread, as with a
        server that closes its connections without saying so.
        """
        retries = request.meta.get("retry_times", 0)
        try:
            # A retry gets a connection of its own: what failed may be the old one's fault.
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
            url = yarl.URL(request.url, encoded=True)  # as Scrapy made it safe, not once more
        except ValueError as error:  # a host that IDNA can't encode, and yarl not take as it is
            raise InvalidURL from error
        check_host(url.raw_host or "")  # whatever the request was made of
        if url.raw_user or url.raw_password:
            # Done here: of a URL aiohttp takes Latin-1 alone, and no other Authorization beside.
            user, password = url.user or "", url.password or ""
            headers["Authorization"] = aiohttp.encode_basic_auth(user, password)
            url = url.with_user(None)
        if literal := literal_address(url.host or ""):
            url = url.with_host(str(literal))  # of the ways to write it, aiohttp takes this alone
            if route.proxy is not None:
                self.guard.check(literal)  # it is the proxy that will connect
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
                total=max(total, 0.001),  # 0 would be none
                connect=self.connect_timeout,
                sock_read=self.response_timeout,
            ),
            trace_request_ctx=timing,
        ) as answer:
            request.meta["download_latency"] = time.monotonic() - begin
            if timing is None:
                return await self.receiver.receive(request, answer)
            request.meta[TIMING] = timing
            try:
                response = await self.receiver.receive(request, answer)
            finally:
                del request.meta[TIMING]
            timing.end()
            self.crawler.signals.send_catch_log(signals.download_timed, timing=timing)
            return response

    def _timing(self) -> Timing | None:
        """Return what one request in `EVERY` is given."""
        self._count += 1
        return None if self._count % EVERY else Timing()

    async def close(self) -> None:
        await self.sessions.close()
        self.receiver.disk.close()
