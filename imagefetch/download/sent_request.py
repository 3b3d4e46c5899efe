"""Converts Scrapy requests to what libcurl sends."""

from __future__ import annotations

import base64
import re
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import pycurl
from scrapy import Request
from scrapy.http import Headers

from imagefetch.download.address_guard import Address, literal_address
from imagefetch.download.easy_handle import Options
from imagefetch.errors import InvalidURL
from imagefetch.urls import MAX_LABEL, check_host

PORTS = {"http": 80, "https": 443}

# URLs whose parts need no decoding, with a host that is no address in any notation; parsing
# others takes several times as long.
PLAIN = re.compile(
    r"(https?)://((?:[a-z0-9-]+\.)*[a-z][a-z0-9-]*)(?::([0-9]{1,5}))?(/[!-\"$-~]*)?(?:#.*)?"
)

# Headers that libcurl adds unless they are given without a value.
UNASKED = {b"accept": b"Accept:", b"content-type": b"Content-Type:", b"expect": b"Expect:"}

# What would end a header, or a part of it.
UNSAFE = re.compile(rb"[\r\n\0]")


class Place(NamedTuple):
    """A URL, as it is connected to and requested."""

    scheme: str
    host: str
    """A name in ASCII, or an address in its usual notation."""
    port: int
    target: str
    """Path and query."""
    literal: Address | None
    """The address that the host is, if it is no name."""
    authorization: bytes | None
    """For the credentials in the URL."""

    @property
    def origin(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}/"

    @property
    def url(self) -> str:
        """The URL in the request to a proxy."""
        port = "" if PORTS[self.scheme] == self.port else f":{self.port}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}{port}{self.target}"


def place_of(url: str) -> Place:
    """Return the parts of *url*, which Scrapy has escaped.

    :raises InvalidURL: if its host can't exist
    """
    if (plain := PLAIN.fullmatch(url)) and len(plain[2]) <= MAX_LABEL:
        scheme, host, port, target = plain.groups()
        return Place(scheme, host, int(port or PORTS[scheme]), target or "/", None, None)
    try:
        parts = urlsplit(url)
        port_number = parts.port or PORTS[parts.scheme]
        host = parts.hostname or ""
        if not host.isascii():
            host = host.encode("idna").decode()
    except (ValueError, KeyError) as error:  # UnicodeError is a ValueError
        raise InvalidURL from error
    check_host(host)  # for requests that are not from the list, too
    literal = literal_address(host)
    target = (parts.path or "/") + (f"?{parts.query}" if "?" in url.partition("#")[0] else "")
    if not host or not target.isascii() or re.search(r"[\0- \x7f]", target):
        raise InvalidURL
    return Place(
        parts.scheme,
        host.rstrip(".") if literal is None else str(literal),
        port_number,
        target,
        literal,
        _authorization(parts.username, parts.password),
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
