"""Defines every error for which an image is not kept, as one closed tree.

The slug in the second column is the row's ``Reason``. For a `Failure`, the row's
``Response code`` is ``FAILED <class name>``. ``~`` marks transient errors: only
these are retried.

    Problem
    ├── Failure                      no complete response: "FAILED <name>"
    │   ├── InvalidURL               invalid-url
    │   ├── UnsupportedScheme        unsupported-scheme
    │   ├── InvalidRecord            invalid-record
    │   ├── HostNotFound             host-not-found
    │   ├── DNSFailure             ~ dns-failure
    │   ├── HostUnavailable        ~ host-unavailable
    │   ├── HostPaused             ~ host-paused
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
    └── Rejection                    a complete response, its body not kept
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
        ├── UnverifiedFormat         unverified-format
        ├── Placeholder              placeholder
        ├── TooNarrow                too-narrow
        ├── TooLow                   too-low
        ├── TooManyPixels            too-many-pixels
        ├── TooElongated             too-elongated
        ├── TooFewBytes              too-few-bytes
        ├── TypeNotAllowed           type-not-allowed
        └── DroppedByPipeline        dropped-by-pipeline

    LocalError                       a fault of this machine: stops the run, never a row
    ├── StoreError                   store-error
    ├── ReportError                  report-error
    ├── SystemLimit                  system-limit
    ├── ProxyDown                    proxy-down
    ├── RowsMissing                  rows-missing
    ├── SchedulerLost                scheduler-lost
    └── ShardFailed                  shard-failed

    BadInput                         rejected before anything is fetched

Rows with unverified-format also name a file; with KEEP_DAMAGED, so do those with damaged-image,
cut-image, undecodable-image and decoder-failed. `OptedOut` also ends lines that are not requested:
"FAILED OptedOut".

`LocalError` is deliberately not an `OSError`: Scrapy retries those, and a full disk
would produce a failed row for every line.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar


class Problem(Exception):
    """The reason why no image was kept for a line.

    ``reason`` is the slug for the report's ``Reason`` column. ``transient`` says
    whether the same request may succeed later. ``advice`` says what the error means
    and what to do; docs/reasons.md has the same text.
    """

    reason: ClassVar[str]
    transient: ClassVar[bool] = False
    advice: ClassVar[str]

    @property
    def code(self) -> str:
        """The value of the ``Response code`` column if there is no complete response."""
        return f"FAILED {type(self).__name__}"


class Failure(Problem):
    """No complete response was received."""


class InvalidURL(Failure):
    """The line is not a URL that can be requested."""

    reason = "invalid-url"
    advice = "the line is not a valid URL; correct it"


class UnsupportedScheme(Failure):
    """The URL's scheme is neither http nor https."""

    reason = "unsupported-scheme"
    advice = "only http and https URLs are fetched"


class InvalidRecord(Failure):
    """The record of the list can't be read in the list's format."""

    reason = "invalid-record"
    advice = (
        "the record can't be read: an unclosed quote, too many or too few cells, invalid JSON, or"
        " too long; correct it in the list"
    )


class HostNotFound(Failure):
    """The DNS says that the host does not exist."""

    reason = "host-not-found"
    advice = "the host name does not exist; check its spelling"


class DNSFailure(Failure):
    """The DNS lookup failed: no response, or an error other than "no such host"."""

    reason = "dns-failure"
    transient = True
    advice = "the DNS lookup failed; check this machine's DNS and network"


class HostUnavailable(Failure):
    """The circuit breaker of the host was open until it gave up; the line was not tried."""

    reason = "host-unavailable"
    transient = True
    advice = (
        "the host accepted no connection: `BREAKER_FAILURES` in a row failed, and so did every"
        " later probe, for `BREAKER_PATIENCE` if it had accepted some before. This line was not"
        " tried; run with `-a only=failed` later"
    )


class HostPaused(Failure):
    """The host asks for a longer pause than RETRY_AFTER_MAX, or refused everything for
    RATE_LIMIT_PATIENCE; the line was not tried, or not again."""

    reason = "host-paused"
    transient = True
    advice = (
        "the host asked other lines for a longer pause than `RETRY_AFTER_MAX`, or refused all"
        " requests for `RATE_LIMIT_PATIENCE`. This line was not sent; run with `-a only=failed`"
        " later"
    )


class BlockedAddress(Failure):
    """The host's address is neither public nor in ALLOWED_NETWORKS."""

    reason = "blocked-address"
    advice = "the host's address is not public; `ALLOWED_NETWORKS` permits networks of your own"


class ConnectionRefused(Failure):
    """No server listens on the host's port."""

    reason = "connection-refused"
    transient = True
    advice = "no server listens on that port; try again later"


class HostUnreachable(Failure):
    """There is no route to the host."""

    reason = "host-unreachable"
    transient = True
    advice = "no route to the host; check network and firewall"


class ConnectionReset(Failure):
    """The connection was closed before the response headers were complete."""

    reason = "connection-reset"
    transient = True
    advice = "the connection was closed before a response arrived; use fewer concurrent requests"


class ProxyFailure(Failure):
    """The configured proxy could not be used."""

    reason = "proxy-failure"
    transient = True
    advice = "the proxy refused the request or could not be reached; check the proxy settings"


class ConnectTimeout(Failure):
    """No connection was established within CONNECT_TIMEOUT."""

    reason = "connect-timeout"
    transient = True
    advice = "no connection within `CONNECT_TIMEOUT`; try again later"


class ResponseTimeout(Failure):
    """The server sent nothing for RESPONSE_TIMEOUT."""

    reason = "response-timeout"
    transient = True
    advice = "the server sent nothing for `RESPONSE_TIMEOUT`; try again later"


class DownloadTimeout(Failure):
    """The response was not complete within DOWNLOAD_TIMEOUT."""

    reason = "download-timeout"
    transient = True
    advice = (
        "the response was not complete within `DOWNLOAD_TIMEOUT`; raise it, or use fewer"
        " concurrent requests"
    )


class TooSlow(Failure):
    """The body was slower than MIN_SPEED over MIN_SPEED_WINDOW."""

    reason = "too-slow"
    transient = True
    advice = "the body was slower than `MIN_SPEED`; lower it, or use fewer concurrent requests"


class CertificateExpired(Failure):
    """The certificate has expired or is not valid yet."""

    reason = "certificate-expired"
    advice = (
        "the certificate has expired or is not valid yet: a fault of the server, unless this"
        " machine's clock is wrong"
    )


class CertificateUntrusted(Failure):
    """The certificate is self-signed, or its authority is not trusted."""

    reason = "certificate-untrusted"
    advice = "the certificate is self-signed, or this machine does not trust its authority"


class CertificateWrongHost(Failure):
    """The certificate was issued for another host."""

    reason = "certificate-wrong-host"
    advice = "the certificate was issued for another host"


class CertificateInvalid(Failure):
    """The certificate was rejected for another cause."""

    reason = "certificate-invalid"
    advice = "the certificate was rejected for another cause"


class TLSFailure(Failure):
    """The TLS handshake failed."""

    reason = "tls-failure"
    transient = True
    advice = "the TLS handshake failed"


class BadHTTP(Failure):
    """The response is not valid HTTP."""

    reason = "bad-http"
    advice = "the response is not valid HTTP; check the port"


class HeadersTooLarge(Failure):
    """The headers exceed the limit in number or size, or there are too many 1xx responses."""

    reason = "headers-too-large"
    advice = "the response has more headers, or 1xx responses, than are accepted"


class IncompleteBody(Failure):
    """The body was truncated."""

    reason = "incomplete-body"
    transient = True
    advice = "the connection was closed before the body was complete; try again later"


class BadEncoding(Failure):
    """The body does not match its Content-Encoding, or exceeds a limit on decoding."""

    reason = "bad-encoding"
    advice = "the body does not match its Content-Encoding, or is too expensive to decode"


class TooLarge(Failure):
    """The body is longer than DOWNLOAD_MAXSIZE."""

    reason = "too-large"
    advice = "the body is longer than `DOWNLOAD_MAXSIZE`; raise it"


class TooManyRedirects(Failure):
    """A redirect loop, or more than REDIRECT_MAX_TIMES redirects."""

    reason = "too-many-redirects"
    advice = "a redirect loop, or more than `REDIRECT_MAX_TIMES` redirects"


class BadRedirect(Failure):
    """The Location header can't be followed: malformed, or not http(s)."""

    reason = "bad-redirect"
    advice = "the redirect leads to a malformed URL, or to one that is not http(s)"


class DisallowedByRobots(Failure):
    """The host's robots.txt disallows the URL, and ROBOTSTXT_OBEY is on."""

    reason = "robots-disallowed"
    advice = "the host's robots.txt disallows the URL, and `ROBOTSTXT_OBEY` is on"


class RequestDropped(Failure):
    """A middleware or signal handler of the user dropped the request."""

    reason = "request-dropped"
    advice = "one of your middlewares or signal handlers dropped the request"


class WorkerCrash(Failure):
    """Every process that fetched the line crashed; only `scrapy fleet` reports it."""

    reason = "worker-crash"
    advice = (
        "only with `scrapy fleet`: every process that fetched this line crashed, two of them while"
        " they fetched nothing else; the image may be malicious"
    )


class InternalError(Failure):
    """An error in the program itself; the log has its traceback."""

    reason = "internal-error"
    advice = (
        "an error in this program or in a component that you added; the log has details. Please"
        " report errors of this program"
    )


class Rejection(Problem):
    """A complete response whose body is not kept."""


class Unauthorized(Rejection):
    """401, 402, 403, 407, 451."""

    reason = "unauthorized"
    advice = "the server does not allow access"


class NotFound(Rejection):
    """404, 410."""

    reason = "not-found"
    advice = "the image does not exist, or no longer"


class RateLimited(Rejection):
    """429."""

    reason = "rate-limited"
    transient = True
    advice = (
        "the host refused nearly all requests for `RATE_LIMIT_PATIENCE`, even at a low rate; run"
        " with `-a only=failed` later"
    )


class RetryAfterTooLong(Rejection):
    """The response's Retry-After is longer than RETRY_AFTER_MAX."""

    reason = "retry-after-too-long"
    transient = True
    advice = "the server asks for a longer pause than `RETRY_AFTER_MAX`; try again later"


class ClientError(Rejection):
    """Any other 4xx."""

    reason = "client-error"
    advice = "the server rejects the request"


class ServerError(Rejection):
    """5xx."""

    reason = "server-error"
    transient = True
    advice = "the server has a fault; try again later"


class UnexpectedStatus(Rejection):
    """A status without a complete image: 204, 206, a 3xx without Location, …"""

    reason = "unexpected-status"
    advice = "a status without a complete image: 204, 206, a 3xx without Location, …"


class OptedOut(Rejection):
    """The host opts out, by a header of the response or by a file, such as robots.txt. Because of
    a file the line is not requested, so that there is no response.

    *signal*: one of `imagefetch.download.opt_outs.signals.SIGNALS`.
    """

    def __init__(self, signal: str = "") -> None:
        super().__init__(signal)
        self.signal = signal

    reason = "opted-out"
    advice = (
        "the host opts out by one of `OPT_OUT_SIGNALS`, with a header of the response, or in its"
        " robots.txt or tdmrep.json; the log's summary says which signals there were"
    )


class EmptyBody(Rejection):
    """A successful status with an empty body."""

    reason = "empty-body"
    advice = "a successful response with an empty body"


class NotAnImage(Rejection):
    """The bytes are not in an image format that is known.

    *kind*: what they are, a key of `imagefetch.images.non_images.KINDS`; empty if that is unknown.
    """

    def __init__(self, kind: str = "") -> None:
        super().__init__(kind)
        self.kind = kind

    reason = "not-an-image"
    advice = "the body is not an image; often it is an HTML error page"


class DamagedImage(Rejection):
    """The first bytes are those of an image, but its header can't be read."""

    reason = "damaged-image"
    advice = (
        "the body begins like an image, but its header is inconsistent; kept unless"
        " `KEEP_DAMAGED` is off"
    )


class CutImage(Rejection):
    """The image is truncated, although its response was complete."""

    reason = "cut-image"
    advice = (
        "the image is truncated, although the response was complete; kept unless `KEEP_DAMAGED`"
        " is off"
    )


class UndecodableImage(Rejection):
    """The header is valid, but the image can't be decoded."""

    reason = "undecodable-image"
    advice = (
        "the header is valid, but the image can't be decoded; kept unless `KEEP_DAMAGED` is off"
    )


class DecoderFailed(Rejection):
    """Decoding exceeded its limits on time or memory, or crashed."""

    reason = "decoder-failed"
    advice = (
        "decoding took too long or too much memory, or crashed; kept unless `KEEP_DAMAGED` is off"
    )


class UnverifiedFormat(Rejection):
    """The image could not be verified: its format is known, but not to the decoder."""

    reason = "unverified-format"
    advice = (
        "with `VERIFY_IMAGES=full`: the image is kept, but could not be decoded, since Pillow"
        " does not support its format"
    )


class Placeholder(Rejection):
    """The host sent its placeholder for a missing image."""

    reason = "placeholder"
    advice = "the host's placeholder for a missing image"


class TooNarrow(Rejection):
    """Narrower than MIN_WIDTH."""

    reason = "too-narrow"
    advice = "the image is narrower than `MIN_WIDTH`"


class TooLow(Rejection):
    """Lower than MIN_HEIGHT."""

    reason = "too-low"
    advice = "the image is lower than `MIN_HEIGHT`"


class TooManyPixels(Rejection):
    """More pixels than MAX_PIXELS."""

    reason = "too-many-pixels"
    advice = "the image has more pixels than `MAX_PIXELS`"


class TooElongated(Rejection):
    """An aspect ratio greater than MAX_ASPECT_RATIO."""

    reason = "too-elongated"
    advice = "the image's aspect ratio is greater than `MAX_ASPECT_RATIO`"


class TooFewBytes(Rejection):
    """Fewer bytes than MIN_BYTES."""

    reason = "too-few-bytes"
    advice = "the image has fewer bytes than `MIN_BYTES`"


class TypeNotAllowed(Rejection):
    """A type that is not in ALLOWED_TYPES."""

    reason = "type-not-allowed"
    advice = "the image's type is not in `ALLOWED_TYPES`"


class DroppedByPipeline(Rejection):
    """An item pipeline of the user dropped the record."""

    reason = "dropped-by-pipeline"
    advice = "one of your item pipelines dropped the image"


def problems(base: type[Problem] = Problem) -> Iterator[type[Problem]]:
    """Yield every subclass of *base* that has a reason."""
    for cls in base.__subclasses__():
        if hasattr(cls, "reason"):
            yield cls
        yield from problems(cls)


class LocalError(Exception):
    """A fault of this machine. The run stops, and no row is written for it."""

    reason: ClassVar[str]


class StoreError(LocalError):
    """A file could not be written, or not moved to its final path."""

    reason = "store-error"


class ReportError(LocalError):
    """A row could not be written."""

    reason = "report-error"


class SystemLimit(LocalError):
    """The operating system refused a socket or memory."""

    reason = "system-limit"


class ProxyDown(LocalError):
    """The proxy of the environment accepts no connection."""

    reason = "proxy-down"


class RowsMissing(LocalError):
    """At its end, the run had not written exactly one row for each line."""

    reason = "rows-missing"


class SchedulerLost(LocalError):
    """Dask's scheduler no longer responds."""

    reason = "scheduler-lost"


class ShardFailed(LocalError):
    """No worker could fetch a shard of `scrapy fleet`, and its lines are not the cause."""

    reason = "shard-failed"


class BadInput(ValueError):
    """A list, folder, argument or setting with which a run can't start.

    Its message is one line: what is wrong, where, and what to do.
    """


def condition_of(reason: str) -> str:
    """Return the word for an image that is kept although its row has a *reason*."""
    return "unverified" if reason == UnverifiedFormat.reason else "damaged"


def rejection_of(status: int, *, partial: bool = True) -> Rejection | None:
    """Return why a response with *status* has no image; None if it may have one.

    Every 2xx may, except 204 and 205, which have no body, and 206 if its body is *partial*: a part
    that was not asked for, as its Content-Range tells (RFC 9110, section 15.3).
    """
    if 200 <= status < 300 and status not in {204, 205} and (status != 206 or not partial):
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
    """Return a `StoreError` whose message is *path* and the error of the file system."""
    return StoreError(f"{path}: {error.strerror or error}")
