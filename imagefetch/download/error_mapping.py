"""Maps exceptions of aiohttp and of sockets to the errors of `imagefetch.errors`."""

from __future__ import annotations

import errno
import socket
import ssl

import aiohttp
from aiohttp.http_exceptions import LineTooLong

from imagefetch import errors

DNS_NOT_FOUND = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}

BY_ERRNO: dict[int, type[errors.Failure]] = {
    errno.ECONNREFUSED: errors.ConnectionRefused,
    errno.ECONNRESET: errors.ConnectionReset,
    errno.ECONNABORTED: errors.ConnectionReset,
    errno.EPIPE: errors.ConnectionReset,
    errno.EHOSTUNREACH: errors.HostUnreachable,
    errno.ENETUNREACH: errors.HostUnreachable,
    errno.EHOSTDOWN: errors.HostUnreachable,
    errno.ENETDOWN: errors.HostUnreachable,
    errno.EADDRNOTAVAIL: errors.HostUnreachable,
    errno.EINVAL: errors.HostUnreachable,  # connect() to an unusable address such as 0.0.0.1
    errno.EACCES: errors.HostUnreachable,  # a broadcast address, or a local firewall
    errno.EPERM: errors.HostUnreachable,
    errno.ETIMEDOUT: errors.ConnectTimeout,
}

TOO_MANY = {"Too many headers received", "Too many trailers received"}

LOCAL = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
"""Error numbers for a lack of local resources."""

# OpenSSL's X509_V_ERR_* (x509_vfy.h)
BY_VERIFY_CODE: dict[int, type[errors.Failure]] = {
    9: errors.CertificateExpired,  # not yet valid
    10: errors.CertificateExpired,
    18: errors.CertificateUntrusted,  # self-signed
    19: errors.CertificateUntrusted,  # self-signed in the chain
    20: errors.CertificateUntrusted,  # no local issuer
    21: errors.CertificateUntrusted,  # chain can't be verified
    62: errors.CertificateWrongHost,
    64: errors.CertificateWrongHost,  # an address instead of a name
}


def classify(error: Exception) -> Exception:
    """Return the `Failure` or `LocalError` that corresponds to *error*.

    Any other exception (a bug, say) is returned unchanged.
    """
    match error:
        case errors.Problem() | errors.LocalError():
            return error
        case OSError() if error.errno in LOCAL:
            return errors.SystemLimit(
                f"{error.strerror}: lower CONCURRENT_REQUESTS, "
                "or raise this system's limit (ulimit -n)"
            )
        case aiohttp.ConnectionTimeoutError():
            return errors.ConnectTimeout()
        case aiohttp.SocketTimeoutError():
            return errors.ResponseTimeout()
        case TimeoutError():
            return errors.DownloadTimeout()
        case aiohttp.ClientProxyConnectionError() | aiohttp.ClientHttpProxyError():
            return errors.ProxyFailure()
        case aiohttp.ClientConnectorDNSError():
            return _dns_failure(error.os_error)
        case aiohttp.ClientConnectorCertificateError():
            return _certificate_failure(error.certificate_error)
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return errors.TLSFailure()
        case aiohttp.ClientOSError(__cause__=ssl.SSLError()):
            return (
                errors.TLSFailure()
            )  # after the handshake; its errno is OpenSSL's, not the system's
        case aiohttp.ClientPayloadError():
            return errors.IncompleteBody()
        case aiohttp.ServerDisconnectedError():
            return errors.ConnectionReset()
        case aiohttp.ClientResponseError():
            return parse_failure(error)
        case aiohttp.InvalidURL():
            return errors.InvalidURL()
        case aiohttp.ClientConnectorError() if _ended_by_asyncio(error.os_error):
            return errors.TLSFailure()
        case OSError():
            return _os_failure(error)
        case UnicodeError():
            return errors.InvalidURL()  # a host name that IDNA can't encode
    return error


def _dns_failure(error: OSError) -> errors.Failure:
    return errors.HostNotFound() if error.errno in DNS_NOT_FOUND else errors.DNSFailure()


def parse_failure(error: Exception) -> errors.Failure:
    """Return the `Failure` for a parser error of aiohttp.

    aiohttp wraps the original error twice; some are recognizable by their message only.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, LineTooLong) or getattr(cause, "message", "") in TOO_MANY:
            return errors.HeadersTooLarge()
        cause = cause.__cause__ or cause.__context__
    return errors.BadHTTP()


def _ended_by_asyncio(error: OSError) -> bool:
    """Return whether asyncio, not the system, reports the end of a connection.

    Before a connection is established, it does so during the TLS handshake only.
    """
    return isinstance(error, ConnectionError) and error.errno is None


def _certificate_failure(error: Exception) -> errors.Failure:
    code = getattr(error, "verify_code", 0)
    return BY_VERIFY_CODE.get(code, errors.CertificateInvalid)()


def _os_failure(error: OSError) -> errors.Failure:
    if _ended_by_asyncio(error):
        return errors.ConnectionReset()
    # If several addresses failed in different ways, asyncio raises one error without
    # errno; none of them was reachable.
    return BY_ERRNO.get(error.errno or 0, errors.HostUnreachable)()
