"""Tests of imagefetch.download.curl.tls: versions, ciphers and names."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme
from scrapy import Request

from imagefetch.errors import CertificateWrongHost, IncompleteBody, TLSFailure
from tests.conftest import HOSTS, RunCrawl
from tests.support.answers import CHUNKED, OK
from tests.support.handling import fetch
from tests.support.server import Writer, image, serving

AUTHORITY = trustme.CA(key_type=trustme.KeyType.RSA)
OLD = ssl.TLSVersion.TLSv1_1
NEW = ssl.TLSVersion.TLSv1_2


@pytest.fixture(autouse=True)
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process trust `AUTHORITY`."""
    AUTHORITY.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))


def context(*names: str, common_name: str | None = None) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert(
        *names, common_name=common_name, key_type=trustme.KeyType.RSA
    ).configure_cert(made)
    return made


def body(tls: ssl.SSLContext, host: str = "127.0.0.1", **settings: Any) -> bytes:
    with serving(HOSTS[:1], tls) as server:
        return fetch(Request(server.url("/image/a", host)), **settings).body


@pytest.mark.parametrize(
    "cipher",
    ["AES128-SHA", "AES256-GCM-SHA384", "ECDHE-RSA-AES256-SHA", "ECDHE-RSA-AES128-GCM-SHA256"],
)
def test_ciphers_of_old_servers(cipher: str) -> None:
    """Servers with the ciphers that curl and browsers accept can be used as delivered."""
    tls = context("127.0.0.1")
    tls.maximum_version = NEW
    tls.set_ciphers(cipher)
    assert body(tls) == image("/image/a")


def test_ciphers_of_the_setting() -> None:
    """DOWNLOADER_CLIENT_TLS_CIPHERS names the only ciphers that are used."""
    tls = context("127.0.0.1")
    tls.maximum_version = NEW
    tls.set_ciphers("AES128-SHA")
    assert body(tls, DOWNLOADER_CLIENT_TLS_CIPHERS="AES128-SHA:AES256-SHA")
    with pytest.raises(TLSFailure):
        body(tls, DOWNLOADER_CLIENT_TLS_CIPHERS="AES256-SHA")


@pytest.mark.parametrize(
    ("settings", "works"),
    [
        ({}, False),
        ({"DOWNLOAD_TLS_MIN_VERSION": "TLSv1.1"}, True),
        ({"DOWNLOAD_TLS_MAX_VERSION": "TLSv1.1"}, True),
        ({"DOWNLOAD_TLS_MIN_VERSION": "TLSv1.3"}, False),
    ],
)
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
def test_old_versions(settings: dict[str, str], works: bool) -> None:
    """TLS 1.1 is refused, unless a setting permits it."""
    tls = context("127.0.0.1")
    tls.minimum_version = tls.maximum_version = OLD
    tls.set_ciphers("ALL:@SECLEVEL=0")
    if works:
        assert body(tls, **settings) == image("/image/a")
    else:
        with pytest.raises(TLSFailure):
            body(tls, **settings)


def test_limits_of_the_version() -> None:
    """A server whose versions are beyond the limits is a TLSFailure."""
    tls = context("127.0.0.1")
    tls.maximum_version = NEW
    assert body(tls, DOWNLOAD_TLS_MIN_VERSION="TLSv1.2", DOWNLOAD_TLS_MAX_VERSION="TLSv1.2")
    with pytest.raises(TLSFailure):
        body(tls, DOWNLOAD_TLS_MIN_VERSION="TLSv1.3")


@pytest.mark.parametrize(
    ("headers", "whole"),
    [(b"", True), (b"Content-Length: 900\r\n", False), (CHUNKED[len(OK) : -2], False)],
    ids=["till the end", "length", "chunks"],
)
def test_an_end_without_notice(headers: bytes, whole: bool) -> None:
    """Many servers end TLS without saying so. That ends a body only if nothing else tells."""
    begin = b"6\r\n" if b"chunked" in headers else b""

    async def answer(writer: Writer) -> None:
        writer.write(OK + headers + b"\r\n" + begin + b"a body")
        await writer.drain()
        await asyncio.sleep(0.1)  # else nothing of it is sent
        writer.transport.abort()

    with serving(HOSTS[:1], context("127.0.0.1")) as server:
        server.raw["/raw/a"] = answer
        if whole:
            assert fetch(Request(server.url("/raw/a"))).body == b"a body"
        else:
            with pytest.raises(IncompleteBody):
                fetch(Request(server.url("/raw/a")))


@pytest.mark.parametrize("name", ["b.example", "127.0.0.9"])
def test_the_common_name_does_not_count(name: str) -> None:
    """A certificate with subject alternative names is not accepted by its common name."""
    with pytest.raises(CertificateWrongHost):
        body(context(name, common_name="localhost"), "localhost")


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("DOWNLOAD_TLS_MIN_VERSION", "1.2", "must be one of TLSv1.0, TLSv1.1"),
        ("DOWNLOAD_TLS_MAX_VERSION", "SSLv3", "must be one of TLSv1.0, TLSv1.1"),
        ("DOWNLOADER_CLIENT_TLS_CIPHERS", "nonsense", "must be a cipher list of OpenSSL"),
        ("DOWNLOADER_CLIENT_TLS_METHOD", "TLSv1.2", "use DOWNLOAD_TLS_MIN_VERSION"),
    ],
)
def test_settings_that_mean_nothing(crawl: RunCrawl, name: str, value: str, told: str) -> None:
    """They are bad input: one line that names the setting, and nothing is fetched."""
    done = crawl(["http://127.0.0.1:9/a.jpg"], **{name: value})
    assert done.status == 2
    assert "Traceback" not in done.log, done.log
    assert f"setting {name} = {value!r}: {told}" in done.log.splitlines()[-1]
