"""Tests of imagefetch.download.lenient: over TLS, and how often a server is asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from scrapy import Request

from imagefetch.download.response import FileResponse
from imagefetch.errors import BadHTTP, DownloadTimeout, IncompleteBody, ResponseTimeout, TooLarge
from imagefetch.meta import STREAM_TO
from tests.conftest import HOSTS
from tests.support.answers import LENGTH, OK, PICTURE, Answer, Endless, sends, then_silent
from tests.support.handling import fetch
from tests.support.server import Server, serving
from tests.support.tls import certificate

ODD = OK + b"Pragma: no-cache\r\r\n" + LENGTH + b"\r\n"
LONG = OK + b"Pragma: no-cache\r\r\nContent-Length: 9000\r\n\r\n"


@pytest.fixture
def secure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server with TLS that this process trusts."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    with serving(HOSTS[:1], certificate(authority)) as running:
        yield running


def test_over_tls(secure: Server, tmp_path: Path) -> None:
    """The response is requested once more, with the same headers, which counts as an attempt."""
    secure.raw["/raw/a?b=c"] = then_silent(ODD + PICTURE)
    headers = {"User-Agent": "me/1", "X-Empty": ""}
    stored = tmp_path / "stored"
    stored.mkdir()
    request = Request(secure.url("/raw/a?b=c"), headers=headers, meta={STREAM_TO: stored})
    response = fetch(request, RESPONSE_TIMEOUT=20)
    assert isinstance(response, FileResponse)
    assert response.download.path is not None
    assert response.download.path.read_bytes() == PICTURE
    assert secure.hits["/raw/a?b=c"] == 2
    assert request.meta["retry_times"] == 1
    sent = secure.headers["/raw/a?b=c"]
    assert (sent["user-agent"], sent["host"]) == ("me/1", f"127.0.0.1:{secure.port}")


@pytest.mark.parametrize("tls", [False, True])
def test_its_limits(server: Server, secure: Server, tmp_path: Path, tls: bool) -> None:
    """Those of time, size and completeness apply."""
    where = secure if tls else server
    stored = tmp_path / "stored"
    stored.mkdir()
    drops = Endless(LONG + PICTURE, [b"\0"], pause=0.05)
    cases: list[tuple[Answer, dict[str, Any], type[Exception]]] = [
        (sends(LONG + PICTURE), {}, IncompleteBody),
        (then_silent(LONG + PICTURE), {"RESPONSE_TIMEOUT": 0.5}, ResponseTimeout),
        (drops, {"DOWNLOAD_TIMEOUT": 1}, DownloadTimeout),
        (then_silent(LONG + PICTURE), {"DOWNLOAD_MAXSIZE": 8_999}, TooLarge),
        (then_silent(ODD[:-2] + b"X: a\0b\r\n\r\n" + PICTURE), {}, BadHTTP),
    ]
    for answer, settings, error in cases:
        where.raw["/raw/a"] = answer
        with pytest.raises(error):
            fetch(Request(where.url("/raw/a"), meta={STREAM_TO: stored}), **settings)
    assert list(stored.iterdir()) == []
