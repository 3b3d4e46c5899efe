"""The list: a text file, one URL a line, read lazily."""

from __future__ import annotations

import codecs
import gzip
import io
import re
import stat
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple
from urllib.parse import urlsplit

from imagefetch.errors import BadInput, InvalidURL, UnsupportedScheme
from imagefetch.lists.kept_copy import is_kept_list
from imagefetch.output.own_files import LOOKED_AT
from imagefetch.utils.cells import CELL_MAX, CUT, fitting

MAX_LINE = 65_536  # characters; what exceeds them is cut off, and the line is no URL
SNIFF = 4_096  # bytes read to tell text from binary files, and one encoding from another

# UTF-32 stands first: its little-endian mark begins with that of UTF-16.
BYTE_ORDER_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}

PORT = r"(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"

# URLs that Scrapy sends as they are; to look into any other costs many
# times as much.
PLAIN_URL = re.compile(
    rf"https?://([a-z0-9]+(?:[.-][a-z0-9]+)*)(?::{PORT})?/[A-Za-z0-9._~/-]*"
    r"(?:\?[A-Za-z0-9._~/=&-]+)?"
)

SITE = re.compile(r"https?://[a-z0-9.:-]+(?=[/?#]|$)")

# Characters of a host name, and of a label in it: what DNS messages can hold (RFC 1035,
# section 3.1).
MAX_HOST = 253
MAX_LABEL = 63

# Most URLs tell their host at a glance; to parse one costs several times as much.
HOST = re.compile(r"https?://([a-z0-9.-]+)(?::[0-9]+)?(?=[/?#]|$)")

# A list whose lines each begin with the number that they have in another, of
# which it is a part, and a tab.
SHARD_SUFFIX = ".shard"
SHARD_LINE = re.compile(r"([0-9]{1,18})\t(.*)\n?")

# What reading a list may raise after its beginning was found good.
READ_ERRORS = (OSError, EOFError, zlib.error)


class Line(NamedTuple):
    """A line that names an image."""

    number: int
    """Its place in the list, from 1, blank lines and comments counted; in a shard, its place
    in the list that the shard is of."""
    text: str
    """The line, stripped."""


def read_lines(path: Path) -> Iterator[Line]:
    """Yield the list's lines but for blank ones and those that begin with ``#``.

    Understood: UTF-8, UTF-16 and UTF-32 with or (UTF-8, UTF-16) without a byte
    order mark, any line end, ``.gz`` by name, copies that `imagefetch.lists.copy`
    made. Bytes that are not in the encoding become U+FFFD, which `request_url`
    refuses: they cost their line alone. A shard (by name) is UTF-8, as
    `shard_line` writes it.

    :raises BadInput: if the list can't be opened or is no text
    :raises OSError, EOFError, zlib.error: if it breaks off amid reading
    """
    if is_shard(path):
        yield from _read_shard(path)
        return
    with _open(path) as file:
        number = 0
        while part := file.readline(MAX_LINE + 1):
            number += 1
            text = part.strip()
            if len(part) > MAX_LINE and not part.endswith("\n"):
                text += CUT
                while (part := file.readline(MAX_LINE)) and not part.endswith("\n"):
                    pass
            if text and not text.startswith("#"):
                yield Line(number, fitting(text))  # rows are found again by it


def is_shard(path: Path) -> bool:
    """Whether the list *path* is a part of another."""
    return path.suffix == SHARD_SUFFIX


def shard_line(line: Line) -> bytes:
    """Return *line* as a shard holds it."""
    return f"{line.number}\t{line.text}\n".encode()


def _read_shard(path: Path) -> Iterator[Line]:
    with _open(path) as file:
        place = 0
        while raw := file.readline(CELL_MAX + 20):
            place += 1
            found = SHARD_LINE.fullmatch(raw)
            if found is None:
                raise BadInput(f"{path}: line {place} is none of a shard's: number, tab, URL")
            yield Line(int(found[1]), found[2])


def check_list(path: Path) -> None:
    """Make sure that *path* holds a list with at least one line.

    :raises BadInput: naming the path and what is wrong with it
    """
    try:
        if next(read_lines(path), None) is None:
            raise BadInput(f"{path}: no URL in the list; write one a line")
    except READ_ERRORS as error:
        raise BadInput(f"{path}: can't be read as a list of URLs: {error}") from error


def check_beginning(head: bytes, source: str) -> None:
    """:raises BadInput: if nothing that begins with *head* is a list, which is from *source*"""
    _encoding(head, source)


def request_url(text: str) -> str:
    """Return *text* if a request can be made of it.

    :raises InvalidURL: if it is no absolute URL with a host
    :raises UnsupportedScheme: if its scheme is not http or https
    """
    if len(text) <= MAX_LINE and (plain := PLAIN_URL.fullmatch(text)):
        if plain.end(1) - plain.start(1) > MAX_LABEL:  # most are shorter
            check_host(plain[1])
        return text
    if len(text) > MAX_LINE or CUT in text or any(c < " " or c == "\x7f" for c in text):
        raise InvalidURL
    try:
        parts = urlsplit(text)
        _ = parts.port  # raises if it is no port
    except ValueError as error:
        raise InvalidURL from error
    if not parts.scheme or (not parts.netloc and "." in parts.scheme):
        raise InvalidURL  # "example.com:80/a.jpg" has no scheme, whatever its colon says
    if parts.scheme not in {"http", "https"}:
        raise UnsupportedScheme
    host = parts.hostname or ""
    if any(c.isspace() or c in '<>"^`{|}\\%' for c in host):
        raise InvalidURL
    check_host(host)
    return text


def check_host(host: str) -> None:
    """Make sure that *host* is an IPv6 address, or a name that the DNS allows for, once IDNA
    has encoded it. A trailing dot counts for nothing.

    :raises InvalidURL: if it is neither
    """
    if ":" in host:
        return
    try:
        name = (host if host.isascii() else host.encode("idna").decode()).removesuffix(".")
    except UnicodeError as error:
        raise InvalidURL from error
    if len(name) > MAX_HOST or not all(0 < len(label) <= MAX_LABEL for label in name.split(".")):
        raise InvalidURL


def _open(path: Path) -> IO[str]:
    """Open the list as text, line ends translated."""
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):  # it is read more than once
            raise BadInput(
                f"{path}: is no regular file; give the list on standard input, with -a urls=-"
            )
        binary = gzip.open(path) if _is_gzipped(path) else path.open("rb")
    except FileNotFoundError:
        raise BadInput(f"{path}: no such list; name one with -a urls=PATH") from None
    except IsADirectoryError:
        raise BadInput(f"{path}: is a folder; name a list of URLs with -a urls=PATH") from None
    except OSError as error:
        raise BadInput(f"{path}: can't be opened: {error.strerror}") from error
    try:
        encoding = "utf-8" if is_shard(path) else _encoding(binary.read(SNIFF), path)
        binary.seek(0)
    except BaseException:
        binary.close()
        raise
    return io.TextIOWrapper(binary, encoding, errors="replace")


def _is_gzipped(path: Path) -> bool:
    if path.suffix == ".gz":
        return True
    with path.open("rb") as file:  # a copy has another name until it is kept
        return is_kept_list(file.read(LOOKED_AT))


def _encoding(head: bytes, path: Path | str) -> str:
    for mark, encoding in BYTE_ORDER_MARKS.items():
        if head.startswith(mark):
            return encoding
    if head.startswith(b"\x1f\x8b"):
        raise BadInput(f"{path}: is compressed; give it a name that ends in .gz")
    zeros = head.count(0)
    if zeros > len(head) / 10:
        # Text of URLs in UTF-16 has a zero in nearly every other byte, and in no other.
        if head[1::2].count(0) == zeros:
            return "utf-16-le"
        if head[0::2].count(0) == zeros:
            return "utf-16-be"
    elif not zeros or _is_utf8(head):
        return "utf-8"
    raise BadInput(f"{path}: is no text file; a list holds one URL a line")


def _is_utf8(head: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)  # the last character may be cut
    except UnicodeDecodeError:
        return False
    return True


def host_of(url: str) -> str:
    """Return *url*'s host; "no host" where it has none."""
    if match := HOST.match(url):
        return match[1]
    try:
        return urlsplit(url).hostname or "no host"
    except ValueError:
        return "no host"


def site_of(url: str) -> str | None:
    """Return what connections to *url*'s host have in common, ``http://a.example:80``; None
    where it has none."""
    if match := SITE.match(url):
        return match[0]
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}" if parts.scheme and host else None
