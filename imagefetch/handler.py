"""The download handler: aiohttp, every body streamed into a file as it arrives."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
from functools import cache
from typing import Any, cast

import aiohttp
import yarl
from scrapy import Request
from scrapy.core.downloader.handlers.base import BaseDownloadHandler
from scrapy.crawler import Crawler
from scrapy.http import Response

from imagefetch import signals
from imagefetch.classify import classify
from imagefetch.connector import Connector, KeptConnectionEnded
from imagefetch.dns import PooledResolver
from imagefetch.errors import ConnectionReset, ProxyFailure, TLSFailure
from imagefetch.guard import Guard, literal_address
from imagefetch.meta import FIRST_SENT, SECONDS, TIMING
from imagefetch.proxy import route_of
from imagefetch.receive import Receiver
from imagefetch.timing import EVERY, Timing, tracing

# Bytes that aiohttp holds ready for each connection; four times its default
# saves a tenth of the time on large bodies.
READ_BUFFER = 2**18

# Seconds that an unused connection is kept. Servers close theirs after 5 or
# more; a request sent into one that is just being closed is a wasted attempt.
KEEPALIVE = 4.0

# Seconds that a host's addresses are kept.
DNS_TTL = 300

# What the end of a connection is called, before an answer came.
HUNG_UP = (ConnectionReset, ProxyFailure, TLSFailure)


class StreamingDownloadHandler(BaseDownloadHandler):
    """Handles http and https.

    Settings: those of `imagefetch.receive.Receiver`, CONNECT_TIMEOUT,
    RESPONSE_TIMEOUT, DOWNLOAD_TIMEOUT, DNS_NEGATIVE_TTL, CONCURRENT_REQUESTS
    (lookups at once), ALLOWED_NETWORKS, DOWNLOAD_VERIFY_CERTIFICATES,
    DOWNLOAD_BIND_ADDRESS (an address). Meta: ``download_timeout``, ``proxy``,
    and `Receiver`'s.
    """

    lazy = False

    def __init__(self, crawler: Crawler) -> None:
        """:raises ValueError: for a setting that can't be, in one line"""
        super().__init__(crawler)
        settings = crawler.settings
        self.timeout = settings.getfloat("DOWNLOAD_TIMEOUT")
        self.connect_timeout = settings.getfloat("CONNECT_TIMEOUT")
        self.response_timeout = settings.getfloat("RESPONSE_TIMEOUT")
        self.negative_ttl = settings.getfloat("DNS_NEGATIVE_TTL")
        # Twice as many: one whose request timed out may still be under way.
        self.lookups = 2 * settings.getint("CONCURRENT_REQUESTS")
        self.bind_address = bind_address(settings.get("DOWNLOAD_BIND_ADDRESS"))
        self.guard = Guard(settings.getlist("ALLOWED_NETWORKS"))
        self.tls = tls_context(settings.getbool("DOWNLOAD_VERIFY_CERTIFICATES"))
        self.receiver = Receiver(crawler)
        self._resolver: PooledResolver | None = None
        self._sessions: dict[bool, aiohttp.ClientSession] = {}
        self._traced: aiohttp.ClientSession | None = None
        self._count = 0

    def traced(self) -> aiohttp.ClientSession:
        """Return the session whose requests each bring a `Timing`; its connections are those
        that are kept."""
        if self._traced is None:
            self._traced = self._session(
                cast("Connector", self.session(keep=True).connector),
                connector_owner=False,
                trace_configs=[tracing()],
            )
        return self._traced

    def session(self, *, keep: bool) -> aiohttp.ClientSession:
        """Return the session whose connections are kept, or the one whose aren't.

        Made at the first request: before, no event loop runs.
        """
        if keep not in self._sessions:
            if self._resolver is None:
                self._resolver = PooledResolver(self.lookups, self.negative_ttl)
            connector = Connector(
                self.guard,
                limit=0,  # the scheduler holds the limits
                ssl=self.tls,
                resolver=self._resolver,
                ttl_dns_cache=DNS_TTL,
                local_addr=(self.bind_address, 0) if self.bind_address else None,
                **({"keepalive_timeout": KEEPALIVE} if keep else {"force_close": True}),
            )
            self._sessions[keep] = self._session(connector)
        return self._sessions[keep]

    @staticmethod
    def _session(connector: Connector, **options: Any) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            read_bufsize=READ_BUFFER,
            middlewares=(connector.send_once,),
            skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent", "Content-Type"),
            **options,
        )

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
        url = yarl.URL(request.url, encoded=True)  # as Scrapy made it safe, not once more
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
        async with (self.traced() if timing else self.session(keep=keep)).request(
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
        if self._traced is not None:
            await self._traced.close()
        for session in self._sessions.values():
            await session.close()
        self.receiver.disk.close()


@cache
def tls_context(verify: bool) -> ssl.SSLContext:
    """Return what https connections are made with; made once, for it reads every authority."""
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def bind_address(value: object) -> str | None:
    """Return DOWNLOAD_BIND_ADDRESS as the address that connections come from.

    :raises ValueError: if it is no address of this machine's
    """
    if not value:
        return None
    address = value[0] if isinstance(value, tuple) and value[1:] == (0,) else value
    try:
        family = (
            socket.AF_INET6 if ipaddress.ip_address(str(address)).version == 6 else socket.AF_INET
        )
        with socket.socket(family) as probe:
            probe.bind((address, 0))
    except (ValueError, OSError) as error:
        raise ValueError(
            f"setting DOWNLOAD_BIND_ADDRESS = {value!r}: must be an IP address of this machine's"
        ) from error
    return str(address)
