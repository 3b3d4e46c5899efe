"""Fixtures: servers on loopback that store files: S3, Google Cloud Storage, FTP.

Where one is not installed, its tests are skipped.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPConnection
from http.server import HTTPServer
from pathlib import Path
from typing import Any

import pytest

MISSING = "not installed; see tests/requirements.txt"


@dataclass
class Remote:
    """A server that stores files, and the settings with which a crawl uses it."""

    store: str
    """FILES_STORE"""
    settings: dict[str, object]
    bodies: Callable[[], dict[str, bytes]]
    """The stored files, by path below the store."""
    types: Callable[[], dict[str, str]] | None = None
    """The media types that it gives them, where it has such a thing."""


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Remote]:
    """An S3 server with a bucket named ``bucket``."""
    moto = pytest.importorskip("moto.server", reason=f"moto[server] is {MISSING}")
    session = pytest.importorskip("botocore.session", reason=f"botocore is {MISSING}")
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")  # else it might ask beyond loopback
    server = moto.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    client = session.get_session().create_client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id="key",
        aws_secret_access_key="secret",
        region_name="us-east-1",
    )
    client.create_bucket(Bucket="bucket")

    def objects() -> dict[str, tuple[bytes, str]]:
        found = {}
        for page in client.get_paginator("list_objects_v2").paginate(Bucket="bucket"):
            for entry in page.get("Contents", []):
                kept = client.get_object(Bucket="bucket", Key=entry["Key"])
                name = entry["Key"].removeprefix("some/folder/")
                found[name] = (kept["Body"].read(), kept["ContentType"])
        return found

    yield Remote(
        "s3://bucket/some/folder/",
        {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
        },
        lambda: {name: body for name, (body, _) in objects().items()},
        lambda: {name: kind for name, (_, kind) in objects().items()},
    )
    client.close()
    connection = HTTPConnection(host, port)  # buckets outlive the server, within a process
    connection.request("POST", "/moto-api/reset")
    assert connection.getresponse().status == 200
    connection.close()
    server.stop()


@pytest.fixture
def gs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Remote]:
    """A Google Cloud Storage server with a bucket named ``bucket``."""
    storage = pytest.importorskip(
        "google.cloud.storage", reason=f"google-cloud-storage is {MISSING}"
    )
    emulator = pytest.importorskip(
        "gcp_storage_emulator.server", reason=f"gcp-storage-emulator is {MISSING}"
    )
    memory = emulator.Storage(use_memory_fs=True)
    with HTTPServer(("127.0.0.1", 0), partial(emulator.RequestHandler, memory)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{server.server_port}")
        with storage.Client(project="project") as client:
            client.create_bucket("bucket")

            def blobs() -> dict[str, Any]:
                found = client.list_blobs("bucket")
                return {blob.name.removeprefix("some/folder/"): blob for blob in found}

            yield Remote(
                "gs://bucket/some/folder/",
                {"GCS_PROJECT_ID": "project"},
                lambda: {name: blob.download_as_bytes() for name, blob in blobs().items()},
                lambda: {name: blob.content_type for name, blob in blobs().items()},
            )
        server.shutdown()
        thread.join()


@dataclass
class FTPSite:
    """An FTP server, whose user ``user`` has the password ``word``."""

    root: Path
    port: int = 0
    commands: Counter[str] = field(default_factory=Counter)
    """Commands that it was sent, with their arguments."""

    def url(self, folder: str, password: str = "word") -> str:
        return f"ftp://user:{password}@127.0.0.1:{self.port}{folder}"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[FTPSite]:
    """An FTP server that is slow to miss a folder, and takes no file that is named ``bad``."""
    reason = f"pyftpdlib is {MISSING}"
    authorizers = pytest.importorskip("pyftpdlib.authorizers", reason=reason)
    handlers = pytest.importorskip("pyftpdlib.handlers", reason=reason)
    servers = pytest.importorskip("pyftpdlib.servers", reason=reason)
    ioloop = pytest.importorskip("pyftpdlib.ioloop", reason=reason)
    site = FTPSite(tmp_path / "site")
    site.root.mkdir()
    users = authorizers.DummyAuthorizer()
    users.add_user("user", "word", str(site.root), perm="elradfmw")

    class Handler(handlers.FTPHandler):  # type: ignore[misc, name-defined]
        authorizer = users
        auth_failed_timeout = 0

        def pre_process_command(self, line: str, cmd: str, arg: str) -> None:
            site.commands[f"{cmd} {arg}".strip()] += 1
            super().pre_process_command(line, cmd, arg)

        def handle_auth_failed(self, msg: str, password: str) -> None:
            self.respond("530-Not with this password.\r\n530 Ask the keeper.")

        def ftp_CWD(self, path: str) -> Any:  # noqa: N802
            if Path(path).is_dir():
                return super().ftp_CWD(path)
            # Whoever else is to ask has asked by then.
            self.ioloop.call_later(0.2, self.respond, "550 No such directory.")
            return None

        def ftp_STOR(self, file: str, mode: str = "w") -> Any:  # noqa: N802
            if Path(file).name.startswith("bad-"):
                return self.respond("553 No such name.")
            return super().ftp_STOR(file, mode)

    loop = ioloop.IOLoop.factory()
    server = servers.FTPServer(("127.0.0.1", 0), Handler, ioloop=loop)
    site.port = server.address[1]
    stopped = threading.Event()

    def serve() -> None:
        while not stopped.is_set():
            loop.loop(0.05, blocking=False)

    thread = threading.Thread(target=serve)
    thread.start()
    yield site
    stopped.set()
    thread.join()
    server.close_all()


@pytest.fixture
def ftp(site: FTPSite) -> Remote:
    """An FTP server, its folder not there yet."""

    def bodies() -> dict[str, bytes]:
        found = (path for path in site.root.rglob("*") if path.is_file())
        return {
            str(path.relative_to(site.root / "some" / "folder")): path.read_bytes()
            for path in found
        }

    return Remote(site.url("/some/folder"), {}, bodies)


@pytest.fixture(params=["s3", "gs", "ftp"])
def remote(request: pytest.FixtureRequest) -> Remote:
    """Each of the remote stores."""
    found: Remote = request.getfixturevalue(request.param)
    return found
