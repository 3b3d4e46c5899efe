"""Tests of imagefetch.download.curl.client: HTTP/2, and writing to slow disks."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from pathlib import Path

import pytest
from scrapy import Request

from imagefetch.download.response import FileResponse
from imagefetch.meta import STREAM_TO
from imagefetch.output.disk_io import Disk
from tests.support.handling import connections, handler
from tests.support.nginx import nginx
from tests.support.server import Server, image
from tests.support.until import until


@pytest.mark.skipif(not shutil.which("nginx"), reason="needs nginx")
@pytest.mark.parametrize(
    ("version", "protocol", "most"), [("auto", "HTTP/2", 1), ("1.1", "HTTP/1.1", 20)]
)
def test_http_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, protocol: str, most: int
) -> None:
    """Where a server offers HTTP/2, all requests to it share a connection; unless it is off."""
    files = {f"{n}.jpg": image(f"/{n}") + bytes(50_000 * (n % 3)) for n in range(60)}
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    stored = tmp_path / "stored"
    stored.mkdir()

    async def run(port: int) -> tuple[set[str], int]:
        protocols, peak = set(), 0
        async with handler(HTTP_VERSION=version) as made:
            waiting = iter(files.items())

            async def work() -> None:
                nonlocal peak
                for name, body in waiting:
                    url = f"https://127.0.0.1:{port}/{name}"
                    response = await made.download_request(Request(url, meta={STREAM_TO: stored}))
                    assert isinstance(response, FileResponse)
                    assert response.download.sha256 == hashlib.sha256(body).hexdigest()
                    protocols.add(str(response.protocol))
                    peak = max(peak, len(connections(port)))

            await asyncio.gather(*(work() for _ in range(20)))
            gone = Request(f"https://127.0.0.1:{port}/gone.jpg", meta={STREAM_TO: stored})
            assert (await made.download_request(gone)).status == 404
        return protocols, peak

    with nginx(tmp_path, files) as port:
        protocols, peak = asyncio.run(run(port))
    assert protocols == {protocol}
    assert peak <= most
    assert (peak == 1) == (most == 1)


def test_requests_do_not_wait_for_each_other(server: Server) -> None:
    """Without TLS, each has a connection of its own at once, whatever HTTP_VERSION says."""

    async def run() -> None:
        async with handler() as made:
            paths = [f"/held/{n}" for n in range(8)]
            tasks = [
                asyncio.create_task(made.download_request(Request(server.url(path))))
                for path in paths
            ]
            await asyncio.to_thread(until, lambda: len(server.arrived) == len(paths), "all arrive")
            server.gate.set()
            await asyncio.gather(*tasks)

    asyncio.run(run())
    assert server.connections == 8


@pytest.mark.parametrize("encoding", ["", "/gzip"])
def test_a_slow_disk_slows_down_the_server(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    """On a slow disk, threads write, and no more is received meanwhile; every byte arrives."""
    monkeypatch.setattr(Disk, "is_slow", True)
    paths = [f"/size/{size}/a" for size in (300_000, 262_144, 5_000_000, 700, 9_000_000)]
    if encoding:
        paths = [f"{encoding}/{n}" for n in range(5)]

    async def run() -> list[FileResponse]:
        async with handler() as made:
            requests = [Request(server.url(path), meta={STREAM_TO: tmp_path}) for path in paths]
            found = await asyncio.gather(*map(made.download_request, requests))
        return [response for response in found if isinstance(response, FileResponse)]

    for path, response in zip(paths, asyncio.run(run()), strict=True):
        assert response.download.path is not None
        body = response.download.path.read_bytes()
        assert response.download.sha256 == hashlib.sha256(body).hexdigest()
        size = int(path.split("/")[2]) if not encoding else 0
        assert body == image(path) + bytes(max(0, size - len(image(path))))
    assert len(list(tmp_path.iterdir())) == len(paths)
