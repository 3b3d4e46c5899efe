"""A Scrapy download handler on libcurl that streams each body into a file."""

from __future__ import annotations

import time

import pycurl
from scrapy import Request
from scrapy.core.downloader.handlers.base import BaseDownloadHandler
from scrapy.crawler import Crawler
from scrapy.http import Response

from imagefetch import signals
from imagefetch.download.addresses.address_guard import Guard
from imagefetch.download.addresses.lookup import Lookup
from imagefetch.download.addresses.proxy import EnvironmentProxies, Route, route_of
from imagefetch.download.addresses.proxy_health import ProxyHealth
from imagefetch.download.curl import malformed_responses
from imagefetch.download.curl.deadlines import Deadline
from imagefetch.download.curl.transfer import Transfer
from imagefetch.download.curl.transfer_error import KeptConnectionEnded, error_of
from imagefetch.download.receiver import Receiver
from imagefetch.download.reception import Reception
from imagefetch.download.response import FileResponse
from imagefetch.download.sent_request import header_lines, method_options, server_and_target
from imagefetch.download.session import session_of
from imagefetch.download.tracing import EVERY, Timing
from imagefetch.errors import (
    BadHTTP,
    CertificateExpired,
    CertificateInvalid,
    CertificateUntrusted,
    CertificateWrongHost,
    ConnectionReset,
    ProxyFailure,
    TLSFailure,
)
from imagefetch.meta import DOWNLOAD, FIRST_SENT, SECONDS, TIMING
from imagefetch.utils.processes.taskless import in_task

# Errors for a connection that ended before a response.
HUNG_UP = (ConnectionReset, ProxyFailure, TLSFailure)

CERTIFICATE = (CertificateExpired, CertificateUntrusted, CertificateInvalid)

# Safe methods, which may be sent twice (RFC 9110, section 9.2.1).
SAFE = {"GET", "HEAD", "OPTIONS", "TRACE"}


class StreamingDownloadHandler(BaseDownloadHandler):
    """Downloads http and https URLs.

    Settings: those of `imagefetch.download.receiver.Receiver` and
    `imagefetch.download.session.Session`, ALLOWED_NETWORKS. Meta: ``download_timeout``,
    ``proxy``, and those of `Receiver`.
    """

    lazy = False
    is_taskless = True
    """Whether `download_request` may run without a task (`imagefetch.engine.downloader`)."""
    reception_class = Reception
    """Receives a response."""

    def __init__(self, crawler: Crawler) -> None:
        """:raises ValueError: if a setting is invalid; its message is one line"""
        super().__init__(crawler)
        self.guard = Guard(crawler.settings.getlist("ALLOWED_NETWORKS"))
        self.session = session_of(crawler)
        self.lookup = Lookup(self.session, self.guard)
        self.receiver = Receiver(crawler, self.session.interrupted)
        self.proxies = EnvironmentProxies(enabled=crawler.settings.getbool("HTTPPROXY_ENABLED"))
        self.proxy_health = ProxyHealth(crawler.settings)
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
            response = await self._download(request)
            if isinstance(response, FileResponse):
                request.meta[DOWNLOAD] = response.download
            return response
        finally:
            request.meta[SECONDS] = time.monotonic() - first_sent

    async def _download(self, request: Request) -> Response:
        """Send *request*; once more on a new connection if a reused one ended without response.

        If the server hangs up on the new connection, too, it has read the request: both
        count as attempts. If it responds, the first is taken as unread, as with servers
        that close idle connections without notice.
        """
        begin = self.session.client.time()
        retries = request.meta.get("retry_times", 0)
        try:
            # A retry gets a new connection: the old one may have caused the failure.
            return await self._send(request, begin, keep=not retries)
        except KeptConnectionEnded as ended:
            if request.method not in SAFE:
                raise ConnectionReset from ended
            try:
                return await self._send(request, begin, keep=False)
            except HUNG_UP:
                request.meta["retry_times"] = retries + 1
                raise

    async def _send(self, request: Request, begin: float, *, keep: bool) -> Response:
        headers = request.headers
        proxy = self.proxies.address_of(request)
        if proxy or b"Proxy-Authorization" in headers:
            headers = headers.copy()
        route = route_of(request, headers, proxy)
        server, target = server_and_target(request.url)
        if server.literal is not None and route.proxy is not None:
            self.guard.check(server.literal)  # checked here: the proxy opens the connection
        total_by = begin + request.meta.get("download_timeout", self.session.timeout)
        limits = self.session.limits
        deadline = Deadline(limits, begin, begin + limits.connect, total_by)
        timing = self._timing() if keep else None
        try:
            resolve, dns = await self.lookup.resolve(server, route.proxy, deadline, keep=keep)
        except ProxyFailure as failure:
            assert route.proxy is not None
            raise self.proxy_health.failure(route.proxy) from failure
        if timing is not None:
            timing.dns = dns
            request.meta[TIMING] = timing
        reception = self.reception_class(self.receiver, request)
        options = method_options(request)
        transfer = Transfer(
            server.origin,
            target if route.is_tunnel or route.proxy is None else server.url(target),
            header_lines(reception.asking(headers), server.authorization),
            (*route.options, *options),
            resolve,
            None if route.proxy is not None else self.guard,
            keep,
            reception,
        )
        try:
            return await self._perform(transfer, deadline, route, timing, reception)
        except BaseException:
            await reception.abandon()
            raise
        finally:
            request.meta.pop(TIMING, None)

    async def _perform(
        self,
        transfer: Transfer,
        deadline: Deadline,
        route: Route,
        timing: Timing | None,
        reception: Reception,
    ) -> Response:
        client = self.session.client
        handle, code = await client.perform(transfer, deadline)
        error = error_of(handle, code, to_proxy=route.proxy is not None, tunnel=route.is_tunnel)
        if route.proxy is not None:
            error = self.proxy_health.checked(route.proxy, handle, code, error)
        is_refused = self.session.certificate_names.is_refused(handle)
        if timing is not None and error is None:
            timing.end(handle.easy, is_new=handle.connection.is_new)
        again = isinstance(error, BadHTTP) and malformed_responses.is_acceptable(handle, code)
        if transfer.options == route.options:  # else it would keep the method
            client.release(handle)
            if again and (route.proxy is None or route.is_tunnel):
                meta = reception.request.meta
                meta["retry_times"] = meta.get("retry_times", 0) + 1  # it is sent twice
                resent = malformed_responses.perform(client, transfer, deadline)
                error = await in_task(resent)
        if isinstance(error, CertificateWrongHost):
            error = await self._certificate_error(transfer, deadline, route)
        elif is_refused:
            error = CertificateWrongHost()
        response = await reception.finish(error)
        if timing is not None:
            self.crawler.signals.send_catch_log(signals.download_timed, timing=timing)
        return response

    async def _certificate_error(
        self, transfer: Transfer, deadline: Deadline, route: Route
    ) -> Exception:
        """Return the error of a certificate for another host.

        libcurl checks its names first. A certificate that is not trusted or has expired as well
        has that error: a second connection, on which nothing is sent, tells.
        """
        options = (*transfer.options, (pycurl.SSL_VERIFYHOST, 0))
        handshake = transfer._replace(options=options, keep=False, handshake_only=True)
        handle, code = await self.session.client.perform(handshake, deadline)
        tunnel = route.is_tunnel
        error = error_of(handle, code, to_proxy=route.proxy is not None, tunnel=tunnel)
        return error if isinstance(error, CERTIFICATE) else CertificateWrongHost()

    def _timing(self) -> Timing | None:
        """Return a `Timing` for one request in `EVERY`, else None."""
        self._count += 1
        return None if self._count % EVERY else Timing()

    async def close(self) -> None:
        self.session.close()
        self.receiver.disk.close()
