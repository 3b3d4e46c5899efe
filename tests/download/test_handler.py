"""Tests of imagefetch.download.handler: whole crawls against servers on loopback."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
import trustme
from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import StopDownload

from imagefetch.errors import InvalidURL
from tests.conftest import HOSTS, LOOPBACK, ROOT, Crawl, RunCrawl, environment
from tests.support.answers import (
    OK,
    PICTURE,
    WHOLE,
    Endless,
    asked_for,
    outcomes,
    sends,
    then_reset,
    then_silent,
    unasked,
)
from tests.support.handling import fetch
from tests.support.server import Server, Writer, serving
from tests.support.tls import certificate

ZEROS = [bytes(65_536)]


async def break_tls(writer: Writer) -> None:
    """Send unencrypted bytes on a TLS connection."""
    os.write(writer.get_extra_info("socket").fileno(), b"this is no TLS")
    await asyncio.sleep(0.1)  # otherwise a reset arrives first


UNTRUSTED = ("FAILED CertificateUntrusted", "certificate-untrusted", 1)


def test_tls(crawl: RunCrawl, tmp_path: Path) -> None:
    """A bad certificate is reported and not retried; without verification it is accepted."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    strict = certificate(authority)
    strict.maximum_version = ssl.TLSVersion.TLSv1_2
    strict.verify_mode = ssl.CERT_REQUIRED
    cases = {
        "good": (certificate(authority), ("200", "", 1)),
        "over": (
            certificate(authority, end=-1),
            ("FAILED CertificateExpired", "certificate-expired", 1),
        ),
        "of nobody known": (certificate(authority, known=False), UNTRUSTED),
        "of another host": (
            certificate(authority, "b.example"),
            ("FAILED CertificateWrongHost", "certificate-wrong-host", 1),
        ),
        "wants one of mine": (strict, ("FAILED TLSFailure", "tls-failure", 2)),
    }
    with ExitStack() as stack:
        servers = [stack.enter_context(serving(HOSTS[:1], tls)) for tls, _ in cases.values()]
        servers[0].raw["/raw/broken"] = break_tls
        cut = stack.enter_context(serving(HOSTS[:1]))
        cut.greet = asked_for(sends(b""))
        plain = stack.enter_context(serving(HOSTS[:1]))
        plain.greet = asked_for(sends(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
        lines = [server.url("/image/a.jpg") for server in servers]
        lines += [servers[0].url("/raw/broken")]
        lines += [server.url("/").replace("http:", "https:") for server in (cut, plain)]
        env = {"SSL_CERT_FILE": str(tmp_path / "authority.pem")}
        failed = ("FAILED TLSFailure", "tls-failure", 2)
        found = outcomes(crawl(lines, env=env, RETRY_TIMES=1))
        assert found == [*(outcome for _, outcome in cases.values()), failed, failed, failed]
        assert (cut.connections, plain.connections) == (2, 2)
        assert [sum(server.hits.values()) for server in servers] == [1 + 2, 0, 0, 0, 0]
        (tmp_path / "REPORT.csv").unlink()
        shutil.rmtree(tmp_path / "images")
        lax = {"DOWNLOAD_VERIFY_CERTIFICATES": False}
        found = outcomes(crawl(lines[:4], env=env, RETRY_TIMES=1, **lax))
        assert found == [("200", "", 1)] * 4


@pytest.mark.skipif("sys.platform != 'linux'", reason="backlogs overflow in other ways elsewhere")
def test_no_connection(crawl: RunCrawl, server: Server) -> None:
    """A host that accepts no connection, and one that never ends the handshake, time out."""
    server.greet = unasked(then_silent())
    with ExitStack() as stack:
        full = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):  # they fill the backlog
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        lines = [
            f"http://127.0.0.1:{full.getsockname()[1]}/",
            server.url("/").replace(":", "s:", 1),
        ]
        done = crawl(lines, RETRY_TIMES=1, CONNECT_TIMEOUT=1)
    assert outcomes(done) == [("FAILED ConnectTimeout", "connect-timeout", 2)] * 2
    assert server.connections == 2


def test_connections_are_kept(crawl: RunCrawl, server: Server) -> None:
    """With errors and redirects, too, there are no more connections than concurrent requests."""
    kinds = ("image", "status/404", "status/403", "hops/1")
    done = crawl(
        [server.url(f"/{kinds[n % 4]}/{n}.jpg") for n in range(400)], CONCURRENT_REQUESTS=4
    )
    assert {attempts for *_, attempts in outcomes(done)} == {1}
    assert sum(server.hits.values()) == 500
    assert server.connections <= 4


def test_connections_that_their_server_closes(crawl: RunCrawl, server: Server) -> None:
    """Closed without notice, at once or later: the attempts are those that the server counted."""
    for n in range(300):
        pause = (0, 0.002, 0.01, 0.05)[n % 4]
        server.raw[f"/raw/{n}"] = sends(WHOLE, b"", apart=pause)
    done = crawl([server.url(path) for path in server.raw], CONCURRENT_REQUESTS=8)
    assert outcomes(done) == [("200", "", 1)] * 300
    assert [server.hits[path] for path in server.raw] == [1] * 300


def test_hanging_up_on_kept_connections(crawl: RunCrawl, server: Server) -> None:
    """A server that reads each request and hangs up receives every attempt, and no more."""
    lines = []
    for n in range(60):
        server.raw[f"/raw/{n}"] = then_reset() if n % 2 else sends(b"")
        lines += [server.url(f"/image/{n}.jpg"), server.url(f"/raw/{n}")]
    done = crawl(lines, RETRY_TIMES=2, CONCURRENT_REQUESTS=4)
    reset = ("FAILED ConnectionReset", "connection-reset", 3)
    assert outcomes(done) == [("200", "", 1), reset] * 60
    assert {server.hits[path] for path in server.raw} == {3}


def test_credentials_in_the_url(crawl: RunCrawl, server: Server) -> None:
    """They are sent as UTF-8 and override those of DEFAULT_REQUEST_HEADERS."""
    where = f"127.0.0.1:{server.port}"
    mine = base64.b64encode("me:m\u00fc".encode()).decode()
    headers = json.dumps({"Authorization": "Basic b3RoZXI6cHc="})
    lines = [f"http://me:m%C3%BC@{where}/image/a.jpg", f"http://{where}/image/b.jpg"]
    done = crawl(lines, DEFAULT_REQUEST_HEADERS=headers)
    assert outcomes(done) == [("200", "", 1)] * 2
    assert server.headers["/image/a.jpg"]["authorization"] == f"Basic {mine}"
    assert server.headers["/image/b.jpg"]["authorization"] == "Basic b3RoZXI6cHc="


def test_bind_address(crawl: RunCrawl, server: Server) -> None:
    """Connections come from DOWNLOAD_BIND_ADDRESS."""
    peers = []

    async def note_peer(writer: Writer) -> None:
        peers.append(writer.get_extra_info("peername")[0])
        await sends(WHOLE)(writer)

    server.raw["/raw/a"] = note_peer
    done = crawl([server.url("/raw/a")], DOWNLOAD_BIND_ADDRESS="127.0.0.5")
    assert outcomes(done) == [("200", "", 1)]
    assert peers == ["127.0.0.5"]


@pytest.mark.parametrize("value", ["192.0.2.1", "nonsense", "127.0.0.1:80"])
def test_bad_bind_address(crawl: RunCrawl, server: Server, value: str) -> None:
    """It is bad input: the run ends before anything is fetched."""
    done = crawl([server.url("/image/a.jpg")], DOWNLOAD_BIND_ADDRESS=value)
    assert done.status == 2
    assert "Traceback" not in done.log, done.log
    assert f"DOWNLOAD_BIND_ADDRESS = {value!r}: must be an IP address" in done.log.splitlines()[-1]
    assert not server.hits


SCRIPT = """
from scrapy.crawler import {process}
from scrapy.utils.project import get_project_settings

settings = get_project_settings()
settings.setdict({settings}, priority="cmdline")
process = {process}(settings)
process.crawl("images", urls={urls!r}, report={report!r})
process.start()
"""


@pytest.mark.parametrize(
    ("process", "settings"),
    [
        ("CrawlerProcess", {}),
        ("AsyncCrawlerProcess", {}),
        ("AsyncCrawlerProcess", {"TWISTED_REACTOR_ENABLED": False}),
    ],
)
def test_from_a_script(
    tmp_path: Path, server: Server, process: str, settings: dict[str, object]
) -> None:
    """Scrapy's process classes run the spider, with and without a reactor."""
    paths = [
        "/image/a",
        "/hops/1/b",
        "/later/1/503/c",
        "/status/404/d",
        "/size/300000/e",
        "/type/f",
    ]
    (tmp_path / "urls.txt").write_text("\n".join(server.url(path) for path in paths))
    done = Crawl(0, "", tmp_path)
    script = SCRIPT.format(
        process=process,
        settings={
            "FILES_STORE": str(done.images),
            "RETRY_DELAY": 0.05,
            "ALLOWED_NETWORKS": LOOPBACK,
            **settings,
        },
        urls=str(tmp_path / "urls.txt"),
        report=str(done.report),
    )
    words = [sys.executable, "-c", script]
    run = subprocess.run(
        words, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=120, check=False
    )
    assert run.returncode == 0, run.stderr
    assert "Traceback" not in run.stderr, run.stderr
    whole = ("200", "", 1)
    page = ("200", "not-an-image", 1)
    assert outcomes(done) == [whole, whole, ("200", "", 2), ("404", "not-found", 1), whole, page]


class Stopper:
    """An extension that stops each download after its headers."""

    def __init__(self, fail: bool) -> None:
        self.fail = fail

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Stopper:
        stopper = cls(crawler.settings.getbool("STOPPER_FAILS"))
        crawler.signals.connect(stopper.stop, signals.headers_received)
        return stopper

    def stop(self) -> None:
        raise StopDownload(fail=self.fail)


@pytest.mark.parametrize("fail", [True, False])
def test_stop_download(crawl: RunCrawl, server: Server, fail: bool) -> None:
    """A download that a signal handler stopped gets a row with that reason, and no file."""
    server.raw["/raw/a"] = Endless(OK + b"\r\n" + PICTURE, ZEROS)
    extensions = json.dumps({"tests.download.test_handler.Stopper": 1})
    lines = [server.url("/raw/a"), server.url("/image/a")]
    done = crawl(lines, EXTENSIONS=extensions, STOPPER_FAILS=fail)
    assert outcomes(done) == [("FAILED RequestDropped", "request-dropped", 1)] * 2


@pytest.mark.parametrize("host", ["a." * 126 + "ab", "a..b", 64 * "x" + ".example"])
def test_a_host_name_that_no_dns_message_holds(host: str) -> None:
    """It is never looked up, not even for requests that are not from the list."""
    with pytest.raises(InvalidURL):
        fetch(Request(f"http://{host}/a.jpg"), DOWNLOAD_TIMEOUT=5)
