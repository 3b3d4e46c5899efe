"""Maps the errors of libcurl, of OpenSSL and of sockets to those of `imagefetch.errors`."""

from __future__ import annotations

import errno
import os
import socket
from enum import IntEnum
from typing import NamedTuple

from imagefetch import errors


class CURLcode(IntEnum):
    """The codes of libcurl that are distinguished (curl.h); pycurl does not name all of them."""

    OK = 0
    UNSUPPORTED_PROTOCOL = 1
    URL_MALFORMAT = 3
    COULDNT_RESOLVE_PROXY = 5
    COULDNT_RESOLVE_HOST = 6
    COULDNT_CONNECT = 7
    WEIRD_SERVER_REPLY = 8
    HTTP2 = 16
    PARTIAL_FILE = 18
    OUT_OF_MEMORY = 27
    OPERATION_TIMEDOUT = 28
    SSL_CONNECT_ERROR = 35
    INTERFACE_FAILED = 45
    GOT_NOTHING = 52
    SEND_ERROR = 55
    RECV_ERROR = 56
    SSL_CERTPROBLEM = 58
    SSL_CIPHER = 59
    PEER_FAILED_VERIFICATION = 60
    BAD_CONTENT_ENCODING = 61
    USE_SSL_FAILED = 64
    SSL_SHUTDOWN_FAILED = 80
    SSL_ISSUER_ERROR = 83
    HTTP2_STREAM = 92
    HTTP3 = 95
    QUIC_CONNECT_ERROR = 96
    PROXY = 97
    SSL_CLIENTCERT = 98
    TOO_LARGE = 100


DNS_NOT_FOUND = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}

LOCAL = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
"""Error numbers for a lack of local resources."""

BY_ERRNO: dict[int, type[errors.Failure]] = {
    errno.ECONNREFUSED: errors.ConnectionRefused,
    errno.ECONNRESET: errors.ConnectionReset,
    errno.ECONNABORTED: errors.ConnectionReset,
    errno.EPIPE: errors.ConnectionReset,
    errno.ETIMEDOUT: errors.ConnectTimeout,
}
"""Of connect(); any other is `HostUnreachable`: no route, an unusable address, a firewall."""

# OpenSSL's X509_V_ERR_* (x509_vfy.h)
BY_VERIFY_RESULT: dict[int, type[errors.Failure]] = {
    9: errors.CertificateExpired,  # not yet valid
    10: errors.CertificateExpired,
    18: errors.CertificateUntrusted,  # self-signed
    19: errors.CertificateUntrusted,  # self-signed in the chain
    20: errors.CertificateUntrusted,  # no local issuer
    21: errors.CertificateUntrusted,  # chain can't be verified
    62: errors.CertificateWrongHost,
    64: errors.CertificateWrongHost,  # an address instead of a name
}

# Errors while a connection is established, TLS included.
TLS = {
    CURLcode.SSL_CONNECT_ERROR,
    CURLcode.SSL_CERTPROBLEM,
    CURLcode.SSL_CIPHER,
    CURLcode.SSL_CLIENTCERT,
    CURLcode.SSL_ISSUER_ERROR,
    CURLcode.SSL_SHUTDOWN_FAILED,
    CURLcode.USE_SSL_FAILED,
}

# Errors of a response that is not HTTP, or of framing that contradicts itself.
BAD = {
    CURLcode.UNSUPPORTED_PROTOCOL,
    CURLcode.WEIRD_SERVER_REPLY,
    CURLcode.BAD_CONTENT_ENCODING,  # of an unknown Transfer-Encoding: no other is decoded
}

# Errors of a connection that ended, or of an HTTP/2 stream that did.
ENDED = {
    CURLcode.GOT_NOTHING,
    CURLcode.RECV_ERROR,
    CURLcode.SEND_ERROR,
    CURLcode.PARTIAL_FILE,
    CURLcode.HTTP2,
    CURLcode.HTTP2_STREAM,
    CURLcode.HTTP3,
    CURLcode.QUIC_CONNECT_ERROR,
}

TLS_TEXT = ("SSL_", "SSL routines", "OpenSSL")
"""What the text of an error contains if OpenSSL reported it."""

EOF_TEXT = "unexpected eof"
"""OpenSSL's words for a TLS connection that ended without saying so."""


class Code(NamedTuple):
    """How a transfer ended: a CURLcode, and libcurl's text for it."""

    number: int
    text: str

    @property
    def is_tls(self) -> bool:
        return any(words in self.text for words in TLS_TEXT)


def connect_failure(number: int) -> errors.Failure | errors.LocalError:
    """Return the error for the *number* (errno) of a connection attempt."""
    if number in LOCAL:
        return system_limit(number)
    return BY_ERRNO.get(number, errors.HostUnreachable)()


def system_limit(number: int) -> errors.SystemLimit:
    """Return the error for a lack of local resources."""
    return errors.SystemLimit(
        f"{os.strerror(number)}: lower CONCURRENT_REQUESTS, "
        "or raise this system's limit (ulimit -n)"
    )


def dns_failure(error: OSError) -> errors.Failure | errors.LocalError:
    """Return the error for what `socket.getaddrinfo` raised."""
    if error.errno in LOCAL:
        return system_limit(error.errno or 0)
    return errors.HostNotFound() if error.errno in DNS_NOT_FOUND else errors.DNSFailure()


def certificate_failure(verify_result: int, text: str) -> errors.Failure:
    """Return the error for a certificate that was rejected; *text*: libcurl's."""
    if "subject name" in text or "common name" in text:  # of libcurl's own check
        return errors.CertificateWrongHost()
    return BY_VERIFY_RESULT.get(verify_result, errors.CertificateInvalid)()


def failure_before_headers(code: Code) -> errors.Failure | errors.LocalError:
    """Return the error of a transfer that ended before the headers were complete.

    Errors of the certificate and of connect() need more than the code: see
    `certificate_failure` and `connect_failure`.
    """
    number = code.number
    if number == CURLcode.OPERATION_TIMEDOUT:
        return errors.ConnectTimeout()
    if number in TLS:
        return errors.TLSFailure()
    if number == CURLcode.TOO_LARGE or "Too large response headers" in code.text:
        return errors.HeadersTooLarge()
    if number in BAD:
        return errors.BadHTTP()
    if number in {CURLcode.COULDNT_RESOLVE_PROXY, CURLcode.PROXY}:
        return errors.ProxyFailure()
    if number == CURLcode.COULDNT_RESOLVE_HOST:
        return errors.DNSFailure()
    if number == CURLcode.URL_MALFORMAT:
        return errors.InvalidURL()
    if number == CURLcode.OUT_OF_MEMORY:
        return system_limit(errno.ENOMEM)
    if number == CURLcode.INTERFACE_FAILED:
        return errors.HostUnreachable()
    if number in ENDED or number == 0:
        return errors.TLSFailure() if code.is_tls and EOF_TEXT not in code.text else _reset()
    return errors.BadHTTP()


def _reset() -> errors.Failure:
    return errors.ConnectionReset()


def failure_in_body(code: Code) -> errors.Failure:
    """Return the error of a transfer that ended after the headers, before the body was complete."""
    if code.number == CURLcode.TOO_LARGE or "Too large response headers" in code.text:
        return errors.HeadersTooLarge()  # trailers
    if code.number in BAD or "chunk" in code.text:
        return errors.BadHTTP()
    if code.is_tls and EOF_TEXT not in code.text:
        return errors.TLSFailure()
    return errors.IncompleteBody()
