"""The options of libcurl for TLS and for the version of HTTP."""

from __future__ import annotations

import os
import ssl

import pycurl
from scrapy.settings import BaseSettings

from imagefetch.download.curl.certificate_names import TELL_CERTIFICATE
from imagefetch.download.curl.transfer import Options

VERSIONS: dict[str, tuple[int, int]] = {
    "TLSv1.0": (pycurl.SSLVERSION_TLSv1_0, pycurl.SSLVERSION_MAX_TLSv1_0),
    "TLSv1.1": (pycurl.SSLVERSION_TLSv1_1, pycurl.SSLVERSION_MAX_TLSv1_1),
    "TLSv1.2": (pycurl.SSLVERSION_TLSv1_2, pycurl.SSLVERSION_MAX_TLSv1_2),
    "TLSv1.3": (pycurl.SSLVERSION_TLSv1_3, pycurl.SSLVERSION_MAX_TLSv1_3),
}
"""Versions of TLS, as minimum and as maximum."""

OLD = ("TLSv1.0", "TLSv1.1")
"""Versions that OpenSSL refuses at its default security level."""

HTTP_VERSIONS = {
    "auto": pycurl.CURL_HTTP_VERSION_2TLS,
    "1.1": pycurl.CURL_HTTP_VERSION_1_1,
    "3": pycurl.CURL_HTTP_VERSION_3,
}
"""Values of HTTP_VERSION. "auto": HTTP/2 if an https server offers it, else HTTP/1.1."""


def tls_options(settings: BaseSettings) -> Options:
    """Return the options for TLS.

    Settings: DOWNLOAD_VERIFY_CERTIFICATES, DOWNLOAD_TLS_MIN_VERSION, DOWNLOAD_TLS_MAX_VERSION,
    DOWNLOADER_CLIENT_TLS_CIPHERS. The trusted authorities are those of the system, or of the
    environment variables SSL_CERT_FILE and SSL_CERT_DIR.

    :raises ValueError: if a setting is invalid; its message is one line
    """
    if not settings.getbool("DOWNLOAD_VERIFY_CERTIFICATES"):
        trust: Options = (
            (pycurl.SSL_VERIFYPEER, 0),
            (pycurl.SSL_VERIFYHOST, 0),
            (pycurl.PROXY_SSL_VERIFYPEER, 0),
            (pycurl.PROXY_SSL_VERIFYHOST, 0),
        )
    else:
        trust = (*_authorities(), *TELL_CERTIFICATE)
    return (*trust, *_versions(settings), *_ciphers(settings))


def http_options(settings: BaseSettings) -> Options:
    """Return the options for HTTP_VERSION."""
    return ((pycurl.HTTP_VERSION, HTTP_VERSIONS[settings.get("HTTP_VERSION", "auto")]),)


def _authorities() -> Options:
    paths = ssl.get_default_verify_paths()
    options: Options = ()
    if paths.cafile:
        options = ((pycurl.CAINFO, paths.cafile), (pycurl.PROXY_CAINFO, paths.cafile))
    if paths.capath and "SSL_CERT_FILE" not in os.environ:
        options += (pycurl.CAPATH, paths.capath), (pycurl.PROXY_CAPATH, paths.capath)
    return options


def _versions(settings: BaseSettings) -> Options:
    if (method := settings["DOWNLOADER_CLIENT_TLS_METHOD"]) not in {None, "TLS"}:
        raise ValueError(
            f"setting DOWNLOADER_CLIENT_TLS_METHOD = {method!r}: use DOWNLOAD_TLS_MIN_VERSION "
            "and DOWNLOAD_TLS_MAX_VERSION"
        )
    least, most = (
        _version(settings, name)
        for name in ("DOWNLOAD_TLS_MIN_VERSION", "DOWNLOAD_TLS_MAX_VERSION")
    )
    names = list(VERSIONS)
    if least and most and names.index(least) > names.index(most):
        raise ValueError(
            f"setting DOWNLOAD_TLS_MIN_VERSION = {least!r}: must not be above "
            f"DOWNLOAD_TLS_MAX_VERSION = {most!r}"
        )
    if most in OLD and not least:
        least = most
    value = VERSIONS[least or "TLSv1.2"][0] | (VERSIONS[most][1] if most else 0)
    return ((pycurl.SSLVERSION, value),)


def _version(settings: BaseSettings, name: str) -> str | None:
    value: str | None = settings[name]
    if value is not None and value not in VERSIONS:
        raise ValueError(f"setting {name} = {value!r}: must be one of {', '.join(VERSIONS)}")
    return value


def _ciphers(settings: BaseSettings) -> Options:
    value = str(settings["DOWNLOADER_CLIENT_TLS_CIPHERS"] or "DEFAULT")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).set_ciphers(value)
    except ssl.SSLError as error:
        raise ValueError(
            f"setting DOWNLOADER_CLIENT_TLS_CIPHERS = {value!r}: must be a cipher list of OpenSSL"
        ) from error
    versions = (settings["DOWNLOAD_TLS_MIN_VERSION"], settings["DOWNLOAD_TLS_MAX_VERSION"])
    if "@SECLEVEL" not in value and any(version in OLD for version in versions):
        value += ":@SECLEVEL=0"
    return () if value == "DEFAULT" else ((pycurl.SSL_CIPHER_LIST, value),)
