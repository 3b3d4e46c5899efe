"""Refuses certificates that libcurl accepts by their common name, although they have other names.

libcurl ignores the common name only if the subjectAltName has a host name or an address. With an
e-mail address or a URL alone, a certificate was not issued for a host.
"""

from __future__ import annotations

import pycurl

from imagefetch.download.curl.easy_handle import Handle
from imagefetch.download.curl.transfer import Options

# Servers whose certificate was refused that are remembered; the oldest are forgotten.
REFUSED_MAX = 10_000

TELL_CERTIFICATE: Options = ((pycurl.OPT_CERTINFO, 1),)
"""Lets libcurl keep the certificates of a new connection."""


class CertificateNames:
    """The servers whose certificates were refused.

    A resumed TLS session has no certificate, and a transfer on an open connection none either:
    what was found at the first connection holds until the next full handshake.
    """

    def __init__(self) -> None:
        self._refused: dict[str, None] = {}

    def is_refused(self, handle: Handle) -> bool:
        """Return whether the server of *handle*, whose transfer has ended, is refused."""
        origin = handle.transfer.origin
        if not origin.startswith("https:"):
            return False
        if handle.connection.is_new and (chain := handle.easy.getinfo(pycurl.INFO_CERTINFO)):
            self._refused.pop(origin, None)
            if has_no_host(dict(chain[0]).get("Cert", "")):
                self._refused[origin] = None
                if len(self._refused) > REFUSED_MAX:
                    del self._refused[next(iter(self._refused))]
        return origin in self._refused


def has_no_host(certificate: str) -> bool:
    """Return whether *certificate*, in PEM, has alternative names, but none of a host."""
    from cryptography import x509  # imported late: it delays the start

    try:
        extensions = x509.load_pem_x509_certificate(certificate.encode()).extensions
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension):
        return False
    return not any(isinstance(name, x509.DNSName | x509.IPAddress) for name in names)
