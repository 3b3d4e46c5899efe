"""Converts Scrapy requests to what libcurl sends."""

from __future__ import annotations

import base64
import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import pycurl
from scrapy import Request
from scrapy.http import Headers

from imagefetch.download.addresses.address_guard import Address, literal_address
from imagefetch.download.curl.transfer import Options
from imagefetch.errors import InvalidURL
from imagefetch.urls import ascii_host, check_host

PORTS = {"http": 80, "https": 443}

# The part of a URL that names the server.
SERVER = re.compile(r"[^:/?#]*://[^/?#]*")

TARGET = re.compile(r"/[!-~]*")

# Headers that libcurl adds unless they are given without a value.
UNASKED = {b"accept": b"Accept:", b"content-type": b"Content-Type:", b"expect": b"Expect:"}

# What would end a header, or a part of it.
UNSAFE = re.compile(rb"[\r\n\0]")


class Server(NamedTuple):
    """The server of a URL, as it is connected to."""

    scheme: str
    host: str
    """A name in ASCII, or an address in its usual notation."""
    port: int
    literal: Address | None
    """The address that the host is, if it is no name."""
    authorization: bytes | None
    """For the credentials in the URL."""
    origin: str
    """Scheme, host and port: ``https://a.example:443/``."""

    def url(self, target: str) -> str:
        """Return the URL in the request for *target* to a proxy."""
        default = "" if PORTS[self.scheme] != self.port else f":{self.port}"
        return self.origin[:-1].removesuffix(default) + target


def server_and_target(url: str) -> tuple[Server, str]:
    """Return the server, and the path and query, of *url*, which Scrapy has escaped.

    :raises InvalidURL: if the host can't exist
    """
    if not (server := SERVER.match(url)):
        raise InvalidURL
    target = url[server.end() :].partition("#")[0]
    if not target.startswith("/"):
        target = f"/{target}"
    if not TARGET.fullmatch(target):
        raise InvalidURL
    return _server_of(server[0]), target


@lru_cache(1_024)
def _server_of(server: str) -> Server:
    """:raises InvalidURL: if the host can't exist"""
    try:
        parts = urlsplit(server)
        port = parts.port or PORTS[parts.scheme]
        host = parts.hostname or ""
    except (ValueError, KeyError) as error:
        raise InvalidURL from error
    host = ascii_host(host)
    check_host(host)  # for requests that are not from the list, too
    literal = literal_address(host)
    host = host.rstrip(".") if literal is None else str(literal)
    if not host:
        raise InvalidURL
    shown = f"[{host}]" if ":" in host else host
    return Server(
        parts.scheme,
        host,
        port,
        literal,
        _authorization(parts.username, parts.password),
        f"{parts.scheme}://{shown}:{port}/",
    )


def _authorization(user: str | None, password: str | None) -> bytes | None:
    if not (user or password):
        return None
    pair = f"{unquote(user or '')}:{unquote(password or '')}"
    return b"Basic " + base64.b64encode(pair.encode())


def header_lines(headers: Headers, authorization: bytes | None) -> tuple[bytes, ...]:
    """Return *headers* as libcurl takes them; *authorization* replaces that of *headers*."""
    lines = []
    missing = {**UNASKED}
    for name, values in dict.items(headers):
        lower = name.lower()
        missing.pop(lower, None)
        if authorization is not None and lower == b"authorization":
            continue
        for value in values:
            # A name with a semicolon is libcurl's notation for an empty value.
            line = name + b": " + value if value else name + b";"
            lines.append(UNSAFE.sub(b" ", line))
    if authorization is not None:
        lines.append(b"Authorization: " + authorization)
    lines += missing.values()
    return tuple(lines)


def method_options(request: Request) -> Options:
    """Return the options for the method and body of *request*; none for a plain GET."""
    method, body = request.method, request.body
    if method == "GET" and not body:
        return ()
    if method == "HEAD":
        return ((pycurl.NOBODY, 1),)
    options: Options = ((pycurl.CUSTOMREQUEST, method),)
    if body:
        options = ((pycurl.POSTFIELDS, body), *options)
    elif method in {"POST", "PUT", "PATCH"}:
        options = ((pycurl.POSTFIELDS, b""), *options)
    return options
