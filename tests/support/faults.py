"""What servers, names and lines do to a crawl, a case each, and the row that must come of it.

Cases follow the order in which things can go wrong: the line, the name, the
connection, TLS, the answer's head, its body, the picture. They share one server,
one list and these `SETTINGS`.
"""

from __future__ import annotations

import gzip
import io
import socket
import struct
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from PIL import Image

from tests.support import packing
from tests.support.extensions import Answers
from tests.support.raw_responses import (
    CHUNKED,
    LAST,
    OK,
    PICTURE,
    Answer,
    Endless,
    sends,
    then_reset,
    then_silent,
)
from tests.support.server import ENCODERS, PAGE, Writer, image

SETTINGS = {
    "RETRY_TIMES": 1,
    "DOWNLOAD_MAXSIZE": 200_000,
    "REDIRECT_MAX_TIMES": 5,
    "RETRY_AFTER_MAX": 5,
    "CONNECT_TIMEOUT": 4,
    "RESPONSE_TIMEOUT": 3,
    "MIN_SPEED": 2_000,
    "MIN_SPEED_WINDOW": 6,
    "DOWNLOAD_TIMEOUT": 10,
    "ALLOWED_NETWORKS": "127.0.0.0/24,127.255.255.255/32",
}

Outcome = tuple[str, str, int]
"""Response code, Reason, Attempts."""


def failed(name: str, reason: str, attempts: int = 1) -> Outcome:
    return f"FAILED {name}", reason, attempts


GOOD = ("200", "", 1)
SECOND = ("200", "", 2)
INVALID = failed("InvalidURL", "invalid-url", 0)
SCHEME = failed("UnsupportedScheme", "unsupported-scheme", 0)
BLOCKED = failed("BlockedAddress", "blocked-address")
REFUSED = failed("ConnectionRefused", "connection-refused", 2)
NO_ROUTE = failed("HostUnreachable", "host-unreachable", 2)
RESET = failed("ConnectionReset", "connection-reset", 2)
CONNECT_TIMEOUT = failed("ConnectTimeout", "connect-timeout", 2)
RESPONSE_TIMEOUT = failed("ResponseTimeout", "response-timeout", 2)
DOWNLOAD_TIMEOUT = failed("DownloadTimeout", "download-timeout", 2)
TOO_SLOW = failed("TooSlow", "too-slow", 2)
TLS = failed("TLSFailure", "tls-failure", 2)
BAD_HTTP = failed("BadHTTP", "bad-http")
# Requested twice: libcurl reads no length with a plus sign, which others do, and doesn't tell it
# from a length that is none.
BAD_LENGTH = failed("BadHTTP", "bad-http", 2)
HEADERS = failed("HeadersTooLarge", "headers-too-large")
CUT = failed("IncompleteBody", "incomplete-body", 2)
ENCODING = failed("BadEncoding", "bad-encoding")
TOO_LARGE = failed("TooLarge", "too-large")
LOOP = failed("TooManyRedirects", "too-many-redirects")
BAD_REDIRECT = failed("BadRedirect", "bad-redirect")
NOT_FOUND = ("404", "not-found", 1)
BUSY = ("503", "server-error", 2)
EMPTY = ("200", "empty-body", 1)
NO_IMAGE = ("200", "not-an-image", 1)
DAMAGED = ("200", "damaged-image", 1)
HALF = ("200", "cut-image", 1)


def status(code: int, reason: str, attempts: int = 1) -> Outcome:
    return str(code), reason, attempts


@dataclass(frozen=True)
class Case:
    """One line of the list, and the row that must come of it."""

    name: str
    sent: Answer | str
    """What the server answers; or, as text, the line itself, with ``{port}`` of
    the server, ``{dead}`` of nobody, ``{forbidden}`` of one that may not be
    connected to, and those of the TLS servers (`CERTIFICATES`)."""
    outcome: Outcome
    kept: bytes | None = PICTURE
    """What the file must hold, if the outcome is a picture kept, be it cut; None: the
    picture that the server has at this path."""
    extension: str = ".jpg"

    @property
    def is_kept(self) -> bool:
        return self.outcome[0].startswith("2") and self.outcome[1] in {
            "",
            "cut-image",
            "damaged-image",
        }

    @property
    def path(self) -> str:
        return f"/raw/{self.name.replace(' ', '-')}"

    @property
    def line(self) -> str:
        return self.sent if isinstance(self.sent, str) else f"http://127.0.0.1:{{port}}{self.path}"


class InTurn:
    """Gives one answer after the other, the last for ever."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)

    async def __call__(self, writer: Writer) -> None:
        await (self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])(writer)


def head(code: int, *headers: str) -> bytes:
    """Return an answer's head, its connection ending with it."""
    lines = [f"HTTP/1.1 {code} X", *headers, "Connection: close", "", ""]
    return "\r\n".join(lines).encode("latin-1")


PORTS: dict[str, int] = {}
"""Of the servers, once they run: what stands for ``{port}`` and its like."""


def moved(location: str, code: int = 302) -> Answer:
    async def answer(writer: Writer) -> None:
        where = location.format(**PORTS)
        await sends(head(code, f"Location: {where}", "Content-Length: 0"))(writer)

    return answer


def body(data: bytes, *headers: str) -> Answer:
    return sends(head(200, f"Content-Length: {len(data)}", *headers) + data)


def encoded(name: str, data: bytes) -> Answer:
    return body(data, f"Content-Encoding: {name}")


def busy(*headers: str, code: int = 503) -> Answer:
    return sends(head(code, "Content-Length: 4", *headers) + b"busy")


def from_now(**span: int) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(**span), usegmt=True)


def chunk(data: bytes, extension: bytes = b"") -> bytes:
    return b"%x%b\r\n%b\r\n" % (len(data), extension, data)


def made(kind: str, size: tuple[int, int] = (8, 6), mode: str = "RGB") -> bytes:
    file = io.BytesIO()
    Image.new(mode, size, 1).save(file, kind)
    return file.getvalue()


def png_header(width: int, height: int) -> bytes:
    """Return a PNG that says it has this size, and ends after saying so."""
    ihdr = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    end = b"\0\0\0\0IEND\xaeB`\x82"
    return b"\x89PNG\r\n\x1a\n\0\0\0\r" + ihdr + struct.pack(">I", zlib.crc32(ihdr)) + end


def tiff_of_tags(count: int) -> bytes:
    """Return a TIFF whose tags each take the whole file as their value."""
    size = 8 + 2 + 12 * count + 4
    tags = b"".join(struct.pack("<HHII", 40_000 + n, 1, size, 0) for n in range(count))
    sizes = struct.pack("<HHII", 256, 3, 1, 8) + struct.pack("<HHII", 257, 3, 1, 6)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", count + 2) + sizes + tags + b"\0" * 4


HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
GONE = b"HTTP/1.1 404 Not Found\r\n"
LONG = b"Content-Length: 5000\r\n\r\n"
CHUNK = chunk(PICTURE[:16])
ZEROS = [bytes(65_536)]
PAGES = [b"<p>This page goes on and on." * 1_000]
BOMB = bytes(50_000_000)
PNG, GIF, AVIF = made("PNG"), made("GIF", mode="P"), made("AVIF", (64, 48))
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
LAUGHS = b'<!DOCTYPE svg [<!ENTITY a "%b">]><svg>&a;</svg>' % (b"ha" * 1_000)
PIXEL_BOMB = png_header(2**31 - 1, 2**31 - 1)
TAG_BOMB = tiff_of_tags(3_000)
FILLED = b"\xff\xd8" + b"\xff" * 100_000
REMARKS = b"GIF89a" + bytes(7) + b"\x21\xfe" + (b"\xff" + bytes(255)) * 700
HTML_IN_GIF = GIF + b"<script>alert(1)</script>"

LINES = [
    Case("no url", "no url at all", INVALID),
    Case("no host", "http://", INVALID),
    Case("half an address", "http://[::1/a.jpg", INVALID),
    Case("port that is none", "http://example.com:port/", INVALID),
    Case("formula", "=HYPERLINK(1)", INVALID),
    Case("command", '@SUM(1+1)*cmd|"/c calc"!A0', INVALID),
    Case("label too long", "http://" + "x" * 64 + "\u00e9.invalid/", INVALID),
    Case("terminal codes", "http://127.0.0.1/\x1b[2J\x9b31m\x07", INVALID),
    Case("NUL", "http://127.0.0.1/a\0b", INVALID),
    Case("line too long", "http://127.0.0.1/" + "x" * 70_000, INVALID),
    Case("space in the host", "http://127.0.0.1 x/", INVALID),
    Case("ftp", "ftp://127.0.0.1/a.jpg", SCHEME),
    Case("file", "file:///etc/hostname", SCHEME),
    Case("data", "data:image/png;base64,AAAA", SCHEME),
    Case("javascript", "javascript:alert(1)", SCHEME),
    Case("s3", "s3://bucket/key.jpg", SCHEME),
]

# The server knows what it answers by the path as it is sent.
SPELLINGS = [
    Case(
        "dots in the name", "http://127.0.0.1:{port}/image/..%2f..%2f..%2fetc%2fpasswd", GOOD, None
    ),
    Case("NUL in the name", "http://127.0.0.1:{port}/image/a%00.jpg", GOOD, None),
    Case("line ends in the name", "http://127.0.0.1:{port}/image/a%0d%0aX:%20y.jpg", GOOD, None),
    Case("turned around", "http://127.0.0.1:{port}/image/%E2%80%AEgpj.exe", GOOD, None),
    Case("reserved name", "http://127.0.0.1:{port}/image/CON.jpg", GOOD, None),
    Case("long name", "http://127.0.0.1:{port}/image/" + "n" * 300 + ".jpg", GOOD, None),
    Case("hidden name", "http://127.0.0.1:{port}/image/.htaccess", GOOD, None),
    Case("option as name", "http://127.0.0.1:{port}/image/-rf", GOOD, None),
    Case("letters of the world", "http://127.0.0.1:{port}/image/名前-é.jpg", GOOD, None),
    Case("not UTF-8", "http://127.0.0.1:{port}/image/%ff%fe.jpg", GOOD, None),
    Case("bad percent", "http://127.0.0.1:{port}/image/100%.jpg", GOOD, None),
    Case("same name", "http://127.0.0.1:{port}/image/1/photo.jpg", GOOD, None),
    Case("same name again", "http://127.0.0.1:{port}/image/2/photo.jpg", GOOD, None),
    Case("name by query", "http://127.0.0.1:{port}/image/photo.jpg?3", GOOD, None),
    Case("long URL", "http://127.0.0.1:{port}/image/" + "x/" * 2_000, GOOD, None),
]

NAMES: Answers = {
    "none.example": [socket.EAI_NONAME],
    "mute.example": [socket.EAI_AGAIN],
    "hangs.example": [None],
    "b\u00fccher.example".encode("idna").decode(): [["127.0.0.1"]],
    "private.example": [["127.0.9.9", "10.0.0.1", "::1"]],
    "rebinds.example": [["127.0.0.1"], ["127.0.9.9"]],
    "either.example": [["127.0.9.9", "127.0.0.1"]],
}

HOSTS = [
    Case("name of nobody", "http://none.example/a.jpg", failed("HostNotFound", "host-not-found")),
    Case("resolver fails", "http://mute.example/", failed("DNSFailure", "dns-failure", 2)),
    Case("resolver hangs", "http://hangs.example/", CONNECT_TIMEOUT),
    Case("IDN", "http://b\u00fccher.example:{port}/image/idn.jpg", GOOD, None),
    Case("private name", "http://private.example:{forbidden}/", BLOCKED),
    # The retry's connection is a new one, and its address looked up anew.
    Case("rebinding name", "http://rebinds.example:{port}/status/503/a", (*BLOCKED[:2], 2)),
    Case("half private name", "http://either.example:{port}/image/either.jpg", GOOD, None),
    Case("private address", "http://127.0.9.9:{forbidden}/", BLOCKED),
    Case("private number", "http://2130708745:{forbidden}/", BLOCKED),
    Case("private in hex", "http://0x7f.0.0x909:{forbidden}/", BLOCKED),
    Case("private, mapped", "http://[::ffff:127.0.9.9]:{forbidden}/", BLOCKED),
    Case("metadata service", "http://169.254.169.254/latest/meta-data/", BLOCKED),
    Case("loopback of IPv6", "http://[::1]:{forbidden}/", BLOCKED),
    Case("nobody listens", "http://127.0.0.1:{dead}/", REFUSED),
    Case("broadcast address", "http://127.255.255.255/", NO_ROUTE),
]

SECURE = [
    Case("good certificate", "https://127.0.0.1:{good}/image/tls.jpg", GOOD, None),
    Case(
        "certificate of yesterday",
        "https://127.0.0.1:{over}/",
        failed("CertificateExpired", "certificate-expired"),
    ),
    Case(
        "certificate of tomorrow",
        "https://127.0.0.1:{early}/",
        failed("CertificateExpired", "certificate-expired"),
    ),
    Case(
        "certificate of nobody known",
        "https://127.0.0.1:{unknown}/",
        failed("CertificateUntrusted", "certificate-untrusted"),
    ),
    Case(
        "certificate of another",
        "https://127.0.0.1:{other}/",
        failed("CertificateWrongHost", "certificate-wrong-host"),
    ),
    Case("handshake cut", "https://127.0.0.1:{mute}/", TLS),
    Case("plain HTTP instead of TLS", "https://127.0.0.1:{plain}/", TLS),
    Case("TLS instead of plain HTTP", "http://127.0.0.1:{good}/image/a.jpg", RESET),
]

HEADS = [
    Case("hangs up", sends(b""), RESET),
    Case("resets", then_reset(), RESET),
    Case("resets amid its status", then_reset(b"HTTP/1.1 2"), RESET),
    Case("hangs up amid its headers", sends(OK + b"Content-"), RESET),
    Case("silence", then_silent(), RESPONSE_TIMEOUT),
    Case("silence amid headers", then_silent(OK + b"Content-"), RESPONSE_TIMEOUT),
    Case("a header byte now and then", Endless(OK + b"X: ", [b"y"], pause=0.1), DOWNLOAD_TIMEOUT),
    Case("a status byte now and then", Endless(OK[:-2], [b"y"], pause=0.1), DOWNLOAD_TIMEOUT),
    Case("early hints", sends(HINTS + LAST), GOOD),
    Case("100 nobody expects", sends(b"HTTP/1.1 100 Continue\r\n\r\n" + LAST), GOOD),
    Case("a thousand hints", sends(HINTS * 1_000 + LAST), GOOD),
    Case("hints for ever", Endless(b"", [HINTS * 10], pause=0.01), HEADERS),
    Case("protocol switched", sends(head(101, "Upgrade: x")), status(101, "unexpected-status")),
    Case("HTTP 1.0", sends(b"HTTP/1.0 200 OK\r\n\r\n" + PICTURE), GOOD),
    Case("HTTP 0.9", sends(PICTURE), BAD_HTTP),
    Case("HTTP 2", sends(b"HTTP/2 200\r\n\r\n"), BAD_HTTP),
    Case("junk", sends(b"what is HTTP?\r\n\r\n"), BAD_HTTP),
    Case("ssh", sends(b"SSH-2.0-OpenSSH_9.2p1\r\n"), BAD_HTTP),
    Case("status of two digits", sends(b"HTTP/1.1 20 X\r\n\r\n"), BAD_HTTP),
    Case("status of letters", sends(b"HTTP/1.1 2xx X\r\n\r\n"), BAD_HTTP),
    Case("header not in UTF-8", sends(OK + b"X: caf\xe9\r\n\r\n" + PICTURE), GOOD),
    Case("NUL in a header", sends(OK + b"X: a\0b\r\n\r\n"), BAD_HTTP),
    Case("header without colon", sends(OK + b"what is this\r\n\r\n"), BAD_HTTP),
    Case("long header", sends(OK + b"X: " + b"x" * 70_000 + b"\r\n\r\n"), HEADERS),
    Case("endless headers", Endless(OK, [b"X: y\r\n" * 1_000]), HEADERS),
    Case("endless header", Endless(OK + b"X: ", [b"y" * 10_000]), HEADERS),
    Case("endless status line", Endless(OK[:-2], [b"y" * 10_000]), HEADERS),
    Case("two lengths", sends(OK + b"Content-Length: 5\r\n" + LONG), BAD_LENGTH),
    Case("negative length", sends(OK + b"Content-Length: -1\r\n\r\n"), BAD_LENGTH),
    Case("length of letters", sends(OK + b"Content-Length: many\r\n\r\n"), BAD_LENGTH),
    Case("length of 80 bits", sends(OK + b"Content-Length: %d\r\n\r\n" % 2**80), BAD_HTTP),
    Case("length and chunks", sends(OK + LONG[:-2] + CHUNKED[len(OK) :] + CHUNK), CUT),
]

ANSWERS = [
    Case("404", sends(head(404, "Content-Length: 4") + b"gone"), NOT_FOUND),
    Case("410", sends(head(410)), status(410, "not-found")),
    Case("403", sends(head(403)), status(403, "unauthorized")),
    Case("418", sends(head(418)), status(418, "client-error")),
    Case("206 nobody asked for", sends(head(206) + PICTURE), status(206, "unexpected-status")),
    Case("204", sends(head(204)), status(204, "unexpected-status")),
    Case("304", sends(head(304)), status(304, "unexpected-status")),
    Case("203", sends(head(203) + PICTURE), ("203", "", 1)),
    Case("999", sends(head(999)), status(999, "unexpected-status")),
    Case("404 for ever", Endless(GONE + b"\r\n", ZEROS), NOT_FOUND),
    Case("404 in drops", Endless(GONE + b"\r\n", [b"\0"], pause=0.1), NOT_FOUND),
    Case("404 that falls silent", then_silent(GONE + LONG + b"gone"), NOT_FOUND),
    Case("404 cut", sends(GONE + LONG + b"gone"), NOT_FOUND),
    Case("404 reset", then_reset(GONE + LONG + b"gone"), NOT_FOUND),
    Case("404 with a bad chunk", sends(GONE + CHUNKED[len(OK) :] + CHUNK, b"zz\r\n"), NOT_FOUND),
    Case("500", busy(code=500), status(500, "server-error", 2)),
    Case("501", busy(code=501), status(501, "server-error")),
    Case("503 for ever", busy(), BUSY),
    Case("503 cut", sends(b"HTTP/1.1 503 X\r\n" + LONG + b"wait"), BUSY),
    Case("503 once", InTurn(busy(), sends(LAST)), SECOND),
    Case("429 with seconds", InTurn(busy("Retry-After: 1", code=429), sends(LAST)), SECOND),
    Case(
        "503 till a date", InTurn(busy(f"Retry-After: {from_now(seconds=-9)}"), sends(LAST)), SECOND
    ),
    Case("429 with nonsense", InTurn(busy("Retry-After: soon", code=429), sends(LAST)), SECOND),
    Case("429 below zero", InTurn(busy("Retry-After: -5", code=429), sends(LAST)), SECOND),
    Case(
        "429 for days",
        busy("Retry-After: 864000", code=429),
        status(429, "retry-after-too-long"),
    ),
    Case(
        "503 till next year",
        busy(f"Retry-After: {from_now(days=365)}"),
        status(503, "retry-after-too-long"),
    ),
    Case(
        "429 beyond all time",
        busy("Retry-After: " + "9" * 400, code=429),
        status(429, "retry-after-too-long"),
    ),
]

REDIRECTS = [
    Case("moved", moved("/image/moved.jpg"), GOOD, image("/image/moved.jpg")),
    Case("moved for good", moved("/image/moved-on.jpg", 308), GOOD, image("/image/moved-on.jpg")),
    Case("moved to nothing", moved("/status/404/x"), NOT_FOUND),
    Case("302 without a place", sends(head(302)), status(302, "unexpected-status")),
    Case("300", sends(head(300)), status(300, "unexpected-status")),
    Case("moved to an empty place", moved(""), BAD_REDIRECT),
    Case("moved here", moved("/raw/moved-here"), LOOP),
    Case("moved on and on", moved("/hops/9/a.jpg"), LOOP),
    Case("moved to", moved("/raw/and-fro"), LOOP),
    Case("and fro", moved("/raw/moved-to"), LOOP),
    Case("moved to a file", moved("file:///etc/hostname"), BAD_REDIRECT),
    Case("moved to data", moved("data:image/png;base64,AAAA"), BAD_REDIRECT),
    Case("moved to ftp", moved("ftp://127.0.0.1/a.jpg"), BAD_REDIRECT),
    Case("moved to a script", moved("javascript:alert(1)"), BAD_REDIRECT),
    Case("moved to half an address", moved("http://[::1/"), BAD_REDIRECT),
    Case("moved far away", moved("/image/" + "x" * 70_000), HEADERS),
    Case(
        "moved by an endless body",
        Endless(head(302, "Location: /image/b"), ZEROS),
        GOOD,
        image("/image/b"),
    ),
    Case("moved to a private address", moved("http://127.0.9.9:{forbidden}/"), BLOCKED),
    Case("moved to a private number", moved("http://2130708745:{forbidden}/"), BLOCKED),
    Case("moved to a private name", moved("http://private.example:{forbidden}/"), BLOCKED),
    Case("moved within IPv6", moved("//[::ffff:7f00:909]:{forbidden}/"), BLOCKED),
]

BODIES = [
    Case("till the end", sends(head(200) + PICTURE), GOOD),
    Case("in chunks", sends(CHUNKED + chunk(PICTURE) + b"0\r\n\r\n"), GOOD),
    Case("chunk with words", sends(CHUNKED + chunk(PICTURE, b";a=b") + b"0\r\n\r\n"), GOOD),
    Case("with a trailer", sends(CHUNKED + chunk(PICTURE) + b"0\r\nX: y\r\n\r\n"), GOOD),
    Case("a line end more than was said", sends(LAST + b"\r\n"), GOOD),
    Case("more than was said", sends(LAST + b"and more"), GOOD),
    Case(
        "twice the same length", sends(OK + LAST[len(OK) :].replace(b"Conn", b"X: y\r\nConn")), GOOD
    ),
    Case("less than was said", sends(OK + LONG + PICTURE), CUT),
    Case("reset amid", then_reset(OK + LONG + PICTURE[:500]), CUT),
    Case("reset amid, without length", then_reset(OK + b"\r\n" + PICTURE[:500]), CUT),
    Case("reset amid a chunk", then_reset(CHUNKED + b"400\r\n" + PICTURE[:300]), CUT),
    Case("cut amid a chunk", sends(CHUNKED + b"400\r\n" + PICTURE[:300]), CUT),
    Case("no last chunk", sends(CHUNKED + CHUNK), CUT),
    Case("bad chunk", sends(CHUNKED + b"zz\r\n" + PICTURE[:300] + b"\r\n0\r\n\r\n"), BAD_HTTP),
    Case(
        "bad chunk, later", sends(CHUNKED + CHUNK, b"zz\r\n", b"5\r\nhello\r\n0\r\n\r\n"), BAD_HTTP
    ),
    Case("bad chunk for ever", Endless(CHUNKED + CHUNK, [b"zz\r\n"], pause=0.1), BAD_HTTP),
    Case("negative chunk", sends(CHUNKED + b"-5\r\nhello\r\n"), BAD_HTTP),
    Case("chunk of 72 bits", sends(CHUNKED + b"f" * 18 + b"\r\n"), BAD_HTTP),
    Case(
        "chunk longer than it says",
        sends(CHUNKED + b"4\r\n" + PICTURE + b"\r\n0\r\n\r\n"),
        BAD_HTTP,
    ),
    Case(
        "chunk's words for ever",
        Endless(CHUNKED + CHUNK + b"1;", [b"x" * 999], pause=0.01),
        TOO_SLOW,
    ),
    Case("trailers for ever", Endless(CHUNKED + b"0\r\n", [b"X: y\r\n" * 1_000]), HEADERS),
    Case("silence amid the picture", then_silent(OK + LONG + PICTURE), RESPONSE_TIMEOUT),
    Case("in drops", Endless(OK + b"\r\n" + PICTURE, [b"\0"], pause=0.1), TOO_SLOW),
    Case(
        "in its own time",
        Endless(OK + b"\r\n" + PICTURE, [bytes(1_200)], pause=0.1),
        DOWNLOAD_TIMEOUT,
    ),
    Case("for ever", Endless(OK + b"\r\n" + PICTURE, ZEROS), TOO_LARGE),
    Case("chunks for ever", Endless(CHUNKED + CHUNK, [chunk(bytes(9_000))]), TOO_LARGE),
    Case("too long, as it says", then_silent(OK + b"Content-Length: 200001\r\n\r\n"), TOO_LARGE),
    Case(
        "longest there is", then_silent(OK + b"Content-Length: %d\r\n\r\n" % (2**63 - 1)), TOO_LARGE
    ),
]

ENCODINGS = [
    *(Case(f"in {name}", encoded(name, pack(PICTURE)), GOOD) for name, pack in ENCODERS.items()),
    *(
        Case(f"cut {name}", encoded(name, pack(PICTURE)[:-12]), CUT)
        for name, pack in ENCODERS.items()
    ),
    *(Case(f"bad {name}", encoded(name, b"no such thing"), ENCODING) for name in ENCODERS),
    *(
        Case(f"bomb in {name}", encoded(name, pack(BOMB)), TOO_LARGE)
        for name, pack in ENCODERS.items()
    ),
    Case("zstd window of 128 MiB", encoded("zstd", packing.zstd_frame(27, 2**27)), ENCODING),
    Case("zstd window of 16 MiB", encoded("zstd", packing.zstd_frame(24, 2**24)), ENCODING),
    Case("large window of br", encoded("br", packing.large_window_brotli()), ENCODING),
    Case("empty frames of zstd", encoded("zstd", packing.EMPTY_ZSTD * 9_000), ENCODING),
    Case("empty members of gzip", encoded("gzip", packing.EMPTY_GZIP * 9_000), ENCODING),
    Case("gzip twice", encoded("gzip, gzip", gzip.compress(gzip.compress(PICTURE))), GOOD),
    Case(
        "gzip in two",
        encoded("gzip", gzip.compress(PICTURE[:99]) + gzip.compress(PICTURE[99:])),
        GOOD,
    ),
    Case("in no known encoding", encoded("none", PICTURE), GOOD),
    Case("gzip in gzip", encoded("gzip, gzip", gzip.compress(gzip.compress(PICTURE))), GOOD),
    Case("gzip that is none", encoded("gzip", PICTURE), ENCODING),
]

PICTURES = [
    Case("not a byte", sends(head(200, "Content-Length: 0")), EMPTY),
    Case("not a chunk", sends(CHUNKED + b"0\r\n\r\n"), EMPTY),
    Case("page", body(PAGE, "Content-Type: text/html"), NO_IMAGE),
    Case("page that calls itself a picture", body(PAGE, "Content-Type: image/jpeg"), NO_IMAGE),
    Case("page for ever", Endless(OK + b"\r\n", PAGES), NO_IMAGE),
    Case("picture that calls itself a page", body(PICTURE, "Content-Type: text/html"), GOOD),
    Case("picture of no type", body(PICTURE), GOOD),
    Case("PNG that calls itself JPEG", body(PNG, "Content-Type: image/jpeg"), GOOD, PNG, ".png"),
    Case("GIF with a page in it", body(HTML_IN_GIF), GOOD, HTML_IN_GIF, ".gif"),
    Case("drawing", body(SVG), GOOD, SVG, ".svg"),
    Case("drawing that laughs", body(LAUGHS), GOOD, LAUGHS, ".svg"),
    Case("program", body(b"\x7fELF" + bytes(99)), NO_IMAGE),
    Case("EPS, which is a program", body(b"%!PS-Adobe-3.0 EPSF-3.0\n"), NO_IMAGE),
    Case("first bytes alone", body(b"\x89PNG\r\n\x1a\n"), DAMAGED, b"\x89PNG\r\n\x1a\n", ".png"),
    Case("header of zeros", body(b"GIF89a" + bytes(4)), DAMAGED, b"GIF89a" + bytes(4), ".gif"),
    Case("half a picture", body(PICTURE[:400]), HALF, PICTURE[:400]),
    Case("more pixels than memory", body(PIXEL_BOMB), GOOD, PIXEL_BOMB, ".png"),
    Case("tags that each are the whole file", body(TAG_BOMB), GOOD, TAG_BOMB, ".tif"),
    Case("nothing but filling", body(FILLED), HALF, FILLED),
    Case("nothing but remarks", body(REMARKS), DAMAGED, REMARKS, ".gif"),
]


CERTIFICATES: dict[str, dict[str, Any]] = {
    "good": {"end": 9},
    "over": {"end": -1},
    "early": {"begin": 1},
    "unknown": {"known": False},
    "other": {"name": "b.example"},
}
"""What the certificates of the TLS servers are made of (`tests.support.tls.certificate`)."""

CASES = [
    *(*LINES, *SPELLINGS, *HOSTS, *SECURE, *HEADS),
    *(*ANSWERS, *REDIRECTS, *BODIES, *ENCODINGS, *PICTURES),
]
