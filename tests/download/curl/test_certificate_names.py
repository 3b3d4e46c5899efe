"""For which hosts a certificate is valid."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest
import trustme
from scrapy import Request

from imagefetch.download.curl.certificate_names import has_no_host
from imagefetch.errors import CertificateWrongHost
from tests.conftest import HOSTS
from tests.support.handling import fetch, handler
from tests.support.server import serving


def tls(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    """Return a server's TLS with a certificate for *names*, whose common name is localhost."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names, common_name="localhost").configure_cert(context)
    return context


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    made = trustme.CA()
    made.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    return made


@pytest.mark.parametrize(
    ("names", "valid"),
    [
        (["localhost"], True),
        (["me@a.example", "localhost"], True),
        (["me@a.example"], False),
        (["me@a.example", "b.example"], False),
        (["127.0.0.1"], False),
    ],
)
def test_alternative_names(authority: trustme.CA, names: list[str], valid: bool) -> None:
    """Where there are any, the common name does not count."""
    with serving(HOSTS[:1], tls(authority, *names)) as server:
        request = Request(server.url("/image/a", "localhost"))
        assert fetch(request, DOWNLOAD_VERIFY_CERTIFICATES=False).status == 200
        if valid:
            assert fetch(request).status == 200
            return
        with pytest.raises(CertificateWrongHost):
            fetch(request)


def test_a_refused_server_stays_refused(authority: trustme.CA) -> None:
    """On an open connection too, and after a resumed TLS session, which tells no certificate."""

    async def run(url: str) -> None:
        async with handler() as made:
            for retries in (0, 0, 1, 1):
                with pytest.raises(CertificateWrongHost):
                    await made.download_request(Request(url, meta={"retry_times": retries}))

    with serving(HOSTS[:1], tls(authority, "me@a.example")) as server:
        asyncio.run(run(server.url("/image/a", "localhost")))
        assert server.connections == 3


@pytest.mark.parametrize("text", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_what_is_no_certificate(text: str) -> None:
    """It is left to libcurl, which has accepted it."""
    assert not has_no_host(text)
