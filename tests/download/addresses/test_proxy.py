"""Tests of imagefetch.download.addresses.proxy."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from scrapy import Request
from scrapy.downloadermiddlewares.httpproxy import HttpProxyMiddleware

from imagefetch import errors
from tests.conftest import HOSTS, RunCrawl
from tests.support.handling import fetch
from tests.support.proxying import Proxy
from tests.support.server import Server, image, serving
from tests.support.socks import Socks

PASSWORD = "me:p:w"
CREDENTIALS = "Basic bWU6cDp3"


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """The path of the CA certificate that signs the certificate of `secure`."""
    return tmp_path / "authority.pem"


@pytest.fixture
def secure(authority: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server with TLS that this process trusts."""
    signer, tls = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    signer.issue_cert("127.0.0.1").configure_cert(tls)
    signer.cert_pem.write_to_path(authority)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    with serving(HOSTS[:1], tls) as running:
        yield running


@pytest.fixture
def front() -> Iterator[Server]:
    """A server that tests turn into a proxy."""
    with serving(HOSTS[:1]) as running:
        yield running


def through(front: Server, url: str, credentials: str = "") -> Request:
    """Return a request with a proxy in its meta, processed by Scrapy's middleware."""
    address = f"http://{credentials}{'@' if credentials else ''}127.0.0.1:{front.port}"
    request = Request(url, headers={"User-Agent": "me/1"}, meta={"proxy": address})
    HttpProxyMiddleware().process_request(request)
    return request


def test_plain(front: Server, server: Server) -> None:
    """An http request is sent to the proxy, with the proxy's credentials."""
    proxy = Proxy(PASSWORD)
    proxy.serve(front)
    assert fetch(through(front, server.url("/image/a"), PASSWORD)).body == image("/image/a")
    ((line, headers),) = proxy.seen
    assert line == f"GET {server.url('/image/a')} HTTP/1.1"
    assert headers["proxy-authorization"] == CREDENTIALS


@pytest.mark.parametrize("password", ["", PASSWORD])
def test_tunnel(front: Server, secure: Server, password: str) -> None:
    """An https request is tunnelled; the proxy's credentials are not sent to the server."""
    proxy = Proxy(password)
    proxy.serve(front)
    assert fetch(through(front, secure.url("/image/a"), password)).body == image("/image/a")
    ((line, headers),) = proxy.seen
    assert line == f"CONNECT 127.0.0.1:{secure.port} HTTP/1.1"
    assert headers["user-agent"] == "me/1"
    assert headers.get("proxy-authorization") == (CREDENTIALS if password else None)
    assert secure.hits == {"/image/a": 1}
    assert "proxy-authorization" not in secure.headers["/image/a"]


def test_no_proxy_no_credentials(server: Server) -> None:
    """Without a proxy, no proxy credentials are sent to the server."""
    headers = {"Proxy-Authorization": CREDENTIALS}
    fetch(Request(server.url("/image/a"), headers=headers))
    assert "proxy-authorization" not in server.headers["/image/a"]


@pytest.mark.parametrize("tunnel", [False, True], ids=["plain", "tunnel"])
@pytest.mark.parametrize(
    "answer", [b"", b"what is HTTP?\r\n\r\n", b"HTTP/1.1 200"], ids=["hangs up", "junk", "cut"]
)
def test_proxy_that_breaks_off(front: Server, answer: bytes, tunnel: bool) -> None:
    """A missing or malformed response of the proxy is a ProxyFailure."""
    Proxy(refuse=lambda _: answer).serve(front)
    url = f"http{'s' if tunnel else ''}://a.example/a.jpg"
    with pytest.raises(errors.ProxyFailure):
        fetch(through(front, url))
    assert front.connections == 1


@pytest.mark.parametrize("status", [b"403 No", b"407 Who are you?", b"502 Not there"])
def test_proxy_that_refuses_a_tunnel(front: Server, status: bytes) -> None:
    """The status of the proxy is not taken as that of the image."""
    Proxy(refuse=lambda _: b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n").serve(front)
    with pytest.raises(errors.ProxyFailure):
        fetch(through(front, "https://a.example/a.jpg"))


@pytest.mark.parametrize("url", ["http://a.example/a.jpg", "https://a.example/a.jpg"])
@pytest.mark.parametrize(
    "proxy",
    [
        "http://127.0.0.1:{dead}",
        "http://nobody.invalid:8080",
        "socks5h://127.0.0.1:{dead}",
        "socks4://127.0.0.1:9",
        "http://[::1",
    ],
)
def test_proxy_that_is_not_there(dead_port: int, proxy: str, url: str) -> None:
    """An unreachable, unknown or invalid proxy is a ProxyFailure."""
    with pytest.raises(errors.ProxyFailure):
        fetch(Request(url, meta={"proxy": proxy.format(dead=dead_port)}))


def test_proxy_of_another_kind(front: Server, server: Server) -> None:
    """No connection is opened to a proxy with another protocol."""
    Proxy().serve(front)
    with pytest.raises(errors.ProxyFailure):
        fetch(Request(server.url("/image/a"), meta={"proxy": front.url("").replace("http", "ftp")}))
    assert front.connections == 0


def test_proxy_with_a_bad_certificate(secure: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """An https proxy with an untrusted certificate is a ProxyFailure."""
    monkeypatch.delenv("SSL_CERT_FILE")
    for url in ("http://a.example/a.jpg", "https://a.example/a.jpg"):
        with pytest.raises(errors.ProxyFailure):
            fetch(Request(url, meta={"proxy": secure.url("")}))


def test_failures_behind_the_proxy(
    front: Server, secure: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Errors after the tunnel is set up are errors of the image's host."""
    Proxy().serve(front)

    async def hang_up(_: object) -> None:
        pass

    secure.raw["/raw/a"] = hang_up
    with pytest.raises(errors.ConnectionReset):
        fetch(through(front, secure.url("/raw/a")))
    with pytest.raises(errors.CertificateWrongHost):
        fetch(through(front, secure.url("/image/a", "localhost")))
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(errors.CertificateUntrusted):
        fetch(through(front, secure.url("/image/a")))


def test_from_the_environment(
    crawl: RunCrawl, front: Server, server: Server, secure: Server, authority: Path
) -> None:
    """http_proxy and https_proxy apply to a whole crawl, with their credentials."""
    proxy = Proxy(PASSWORD)
    proxy.serve(front)
    address = f"http://{PASSWORD.replace('p:w', 'p%3Aw')}@127.0.0.1:{front.port}"
    env = {"http_proxy": address, "https_proxy": address, "SSL_CERT_FILE": str(authority)}
    lines = [where.url(f"/hops/1/{n}.jpg") for where in (server, secure) for n in range(5)]
    done = crawl(lines, env=env)
    assert done.status == 0, done.log
    done.check(10)
    assert {row["Response code"] for row in done.rows} == {"200"}
    assert {row["Attempts"] for row in done.rows} == {"1"}
    methods = {line.split(" ")[0] for line, _ in proxy.seen}
    assert methods == {"GET", "CONNECT"}
    assert {headers["proxy-authorization"] for _, headers in proxy.seen} == {CREDENTIALS}
    assert not [path for path, sent in secure.headers.items() if "proxy-authorization" in sent]


def test_failing_proxy_of_the_environment(crawl: RunCrawl, front: Server, dead_port: int) -> None:
    """The request is retried, and the row names the proxy failure."""
    Proxy(PASSWORD).serve(front)
    env = {
        "http_proxy": f"http://127.0.0.1:{dead_port}",
        "https_proxy": f"http://127.0.0.1:{front.port}",
    }
    lines = ["http://a.example/a.jpg", "https://a.example/a.jpg"]
    done = crawl(lines, env=env, RETRY_TIMES=1)
    assert done.status == 0, done.log
    rows = {(row["Response code"], row["Reason"], row["Attempts"]) for row in done.rows}
    assert rows == {("FAILED ProxyFailure", "proxy-failure", "2")}
    assert front.connections == 2


@pytest.mark.parametrize("password", ["", PASSWORD])
@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
def test_socks(front: Server, server: Server, secure: Server, scheme: str, password: str) -> None:
    """Requests go through a SOCKS proxy. With socks5h, it resolves the names; with socks5 they are
    resolved here."""
    proxy = Socks(password, {"localhost": "127.0.0.1"})
    proxy.serve(front)
    address = front.url("").replace("http", scheme).replace("//", f"//{password}@")
    for where, host in ((server, "localhost"), (secure, "127.0.0.1")):
        request = Request(where.url("/image/a", host), meta={"proxy": address})
        HttpProxyMiddleware().process_request(request)
        assert fetch(request).body == image("/image/a")
        assert "proxy-authorization" not in where.headers["/image/a"]
    name = "localhost" if scheme == "socks5h" else "127.0.0.1"
    assert proxy.asked == [(name, server.port), ("127.0.0.1", secure.port)]


@pytest.mark.parametrize("refusal", [1, 5])
def test_socks_that_refuses(front: Server, refusal: int) -> None:
    """A SOCKS proxy that does not connect is a ProxyFailure, and so is a wrong password."""
    Socks(refusal=refusal).serve(front)
    meta = {"proxy": front.url("").replace("http", "socks5h")}
    with pytest.raises(errors.ProxyFailure):
        fetch(Request("http://a.example/a.jpg", meta=meta))
    Socks(PASSWORD).serve(front)
    with pytest.raises(errors.ProxyFailure):
        fetch(Request("http://a.example/a.jpg", meta=meta))


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
@pytest.mark.parametrize("host", ["127.0.0.1", "0x7f.1", "localhost"])
def test_socks_leads_to_no_blocked_address(
    front: Server, server: Server, scheme: str, host: str
) -> None:
    """Blocked addresses, and names that resolve to them here, are not requested through it."""
    proxy = Socks(refusal=1)
    proxy.serve(front)
    meta = {"proxy": front.url("").replace("http", scheme)}
    resolved_there = scheme == "socks5h" and host == "localhost"
    with pytest.raises(errors.ProxyFailure if resolved_there else errors.BlockedAddress):
        fetch(Request(server.url("/image/a", host), meta=meta), ALLOWED_NETWORKS="")
    assert bool(proxy.asked) == resolved_there
    assert server.connections == 0


def test_one_proxy_for_all(
    crawl: RunCrawl, front: Server, server: Server, secure: Server, authority: Path
) -> None:
    """all_proxy applies to http and https, with credentials, without a scheme; no_proxy excepts
    hosts, whatever the proxy."""
    proxy = Proxy(PASSWORD)
    proxy.serve(front)
    address = f"{PASSWORD.replace('p:w', 'p%3Aw')}@127.0.0.1:{front.port}"
    env = {"all_proxy": address, "SSL_CERT_FILE": str(authority), "no_proxy": "localhost"}
    lines = [server.url("/image/a"), secure.url("/image/b"), server.url("/image/c", "localhost")]
    done = crawl(lines, env=env)
    assert done.status == 0, done.log
    assert [row["Response code"] for row in done.rows] == ["200"] * 3
    assert {line.split(" ")[0] for line, _ in proxy.seen} == {"GET", "CONNECT"}
    assert len(proxy.seen) == 2
    assert server.hits == {"/image/a": 1, "/image/c": 1}


def test_a_proxy_without_a_scheme(
    crawl: RunCrawl, front: Server, secure: Server, authority: Path
) -> None:
    """It is an HTTP proxy, for https URLs, too."""
    proxy = Proxy()
    proxy.serve(front)
    env = {"https_proxy": f"127.0.0.1:{front.port}", "SSL_CERT_FILE": str(authority)}
    done = crawl([secure.url("/image/a")], env=env)
    assert [row["Response code"] for row in done.rows] == ["200"], done.log
    assert len(proxy.seen) == 1


@pytest.mark.parametrize("name", ["http_proxy", "all_proxy"])
def test_an_environment_that_cannot_work(crawl: RunCrawl, name: str) -> None:
    """A proxy of another kind ends the run at its start, with one line."""
    done = crawl(["http://127.0.0.1:9/a.jpg"], env={name: "ftp://127.0.0.1:21"})
    assert done.status == 2
    assert "Traceback" not in done.log, done.log
    assert "must be the address of a proxy" in done.log.splitlines()[-1]


@pytest.mark.parametrize("trusted", [True, False])
def test_https_proxy(
    secure: Server, server: Server, monkeypatch: pytest.MonkeyPatch, trusted: bool
) -> None:
    """The connection to a proxy may be encrypted; DOWNLOAD_VERIFY_CERTIFICATES applies to it."""
    Proxy().serve(secure)
    if not trusted:
        monkeypatch.delenv("SSL_CERT_FILE")
    request = Request(server.url("/image/a"), meta={"proxy": secure.url("")})
    assert fetch(request, DOWNLOAD_VERIFY_CERTIFICATES=trusted).body == image("/image/a")
