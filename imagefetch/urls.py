"""Validates URLs; returns their host, their origin, and a key for equal URLs."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from urllib.parse import urlsplit

from ada_url import idna, normalize_url

from imagefetch.errors import Failure, InvalidURL, UnsupportedScheme
from imagefetch.utils.cells import CUT
from imagefetch.utils.redaction import HIDDEN, hide_credentials_of

MAX_LINE = 65_536  # characters; a longer line is truncated, and is no URL
PORT = r"(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"

# URLs that are sent unchanged, as no part of their path begins with a dot; parsing any other
# takes many times as long.
PLAIN_URL = re.compile(
    rf"https?://([a-z0-9]+(?:[.-][a-z0-9]+)*)(?::{PORT})?/"
    r"[A-Za-z0-9_~/-]*(?:(?<![/.])\.+[A-Za-z0-9_~/-]*)*(?:\?[A-Za-z0-9._~/=&-]+)?"
)

ORIGIN = re.compile(r"https?://[a-z0-9.:-]+(?=[/?#]|$)")

# Most characters of a host name and of a label in it that DNS messages can hold (RFC 1035,
# section 3.1).
MAX_HOST = 253
MAX_LABEL = 63

# Characters up to the path of a URL, from which they are not cached.
LONG = 300

# Fast path for the host of most URLs; parsing one takes several times as long.
HOST = re.compile(r"https?://([a-z0-9.-]+)(?::[0-9]+)?(?=[/?#]|$)")


def is_plain(text: str) -> bool:
    """Return whether *text* is a valid URL that is sent unchanged.

    :raises InvalidURL: if it is only by its characters
    """
    plain = PLAIN_URL.fullmatch(text) if len(text) <= MAX_LINE else None
    if plain is not None and plain.end(1) - plain.start(1) > MAX_LABEL:  # most are shorter
        check_host(plain[1])
    return plain is not None


def request_url(text: str) -> str:
    """Return *text* if it is a URL for a request; `standard_url` is what is sent for it.

    :raises InvalidURL: if it is no absolute URL with a host
    :raises UnsupportedScheme: if its scheme is not http or https
    """
    if is_plain(text):
        return text
    if len(text) > MAX_LINE or CUT in text or any(c < " " or c == "\x7f" for c in text):
        raise InvalidURL
    try:
        parts = urlsplit(text)
        _ = parts.port  # raises ValueError if it is invalid
    except ValueError as error:
        raise InvalidURL from error
    if not parts.scheme or (not parts.netloc and "." in parts.scheme):
        raise InvalidURL  # "example.com:80/a.jpg" has no scheme, despite its colon
    if parts.scheme not in {"http", "https"}:
        raise UnsupportedScheme
    host = (parts.hostname or "").partition("\\")[0]  # a slash, by the URL standard
    if any(c.isspace() or c in '<>"^`{|}%' for c in host):
        raise InvalidURL
    check_host(host)
    return text


def standard_url(text: str) -> str:
    """Return the URL in *text* as the URL standard (WHATWG) writes it.

    The host name is encoded by UTS 46, non-transitional; Scrapy would do so by IDNA 2003, which
    names other hosts. Dot segments are resolved, and backslashes are slashes.

    :raises InvalidURL: if it is no absolute URL with a host
    :raises UnsupportedScheme: if its scheme is not http or https
    """
    if is_plain(text):
        return text
    try:
        return normalize_url(request_url(text))
    except ValueError as error:
        raise InvalidURL from error


def ascii_host(host: str) -> str:
    """Return the host name *host* as it stands in DNS: encoded by UTS 46, non-transitional.

    :raises InvalidURL: if it can't be encoded
    """
    if host.isascii():
        return host
    try:
        return idna.encode(host).decode()
    except ValueError as error:
        raise InvalidURL from error


def check_host(host: str) -> None:
    """Check that *host* is an IPv6 address, or a name whose IDNA encoding is valid in DNS. A
    trailing dot is ignored.

    :raises InvalidURL: if it is neither
    """
    if ":" in host:
        return
    name = ascii_host(host).removesuffix(".")
    if len(name) > MAX_HOST or not all(0 < len(label) <= MAX_LABEL for label in name.split(".")):
        raise InvalidURL


def plain_server(url: str) -> tuple[str | None, str | None]:
    """Return the origin and the host of *url*, each None if only parsing it would tell."""
    end = url.find("/", 8)
    return _plain_server(url[: end + 1]) if 0 < end < LONG else _plain_server.__wrapped__(url)


@lru_cache(4_096)
def _plain_server(url: str) -> tuple[str | None, str | None]:
    origin, host = ORIGIN.match(url), HOST.match(url)
    return origin and origin[0], host and host[1]


def host_of(url: str) -> str:
    """Return the host of *url*, or "no host"."""
    if host := plain_server(url)[1]:
        return host
    try:
        return urlsplit(url).hostname or "no host"
    except ValueError:
        return "no host"


def origin_of(url: str) -> str | None:
    """Return the origin of *url*, ``http://a.example:80``; None if it has none."""
    if origin := plain_server(url)[0]:
        return origin
    try:
        parts = urlsplit(url if url.isascii() and "\\" not in url else sent_url(url) or url)
    except ValueError:
        return None
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}" if parts.scheme and host else None


def key_of(url: str) -> bytes:
    """Return a hash of *url* without its fragment, which is not sent: the key of duplicates.

    It has 128 bits: among 10 million URLs the probability of any collision is 1e-25.
    """
    return hashlib.blake2b(url.partition("#")[0].encode(), digest_size=16).digest()


def sent_url(text: str) -> str | None:
    """Return the URL of the request for a line's *text*; None if there is none."""
    if PLAIN_URL.fullmatch(text):
        return text
    from scrapy import Request  # imported here: a subprocess that renders a page needs none

    try:
        return Request(standard_url(text)).url.partition("#")[0]
    except (Failure, ValueError):
        return None


def shown(address: str) -> str:
    """Return the URL *address* for display, without user, password and query."""
    base, mark, _ = hide_credentials_of(address).partition("#")[0].partition("?")
    return base.replace(f"{HIDDEN}@", "", 1) + (f"?{HIDDEN}" if mark else "")
