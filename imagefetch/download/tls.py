"""The options of libcurl for TLS: which authorities are trusted, which versions are allowed."""

from __future__ import annotations

import os
import ssl

import pycurl
from scrapy.settings import BaseSettings

from imagefetch.download.easy_handle import Options


def tls_options(settings: BaseSettings) -> Options:
    """Return the options for TLS.

    Settings: DOWNLOAD_VERIFY_CERTIFICATES. The trusted authorities are those of the system, or of
    the environment variables SSL_CERT_FILE and SSL_CERT_DIR.

    :raises ValueError: if a setting is invalid; its message is one line
    """
    if not settings.getbool("DOWNLOAD_VERIFY_CERTIFICATES"):
        return (pycurl.SSL_VERIFYPEER, 0), (pycurl.SSL_VERIFYHOST, 0), *_versions(settings)
    return (*_authorities(), *_versions(settings))


def _authorities() -> Options:
    paths = ssl.get_default_verify_paths()
    options: Options = ()
    if paths.cafile:
        options = (*options, (pycurl.CAINFO, paths.cafile))
    if paths.capath and "SSL_CERT_FILE" not in os.environ:
        options = (*options, (pycurl.CAPATH, paths.capath))
    return options


def _versions(settings: BaseSettings) -> Options:
    return ((pycurl.SSLVERSION, pycurl.SSLVERSION_TLSv1_2),)
