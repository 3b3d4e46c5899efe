"""Finds the error with which a transfer ended; none if its response is complete."""

from __future__ import annotations

import pycurl

from imagefetch.download.curl.easy_handle import Handle
from imagefetch.download.curl.error_mapping import (
    BAD,
    EOF_TEXT,
    LOCAL,
    Code,
    CURLcode,
    certificate_failure,
    connect_failure,
    failure_before_headers,
    failure_in_body,
    system_limit,
)
from imagefetch.download.curl.response_head import Head, status_of
from imagefetch.errors import (
    ConnectionReset,
    ConnectTimeout,
    Failure,
    IncompleteBody,
    LocalError,
    ProxyFailure,
    TLSFailure,
    rejection_of,
)

# Statuses without a body, whatever their headers say (RFC 9112, section 6.3).
BODILESS = {204, 205, 304}

MOVED = {301, 302, 303, 307, 308}


class KeptConnectionEnded(Exception):
    """A reused connection ended without a response.

    Either its server closed it just then, or it read the request and hung up: the client
    can't tell which.
    """


def error_of(handle: Handle, code: Code, *, to_proxy: bool, tunnel: bool) -> Exception | None:
    """Return the error with which the transfer of *handle* ended; None if it has a response.

    *to_proxy*: whether the connection is to a proxy; *tunnel*: whether through it to the server.
    """
    unwanted = handle.head is not None and handle.transfer.consumer.unwanted
    if handle.error is not None and not (unwanted and isinstance(handle.error, Failure)):
        return handle.error
    if handle.enough or unwanted:
        return None
    if handle.head is None and _stands(handle, code):
        handle.head = Head(handle.lines)
        try:
            handle.transfer.consumer.begin(handle.head)
        except Exception as error:
            return error
    head = handle.head
    if head is None:
        return _error_before_headers(handle, code, to_proxy, tunnel)
    if handle.transfer.consumer.unwanted or handle.bodiless:
        return None
    if code.number == 0:
        whole = head.status in BODILESS or handle.received >= (head.length or 0)
        return None if whole else IncompleteBody()
    if EOF_TEXT in code.text and head.length is None and not head.chunked:
        return None  # the end of the connection is that of the body; many servers end TLS so
    return failure_in_body(code)


def _stands(handle: Handle, code: Code) -> bool:
    """Return whether a status was read that needs no body, though later headers are malformed."""
    if code.number not in BAD or not handle.lines or not handle.connection.sent:
        return False
    status = status_of(handle.lines[0])
    if status in MOVED:
        return any(line.lower().startswith(b"location:") for line in handle.lines)
    return status >= 300 and rejection_of(status) is not None


def _error_before_headers(handle: Handle, code: Code, to_proxy: bool, tunnel: bool) -> Exception:
    if handle.connection.resent:
        return KeptConnectionEnded()
    if not handle.connection.sent:
        failure = _connection_error(handle, code)
        of_proxy = to_proxy and not (tunnel and handle.tunnelled)
        if not of_proxy or isinstance(failure, LocalError | ConnectTimeout):
            return failure
        return ProxyFailure()
    failure = failure_before_headers(code)
    if to_proxy and not tunnel:
        return ProxyFailure()  # the proxy is the only peer
    return failure


def _connection_error(handle: Handle, code: Code) -> Exception:
    """Return the error of a connection that could not be established."""
    if (error := handle.connection.socket_error) is not None and error.errno in LOCAL:
        return system_limit(error.errno or 0)
    if handle.connection.blocked is not None and not handle.connection.is_new:
        return handle.connection.blocked
    if code.number == CURLcode.COULDNT_CONNECT:
        return connect_failure(handle.easy.getinfo(pycurl.OS_ERRNO))
    if code.number == CURLcode.PEER_FAILED_VERIFICATION:
        return certificate_failure(handle.easy.getinfo(pycurl.SSL_VERIFYRESULT), code.text)
    failure = failure_before_headers(code)
    if isinstance(failure, ConnectionReset) and handle.transfer.origin.startswith("https:"):
        return TLSFailure()  # in the handshake
    return failure
