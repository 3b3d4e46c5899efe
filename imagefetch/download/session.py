"""Holds what all requests of a run share: the client of libcurl, its options and the resolver."""

from __future__ import annotations

import ipaddress
import socket
from weakref import WeakKeyDictionary

import pycurl
from scrapy.crawler import Crawler
from scrapy.settings import BaseSettings

from imagefetch.download.addresses.resolver import Addresses, PooledResolver
from imagefetch.download.bodies import body
from imagefetch.download.bodies.interrupted import InterruptedBodies
from imagefetch.download.curl.certificate_names import CertificateNames
from imagefetch.download.curl.client import CurlClient
from imagefetch.download.curl.deadlines import Limits
from imagefetch.download.curl.tls import http_options, tls_options
from imagefetch.download.curl.transfer import Options
from imagefetch.utils.processes.descriptors import share


class Session:
    """The client of libcurl and the resolver of a run.

    They are created at the run's first request: before, no event loop runs.

    Settings: CONCURRENT_REQUESTS (for concurrent lookups and idle connections),
    DNS_NEGATIVE_TTL, CONNECT_TIMEOUT, RESPONSE_TIMEOUT, MIN_SPEED, MIN_SPEED_WINDOW,
    DOWNLOAD_TIMEOUT, DOWNLOAD_BIND_ADDRESS (an address), HTTP_VERSION, those of
    `imagefetch.download.curl.tls.tls_options`.
    """

    def __init__(self, settings: BaseSettings) -> None:
        """:raises ValueError: if a setting is invalid; its message is one line"""
        self.limits = Limits(
            settings.getfloat("CONNECT_TIMEOUT"),
            settings.getfloat("RESPONSE_TIMEOUT"),
            settings.getfloat("MIN_SPEED"),
            settings.getfloat("MIN_SPEED_WINDOW"),
        )
        self.timeout = settings.getfloat("DOWNLOAD_TIMEOUT")
        self.certificate_names = CertificateNames()
        self.interrupted = InterruptedBodies(self.timeout)
        self.users = 0
        """The handlers that use it."""
        self._options = (
            *tls_options(settings),
            *http_options(settings),
            *bind_options(settings),
        )
        self._negative_ttl = settings.getfloat("DNS_NEGATIVE_TTL")
        requests = settings.getint("CONCURRENT_REQUESTS")
        # Twice as many: the lookup of a request that timed out may still be in flight.
        self._lookups = 2 * requests
        self.most_connections = sum(share(requests))
        """Beyond it, the connections that were idle longest are closed."""
        self._client: CurlClient | None = None
        self._addresses: dict[bool, Addresses] = {}

    @property
    def client(self) -> CurlClient:
        if self._client is None:
            interval = self.limits.interval(self.timeout, body.UNWANTED_SECONDS)
            self._client = CurlClient(self._options, self.most_connections, interval)
        return self._client

    def addresses(self, *, keep: bool) -> Addresses:
        """Return the cache of addresses for requests that reuse connections, or for retries: an
        address that failed may have been replaced."""
        if not self._addresses:
            resolver = PooledResolver(self._lookups, self._negative_ttl)
            self._addresses = {each: Addresses(resolver) for each in (True, False)}
        return self._addresses[keep]

    def close(self) -> None:
        """Close the client, once the last of the handlers that share it calls this."""
        self.users -= 1
        if not self.users:
            self.interrupted.clear()
            if self._client is not None:
                self._client.close()
                self._client = None


_sessions: WeakKeyDictionary[Crawler, Session] = WeakKeyDictionary()


def session_of(crawler: Crawler) -> Session:
    """Return the session of *crawler*, which the handlers of all schemes share.

    :raises ValueError: if a setting is invalid; its message is one line
    """
    if (session := _sessions.get(crawler)) is None or not session.users:
        session = _sessions[crawler] = Session(crawler.settings)
    session.users += 1
    return session


def bind_options(settings: BaseSettings) -> Options:
    """Return the option for the source address of connections, DOWNLOAD_BIND_ADDRESS.

    :raises ValueError: if it is not an address of this machine
    """
    value = settings.get("DOWNLOAD_BIND_ADDRESS")
    if not value:
        return ()
    address = value[0] if isinstance(value, tuple) and value[1:] == (0,) else value
    try:
        family = (
            socket.AF_INET6 if ipaddress.ip_address(str(address)).version == 6 else socket.AF_INET
        )
        with socket.socket(family) as probe:
            probe.bind((address, 0))
    except (ValueError, OSError) as error:
        raise ValueError(
            f"setting DOWNLOAD_BIND_ADDRESS = {value!r}: must be an IP address of this machine"
        ) from error
    return ((pycurl.INTERFACE, f"host!{address}"),)
