"""Everything that can keep a picture from being kept, as one closed tree.

A row's ``Reason`` is the slug in the second column; ``FAILED <name>`` in its
``Response code`` is the class name of a `Failure`. ``~`` marks what may pass:
only such errors are tried again.

    Problem
    ├── Failure                      no whole answer was had: "FAILED <name>"
    │   ├── InvalidURL               invalid-url
    │   ├── UnsupportedScheme        unsupported-scheme
    │   ├── HostNotFound             host-not-found
    │   ├── DNSFailure             ~ dns-failure
    │   ├── HostUnavailable        ~ host-unavailable
    │   ├── BlockedAddress           blocked-address
    │   ├── ConnectionRefused      ~ connection-refused
    │   ├── HostUnreachable        ~ host-unreachable
    │   ├── ConnectionReset        ~ connection-reset
    │   ├── ProxyFailure           ~ proxy-failure
    │   ├── ConnectTimeout         ~ connect-timeout
    │   ├── ResponseTimeout        ~ response-timeout
    │   ├── DownloadTimeout        ~ download-timeout
    │   ├── TooSlow                ~ too-slow
    │   ├── CertificateExpired       certificate-expired
    │   ├── CertificateUntrusted     certificate-untrusted
    │   ├── CertificateWrongHost     certificate-wrong-host
    │   ├── CertificateInvalid       certificate-invalid
    │   ├── TLSFailure             ~ tls-failure
    │   ├── BadHTTP                  bad-http
    │   ├── HeadersTooLarge          headers-too-large
    │   ├── IncompleteBody         ~ incomplete-body
    │   ├── BadEncoding              bad-encoding
    │   ├── TooLarge                 too-large
    │   ├── TooManyRedirects         too-many-redirects
    │   ├── BadRedirect              bad-redirect
    │   ├── DisallowedByRobots       robots-disallowed
    │   ├── RequestDropped           request-dropped
    │   ├── WorkerCrash              worker-crash
    │   └── InternalError            internal-error
    └── Rejection                    a whole answer, its body not kept
        ├── Unauthorized             unauthorized
        ├── NotFound                 not-found
        ├── RateLimited            ~ rate-limited
        ├── RetryAfterTooLong      ~ retry-after-too-long
        ├── ClientError              client-error
        ├── ServerError            ~ server-error
        ├── UnexpectedStatus         unexpected-status
        ├── OptedOut                 opted-out
        ├── EmptyBody                empty-body
        ├── NotAnImage               not-an-image
        ├── DamagedImage             damaged-image
        ├── CutImage                 cut-image
        ├── UndecodableImage         undecodable-image
        ├── DecoderFailed            decoder-failed
        ├── Placeholder              placeholder
        ├── TooNarrow                too-narrow
        ├── TooLow                   too-low
        ├── TooManyPixels            too-many-pixels
        ├── TooElongated             too-elongated
        ├── TooFewBytes              too-few-bytes
        ├── TypeNotAllowed           type-not-allowed
        └── DroppedByPipeline        dropped-by-pipeline

    LocalError                       this machine's fault: stops the run, never a row
    ├── StoreError                   store-error
    ├── ReportError                  report-error
    ├── SystemLimit                  system-limit
    ├── RowsMissing                  rows-missing
    ├── SchedulerLost                scheduler-lost
    └── ShardFailed                  shard-failed

    BadInput                         refused before anything is fetched

With KEEP_DAMAGED, a file stands beside cut-image, undecodable-image and decoder-failed.

`LocalError` is no `OSError` on purpose: Scrapy retries those, and a full disk
would become a row of every line.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar


class Problem(Exception):
    """Why no picture was kept for a line.

    ``reason`` is the slug for the report's ``Reason`` column; ``transient``
    says whether the same request may succeed later; ``advice`` what it means
    and what to do, as the README has it.
    """

    reason: ClassVar[str]
    transient: ClassVar[bool] = False
    advice: ClassVar[str]


class Failure(Problem):
    """No whole answer was had."""

    @property
    def code(self) -> str:
        """The cell for ``Response code``."""
        return f"FAILED {type(self).__name__}"


class InvalidURL(Failure):
    """The line is no URL that a request could be made of."""

    reason = "invalid-url"
    advice = "the line is no URL; correct it"


class UnsupportedScheme(Failure):
    """A scheme other than http and https."""

    reason = "unsupported-scheme"
    advice = "only http and https are fetched"


class HostNotFound(Failure):
    """The name service says that there is no such host."""

    reason = "host-not-found"
    advice = "the name does not exist; look for a typing error"


class DNSFailure(Failure):
    """The name service gave no answer."""

    reason = "dns-failure"
    transient = True
    advice = "the name service gave no answer; look at this machine's network"


class HostUnavailable(Failure):
    """So many connections to the host had failed that this line was not tried any more."""

    reason = "host-unavailable"
    transient = True
    advice = (
        "no connection to the host, `BREAKER_FAILURES` times and whenever it was asked again: "
        "this line was spared; try `-a only=failed` later"
    )


class BlockedAddress(Failure):
    """The host's address is not public, and not in ALLOWED_NETWORKS."""

    reason = "blocked-address"
    advice = "the host's address is not public; `ALLOWED_NETWORKS` opens networks of your own"


class ConnectionRefused(Failure):
    """Nothing listens at the host's port."""

    reason = "connection-refused"
    transient = True
    advice = "nothing listens there; try later"


class HostUnreachable(Failure):
    """No route to the host."""

    reason = "host-unreachable"
    transient = True
    advice = "no route; look at network and firewall"


class ConnectionReset(Failure):
    """The connection ended before the answer's headers were there."""

    reason = "connection-reset"
    transient = True
    advice = "broken off before an answer; ask for less at once"


class ProxyFailure(Failure):
    """The configured proxy could not be used."""

    reason = "proxy-failure"
    transient = True
    advice = "the proxy refused or was not there; look at its settings"


class ConnectTimeout(Failure):
    """No connection within CONNECT_TIMEOUT."""

    reason = "connect-timeout"
    transient = True
    advice = "no connection within `CONNECT_TIMEOUT`; try later"


class ResponseTimeout(Failure):
    """The server kept silent for RESPONSE_TIMEOUT."""

    reason = "response-timeout"
    transient = True
    advice = "silent for `RESPONSE_TIMEOUT`; try later"


class DownloadTimeout(Failure):
    """The whole answer was not there within DOWNLOAD_TIMEOUT."""

    reason = "download-timeout"
    transient = True
    advice = "not whole within `DOWNLOAD_TIMEOUT`; raise it, or ask for less at once"


class TooSlow(Failure):
    """Less than MIN_SPEED for MIN_SPEED_WINDOW."""

    reason = "too-slow"
    transient = True
    advice = "slower than `MIN_SPEED`; lower it, or ask for less at once"


class CertificateExpired(Failure):
    """The certificate's time is over, or has not begun."""

    reason = "certificate-expired"
    advice = "the site's fault; look at this machine's clock too"


class CertificateUntrusted(Failure):
    """Self-signed, or signed by nobody this machine trusts."""

    reason = "certificate-untrusted"
    advice = "self-signed, or an authority this machine does not know"


class CertificateWrongHost(Failure):
    """The certificate is another host's."""

    reason = "certificate-wrong-host"
    advice = "the certificate is another host's"


class CertificateInvalid(Failure):
    """The certificate was refused for another cause."""

    reason = "certificate-invalid"
    advice = "refused for another cause"


class TLSFailure(Failure):
    """The TLS handshake broke off."""

    reason = "tls-failure"
    transient = True
    advice = "the handshake broke off"


class BadHTTP(Failure):
    """The answer is not HTTP."""

    reason = "bad-http"
    advice = "the answer is not HTTP; is the port right?"


class HeadersTooLarge(Failure):
    """More or longer header lines than are read, or more 1xx responses."""

    reason = "headers-too-large"
    advice = "more headers, or 1xx responses, than are read"


class IncompleteBody(Failure):
    """The body broke off."""

    reason = "incomplete-body"
    transient = True
    advice = "the body broke off; try later"


class BadEncoding(Failure):
    """The body is not what its Content-Encoding says, or beyond a bound on decoding it."""

    reason = "bad-encoding"
    advice = "the body is not what its Content-Encoding says, or costs too much to decode"


class TooLarge(Failure):
    """The body is longer than DOWNLOAD_MAXSIZE."""

    reason = "too-large"
    advice = "longer than `DOWNLOAD_MAXSIZE`; raise it"


class TooManyRedirects(Failure):
    """A redirect loop, or more than REDIRECT_MAX_TIMES in a chain."""

    reason = "too-many-redirects"
    advice = "a loop, or more than `REDIRECT_MAX_TIMES`"


class BadRedirect(Failure):
    """A Location that can't be followed: malformed, or not http(s)."""

    reason = "bad-redirect"
    advice = "sent to an address that is none, or not http(s)"


class DisallowedByRobots(Failure):
    """The site's robots.txt forbids it, and ROBOTSTXT_OBEY is on."""

    reason = "robots-disallowed"
    advice = "the site's robots.txt forbids it, and `ROBOTSTXT_OBEY` is on"


class RequestDropped(Failure):
    """A middleware or signal handler of the user's refused it."""

    reason = "request-dropped"
    advice = "a middleware or signal handler of yours refused it"


class WorkerCrash(Failure):
    """Every process that fetched the line died of it; `scrapy fleet` alone tells."""

    reason = "worker-crash"
    advice = (
        "`scrapy fleet` alone: whatever process fetched this line died of it, twice with no other"
        " line beside; look at the picture with care"
    )


class InternalError(Failure):
    """An error in the program itself; the log has its traceback."""

    reason = "internal-error"
    advice = (
        "an error in this program, or in a component that you added: the log names it; please"
        " report ours"
    )


class Rejection(Problem):
    """A whole answer whose body is not kept."""


class Unauthorized(Rejection):
    """401, 402, 403, 407, 451."""

    reason = "unauthorized"
    advice = "you may not have it"


class NotFound(Rejection):
    """404, 410."""

    reason = "not-found"
    advice = "it is gone"


class RateLimited(Rejection):
    """429."""

    reason = "rate-limited"
    transient = True
    advice = "you ask too much, even by fewer at once: set `DOWNLOAD_DELAY`"


class RetryAfterTooLong(Rejection):
    """A Retry-After beyond RETRY_AFTER_MAX."""

    reason = "retry-after-too-long"
    transient = True
    advice = "the server asks for a longer pause than `RETRY_AFTER_MAX`; come back later"


class ClientError(Rejection):
    """Any other 4xx."""

    reason = "client-error"
    advice = "the server dislikes the request"


class ServerError(Rejection):
    """5xx."""

    reason = "server-error"
    transient = True
    advice = "the server's trouble; try later"


class UnexpectedStatus(Rejection):
    """A status that brings no whole picture: 204, 206, a 3xx without Location, …"""

    reason = "unexpected-status"
    advice = "no whole picture: 204, 206, a 3xx without Location, …"


class OptedOut(Rejection):
    """Its X-Robots-Tag has one of OPT_OUT_DIRECTIVES."""

    reason = "opted-out"
    advice = "its `X-Robots-Tag` has one of `OPT_OUT_DIRECTIVES`"


class EmptyBody(Rejection):
    """A good status without a byte of body."""

    reason = "empty-body"
    advice = "a good answer without a byte"


class NotAnImage(Rejection):
    """The bytes are of no image format."""

    reason = "not-an-image"
    advice = "the bytes are no picture: often a page that says sorry"


class DamagedImage(Rejection):
    """The bytes begin as an image does, yet their header can't be read."""

    reason = "damaged-image"
    advice = "begins as a picture, and its header makes no sense"


class CutImage(Rejection):
    """The picture breaks off, though its answer came whole: the server has no more of it."""

    reason = "cut-image"
    advice = (
        "the picture breaks off, and the server has no more of it; kept, unless `KEEP_DAMAGED` is"
        " off"
    )


class UndecodableImage(Rejection):
    """The header is in order, and what follows can't be decoded."""

    reason = "undecodable-image"
    advice = "the header is in order, the picture isn't; kept likewise"


class DecoderFailed(Rejection):
    """Decoding took too long, took too much memory, or crashed."""

    reason = "decoder-failed"
    advice = "decoding took too long, too much memory, or crashed; kept likewise"


class Placeholder(Rejection):
    """What a site answers instead of a picture that is gone."""

    reason = "placeholder"
    advice = "what the site shows instead of a picture that is gone"


class TooNarrow(Rejection):
    """Narrower than MIN_WIDTH."""

    reason = "too-narrow"
    advice = "narrower than `MIN_WIDTH`"


class TooLow(Rejection):
    """Less high than MIN_HEIGHT."""

    reason = "too-low"
    advice = "less high than `MIN_HEIGHT`"


class TooManyPixels(Rejection):
    """More pixels than MAX_PIXELS."""

    reason = "too-many-pixels"
    advice = "more pixels than `MAX_PIXELS`"


class TooElongated(Rejection):
    """An aspect ratio beyond MAX_ASPECT_RATIO."""

    reason = "too-elongated"
    advice = "longer for its width than `MAX_ASPECT_RATIO`"


class TooFewBytes(Rejection):
    """Fewer bytes than MIN_BYTES."""

    reason = "too-few-bytes"
    advice = "smaller than `MIN_BYTES`"


class TypeNotAllowed(Rejection):
    """A type that is not in ALLOWED_TYPES."""

    reason = "type-not-allowed"
    advice = "a type that is not in `ALLOWED_TYPES`"


class DroppedByPipeline(Rejection):
    """An item pipeline of the user's dropped the record."""

    reason = "dropped-by-pipeline"
    advice = "an item pipeline of yours dropped it"


def problems(base: type[Problem] = Problem) -> Iterator[type[Problem]]:
    """Yield every problem that has a reason."""
    for cls in base.__subclasses__():
        if hasattr(cls, "reason"):
            yield cls
        yield from problems(cls)


class LocalError(Exception):
    """This machine's fault. The run stops; no row is written for it."""

    reason: ClassVar[str]


class StoreError(LocalError):
    """A file could not be written or moved into its place."""

    reason = "store-error"


class ReportError(LocalError):
    """A row could not be written."""

    reason = "report-error"


class SystemLimit(LocalError):
    """The operating system gives no more sockets or memory."""

    reason = "system-limit"


class RowsMissing(LocalError):
    """The run would be finished, but has not written exactly one row for each line."""

    reason = "rows-missing"


class SchedulerLost(LocalError):
    """Dask's scheduler answers no more."""

    reason = "scheduler-lost"


class ShardFailed(LocalError):
    """A shard of `scrapy fleet` can't be fetched on any worker, for no fault of its lines."""

    reason = "shard-failed"


class BadInput(ValueError):
    """A list, folder, argument or setting that a run can't start with.

    Its text is one line: what, where, and what to do.
    """


def rejection_of(status: int) -> Rejection | None:
    """Say why an answer of *status* brings no picture; None where it may.

    Every 2xx may, but for 204 and 205, which have no body, and 206, which
    nobody asked for (RFC 9110, section 15.3).
    """
    if 200 <= status < 300 and status not in {204, 205, 206}:
        return None
    if status in {401, 402, 403, 407, 451}:
        return Unauthorized()
    if status in {404, 410}:
        return NotFound()
    if status == 429:
        return RateLimited()
    if 400 <= status < 500:
        return ClientError()
    if 500 <= status < 600:
        return ServerError()
    return UnexpectedStatus()


def store_error(path: Path | str, error: OSError) -> StoreError:
    """Say in one line what the file system refused."""
    return StoreError(f"{path}: {error.strerror or error}")
