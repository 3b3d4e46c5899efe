"""Finished files move into FILES_STORE: a folder, S3, Google Cloud Storage or FTP.

The remote stores are real servers on loopback; where one is not installed, its
tests are skipped.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import re
import subprocess
import sys
import sysconfig
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from imagefetch.config.destinations import check_address
from imagefetch.download.bodies.body import PORTION
from imagefetch.errors import BadInput
from imagefetch.output.file_names import NameTemplate, file_name
from tests.conftest import ROOT, Crawl, RunCrawl, command, environment
from tests.support.commands import report
from tests.support.remote_stores import FTPSite, Remote, ftp, gs, remote, s3, site
from tests.support.server import Server, Writer, image

__all__ = ["ftp", "gs", "remote", "s3", "site"]  # fixtures

Response = Callable[[Writer], Any]


def png() -> bytes:
    """Return an image that is no JPEG."""
    file = io.BytesIO()
    Image.new("RGB", (7, 5), "red").save(file, "PNG")
    return file.getvalue()


def in_two_halves(body: bytes, between: Callable[[], bool]) -> Response:
    """Return a response that sends the second half of *body* once *between* returns True."""

    async def respond(writer: Writer) -> None:
        half = len(body) // 2
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode())
        writer.write(body[:half])
        await writer.drain()
        while not between():  # noqa: ASYNC110
            await asyncio.sleep(0)  # what it waits for happens in another process
        writer.write(body[half:])
        await writer.drain()

    return respond


def responds(body: bytes) -> Response:
    """Return a response that sends *body*."""

    async def respond(writer: Writer) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()

    return respond


def partial_files(folder: Path) -> list[Path]:
    """Return the partial files below *folder* that hold something.

    One that is finished while they are looked at is gone, and none of them.
    """
    found = []
    for path in (folder / ".part").glob("*/*"):
        with suppress(FileNotFoundError):
            if path.stat().st_size:
                found.append(path)
    return found


def assert_refused(done: Crawl) -> None:
    """Assert that the store ended the run, which said so once and again as its last word."""
    assert done.status == 3, done.log
    assert "Traceback" not in done.log, done.log
    assert done.log.count("store-error: ") == 2
    logged, last = (line for line in done.log.splitlines() if "store-error: " in line)
    assert "ERROR: store-error: " in logged
    assert last.startswith("imagefetch: ended early: store-error: ")
    assert done.log.endswith(f"{last}\n")


# --- A local folder ---------------------------------------------------------


@pytest.mark.parametrize("prefix", ["", "file://"])
def test_a_finished_file_is_renamed_into_its_place(
    crawl: RunCrawl, server: Server, tmp_path: Path, prefix: str
) -> None:
    """The partial file becomes the stored one; what bore its name, and is not this
    report's, stays as it is."""
    images = tmp_path / "images"
    place = images / file_name(server.url("/raw/a.jpg"), ".jpg")
    images.mkdir()
    place.write_bytes(b"of an earlier run")
    seen: list[tuple[int, bytes]] = []

    def between() -> bool:
        seen.extend((path.stat().st_ino, place.read_bytes()) for path in partial_files(images))
        return bool(seen)

    body = image("/raw/a.jpg") + bytes(3 * PORTION)  # more than waits in memory
    server.raw["/raw/a.jpg"] = in_two_halves(body, between)
    with place.open("rb") as earlier:
        done = crawl([server.url("/raw/a.jpg")], FILES_STORE=f"{prefix}{images}", RETRY_TIMES=0)
        assert earlier.read() == b"of an earlier run"
    assert done.status == 0, done.log
    stored = images / done.by_line[1]["File"]
    assert stored != place
    assert seen == [(stored.stat().st_ino, b"of an earlier run")]
    assert place.read_bytes() == b"of an earlier run"
    assert stored.read_bytes() == body


def test_a_path_that_is_a_folder_ends_the_run(
    crawl: RunCrawl, server: Server, tmp_path: Path
) -> None:
    """The line that could not be stored has no row; those before it have rows and files."""
    urls = [server.url(f"/image/{name}.jpg") for name in ("a", "b", "taken", "c")]
    taken = tmp_path / "images" / file_name(urls[2], ".jpg")
    taken.mkdir(parents=True)
    done = crawl(urls, CONCURRENT_REQUESTS=1)
    assert_refused(done)
    rows = done.by_line
    assert {1, 2} <= rows.keys() <= {1, 2, 4}
    assert {row["File"] for row in rows.values()} == {
        path.name for path in done.images.iterdir() if path.is_file()
    }
    assert f"{taken.name}: Is a directory" in done.log


FOLDERS = "{host}/{hash:.2}/{stem}-{hash}{ext}"


def test_folders_are_created_as_the_template_says(crawl: RunCrawl, server: Server) -> None:
    """Images are stored in the folders of their names; `scrapy report` finds them there, also after
    another run, and a restart from scratch leaves no empty folder."""
    urls = [server.url(f"/image/{n}.jpg") for n in range(12)]
    done = crawl(urls, FILES_NAME=FOLDERS, FSYNC=1)
    assert done.status == 0, done.log
    done.check(12)
    names = NameTemplate(FOLDERS)
    assert done.files() == {names.name(url, ".jpg") for url in urls}
    assert report(done.folder, "-s", f"FILES_NAME={FOLDERS}").returncode == 0
    done = crawl(urls, "-a", "fresh=1", FILES_NAME="{hash}{ext}")
    done.check(12)
    assert {path.name for path in done.images.iterdir()} == done.files()


def test_a_symbolic_link_is_no_folder(crawl: RunCrawl, server: Server, tmp_path: Path) -> None:
    """Nothing is written where a link in the store leads; the run ends with an error."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "127.0.0.1").symlink_to(elsewhere)
    done = crawl([server.url("/image/a.jpg")], FILES_NAME=FOLDERS)
    assert_refused(done)
    assert "not a folder, or a symbolic link" in done.log
    assert list(elsewhere.iterdir()) == []
    assert done.rows == []


def test_equal_images_share_a_file(crawl: RunCrawl, server: Server) -> None:
    """Named by content, the rows of two URLs name one file; `scrapy report` accepts that."""
    server.raw.update(dict.fromkeys(["/a.jpg", "/b.jpg"], responds(image("/same"))))
    urls = [server.url(path) for path in ("/a.jpg", "/b.jpg", "/image/other.jpg")]
    done = crawl(urls, FILES_NAME="{sha256:.2}/{sha256}{ext}")
    assert done.status == 0, done.log
    done.check(3)
    rows = done.by_line
    digest = hashlib.sha256(image("/same")).hexdigest()
    assert rows[1]["File"] == rows[2]["File"] == f"{digest[:2]}/{digest}.jpg"
    assert len(done.files()) == 2
    assert report(done.folder).returncode == 0


# --- Remote stores ----------------------------------------------------------


def test_every_kept_file_is_in_the_remote_store(
    crawl: RunCrawl, server: Server, tmp_path: Path, remote: Remote
) -> None:
    """Complete, with the row's name and type; partial files are next to the report, none stays."""
    lines = [server.url(f"/image/{n}/photo.jpg") for n in range(60)]
    bodies = dict(enumerate((image(f"/image/{n}/photo.jpg") for n in range(60)), 1))
    watched: list[Path] = []

    def between() -> bool:
        watched.extend(partial_files(tmp_path))
        return bool(watched)

    server.raw["/raw/red"] = in_two_halves(png(), between)
    for path, body in {
        "/raw/red": png(),
        "/gzip/a.jpg": image("/gzip/a.jpg"),
        "/hops/2/a.jpg": image("/hops/0/a.jpg"),
        "/image/7/photo.jpg": image("/image/7/photo.jpg"),
    }.items():
        lines.append(server.url(path))
        bodies[len(lines)] = body
    lines += [server.url("/status/404/a"), server.url("/type/a"), server.url("/empty/a"), "no url"]
    done = crawl(lines, FILES_STORE=remote.store, RETRY_TIMES=0, **remote.settings)
    assert done.status == 0, done.log
    assert "Traceback" not in done.log, done.log
    rows = done.by_line
    assert rows.keys() == set(range(1, len(lines) + 1))
    assert {line for line, row in rows.items() if row["File"]} == bodies.keys()
    stored = remote.bodies()
    assert stored == {rows[line]["File"]: body for line, body in bodies.items()}
    assert len(stored) == len(bodies) - 1  # one line is a duplicate
    for line, body in bodies.items():
        assert rows[line]["SHA-256"] == hashlib.sha256(body).hexdigest()
        assert rows[line]["Bytes"] == str(len(body))
    types = {row["File"]: row["Type"] for row in rows.values() if row["File"]}
    assert Counter(types.values()) == {"image/jpeg": 62, "image/png": 1}
    if remote.types is not None:
        assert remote.types() == types
    assert watched
    assert not (tmp_path / ".part").exists()
    assert not done.images.exists()


PEAK = """
import sys
from scrapy.cmdline import execute
try:
    execute(["scrapy", *sys.argv[1:]])
finally:
    with open("/proc/self/status") as status:
        print(next(line.split()[1] for line in status if line.startswith("VmHWM:")))
"""


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="peak memory is read from Linux's /proc"
)
def test_memory_does_not_grow_with_what_is_stored(
    server: Server, tmp_path: Path, remote: Remote
) -> None:
    """The store is sent the file, piece by piece."""
    megabytes = 96
    peaks = []
    for number, path in enumerate(["/image/a.jpg", f"/size/{megabytes * 2**20}/a.jpg"]):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "urls.txt").write_text(server.url(path))
        words = command(folder, {"FILES_STORE": remote.store, **remote.settings})
        run = subprocess.run(
            [words[0], "-c", PEAK, *words[words.index("crawl") :]],
            cwd=ROOT,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stderr
        peaks.append(int(run.stdout) // 1024)
    assert sorted(map(len, remote.bodies().values())) == [
        len(image("/image/a.jpg")),
        megabytes * 2**20,
    ]
    small, large = peaks
    assert large - small < megabytes / 2


def test_a_folder_on_an_ftp_server_is_created_once(
    crawl: RunCrawl, server: Server, site: FTPSite
) -> None:
    """However many uploads begin while it is missing, none is refused since it exists by then."""
    done = crawl(
        [server.url(f"/image/{n}.jpg") for n in range(40)], FILES_STORE=site.url("/new/folder")
    )
    assert done.status == 0, done.log
    assert {path.name for path in (site.root / "new" / "folder").iterdir()} == {
        row["File"] for row in done.by_line.values()
    }
    assert "user:word" not in done.log
    made = {text: n for text, n in site.commands.items() if text.startswith("MKD")}
    assert {Path(text).name: n for text, n in made.items()} == {"new": 1, "folder": 1}


def test_folders_of_a_template_on_an_ftp_server(
    crawl: RunCrawl, server: Server, site: FTPSite
) -> None:
    """Each is created once, even if many uploads start at the same time."""
    urls = [server.url(f"/image/{n}.jpg") for n in range(40)]
    template = "{host}/{hash:.1}/{hash}{ext}"
    done = crawl(urls, FILES_STORE=site.url("/new/folder"), FILES_NAME=template)
    assert done.status == 0, done.log
    folder = site.root / "new" / "folder"
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert found == {row["File"] for row in done.by_line.values()}
    assert len(found) == 40
    assert {n for text, n in site.commands.items() if text.startswith("MKD")} == {1}


# --- Stores that refuse -----------------------------------------------------


def test_a_bucket_that_is_not_there_ends_the_run(
    crawl: RunCrawl, server: Server, s3: Remote
) -> None:
    """Status 3 and one line; the only rows are those of lines that had nothing to store."""
    lines = [server.url("/status/404/a"), *(server.url(f"/image/{n}.jpg") for n in range(20))]
    done = crawl(lines, FILES_STORE="s3://elsewhere/folder/", CONCURRENT_REQUESTS=1, **s3.settings)
    assert_refused(done)
    assert "NoSuchBucket" in done.log
    assert done.by_line.keys() == {1}
    assert s3.bodies() == {}


def test_an_ftp_login_that_is_refused_ends_the_run(
    crawl: RunCrawl, server: Server, site: FTPSite
) -> None:
    """Status 3 and one line, even if the server's response has two; received images get no row."""
    lines = [server.url("/status/404/a"), *(server.url(f"/image/{n}.jpg") for n in range(20))]
    done = crawl(lines, FILES_STORE=site.url("/folder", "wrong"), CONCURRENT_REQUESTS=1)
    assert_refused(done)
    assert "530-Not with this password. 530 Ask the keeper." in done.log
    assert done.by_line.keys() == {1}
    assert list(site.root.iterdir()) == []


def test_an_upload_that_is_refused_ends_the_run(
    crawl: RunCrawl, server: Server, site: FTPSite
) -> None:
    """The refused line has no row; those before it have theirs, and their files."""
    urls = [server.url(f"/image/{name}.jpg") for name in ("a", "b", "bad", "c")]
    done = crawl(urls, FILES_STORE=site.url(""), CONCURRENT_REQUESTS=1)
    assert_refused(done)
    rows = done.by_line
    assert {1, 2} <= rows.keys() <= {1, 2, 4}
    assert {row["File"] for row in rows.values()} == {path.name for path in site.root.iterdir()}


# --- Addresses that no store can be made of ---------------------------------


@pytest.mark.parametrize(
    ("store", "message"),
    [
        ("s3://bucket", "must be written as s3://bucket/folder/"),
        ("s3:///folder/", "must be written as s3://bucket/folder/"),
        ("gs://bucket", "must be written as gs://bucket/folder/"),
        ("ftp://user:secret@host/folder", "must be written as ftp://user:password@host:21/folder"),
        ("ftp://user:secret@host:port/", "must be written as ftp://user:password@host:21/folder"),
        ("ftp://user:secret@:21/folder", "must be written as ftp://user:password@host:21/folder"),
        ("ftp://user:secret@[::1/folder", "must be written as ftp://user:password@host:21/folder"),
        ("S3://bucket/folder/", "must be a folder, or begin with one of s3://, gs://, ftp://"),
        (
            "https://user:secret@host/",
            "must be a folder, or begin with one of s3://, gs://, ftp://",
        ),
    ],
)
def test_an_incomplete_address_is_bad_input(store: str, message: str) -> None:
    """The message shows the right form, and does not repeat the password."""
    with pytest.raises(BadInput) as caught:
        check_address(store)
    assert str(caught.value) == f"setting FILES_STORE: {message}"


@pytest.mark.parametrize("store", ["ftp://user:word@host:21/folder", "ftp://host:2121"])
def test_a_complete_address_is_accepted(store: str) -> None:
    """Nothing is required that the client does not need."""
    check_address(store)


def test_an_address_of_no_store_is_refused(crawl: RunCrawl, server: Server) -> None:
    """Status 2 and one line; nothing is fetched or written."""
    done = crawl([server.url("/image/a.jpg")], FILES_STORE="s3://bucket")
    assert done.status == 2
    assert done.log == ("imagefetch: setting FILES_STORE: must be written as s3://bucket/folder/\n")
    assert not server.hits
    assert not done.report.exists()


@pytest.mark.parametrize(
    ("store", "module"),
    [("s3://bucket/folder/", "botocore"), ("gs://bucket/folder/", "google.cloud.storage")],
)
def test_a_store_whose_client_is_not_installed_is_refused(
    tmp_path: Path, server: Server, store: str, module: str
) -> None:
    """Status 2 and one line; otherwise rows would name files that were not stored."""
    packages = tmp_path / "packages"
    packages.mkdir()
    hidden = module.partition(".")[0]
    for folder in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        for path in Path(folder).iterdir():
            if path.name != hidden:
                (packages / path.name).symlink_to(path)
    (tmp_path / "urls.txt").write_text(server.url("/image/a.jpg"))
    _, *words = command(tmp_path, {"FILES_STORE": store})
    run = subprocess.run(
        [sys.executable, "-S", *words],
        cwd=ROOT,
        env={**environment(), "PYTHONPATH": str(packages)},
        capture_output=True,
        text=True,
        check=False,
    )
    done = Crawl(run.returncode, run.stderr, tmp_path)
    assert done.status == 2, done.log
    (line,) = done.log.splitlines()
    scheme = store.partition("//")[0]
    assert line.startswith(f"imagefetch: setting FILES_STORE: {scheme}// needs {module}: ")
    (extra,) = re.findall(r"pip install -r requirements-(\w+)\.txt", line)
    assert (ROOT / f"requirements-{extra}.txt").exists()
    assert not server.hits
    assert not done.report.exists()
