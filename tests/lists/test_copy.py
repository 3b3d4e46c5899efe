"""Copies of lists that are not files, from standard input or an address."""

from __future__ import annotations

import asyncio
import gzip
import io
import os
import sys
from pathlib import Path

import brotli
import pytest

from imagefetch.errors import BadInput
from imagefetch.job.run import Job, begin
from imagefetch.lists.copy import copy_path, copy_standard_input
from imagefetch.lists.count import estimate_lines
from imagefetch.output.report.csv_rows import HEADER, encode
from imagefetch.output.report.report_file import read_rows
from tests.conftest import project
from tests.support.server import Server, Writer

LIST = b"https://a.example/1\r\n\xff\n"


def standard_input(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


def begun(arguments: dict[str, str]) -> Job:
    """Return the job of a run that has begun, and ended at once."""
    job = begin(project(), arguments)
    job.preparation.commit()
    job.close()
    return job


def kept(copy: Path) -> bytes:
    """Return the list stored in *copy*."""
    return gzip.decompress(copy.read_bytes())


def contents(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Return inodes and contents of all files in *folder*, except the lock file."""
    return {
        str(path): (path.stat().st_ino, path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".lock"
    }


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a list in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "urls.txt").write_bytes(LIST)
    return tmp_path


def test_standard_input_is_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list on standard input is copied into the report's folder, byte for byte."""
    standard_input(monkeypatch, LIST)
    run = begun({"urls": "-", "report": "new/r.csv"}).run
    assert run.urls == folder / "new" / "r.urls.txt.gz"
    assert kept(run.urls) == LIST


def test_standard_input_without_a_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Standard input without a URL is refused, named as such, and leaves no copy."""
    standard_input(monkeypatch, b"\n# none\n")
    with pytest.raises(BadInput, match=r"^standard input: no URL"):
        copy_standard_input(tmp_path / "REPORT.csv")
    assert list(tmp_path.iterdir()) == []


def test_standard_input_that_cannot_be_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the copy can't be written, the message names its path."""
    standard_input(monkeypatch, LIST)
    with pytest.raises(BadInput, match="can't store standard input there"):
        copy_standard_input(folder / "urls.txt" / "REPORT.csv")


def test_copy_as_its_own_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list is not lost when the copy of an earlier run is given as standard input."""
    standard_input(monkeypatch, LIST)
    copy = copy_standard_input(tmp_path / "REPORT.csv").keep()
    with copy.open() as file:
        monkeypatch.setattr(sys, "stdin", file)
        with pytest.raises(BadInput, match="standard input: is compressed"):
            copy_standard_input(tmp_path / "REPORT.csv")
    assert kept(copy) == LIST
    standard_input(monkeypatch, b"")
    assert copy_standard_input(tmp_path / "REPORT.csv").path == copy


def test_a_refused_list_leaves_the_earlier_copy(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list that is not the report's is refused; the earlier copy stays, to resume with."""
    standard_input(monkeypatch, LIST)
    begun({"urls": "-"})
    rows = [["https://a.example/1", "404", "1", *[""] * 6, "1", "0.1", "not-found", *[""] * 8]]
    (folder / "REPORT.csv").write_bytes(HEADER + b"".join(map(encode, rows)))
    before = contents(folder)
    standard_input(monkeypatch, b"https://b.example/1\nhttps://b.example/2\n")
    with pytest.raises(BadInput, match="is of another list"):
        begin(project(), {"urls": "-"})
    assert contents(folder) == before
    standard_input(monkeypatch, b"https://b.example/2\n" + LIST)
    begun({"urls": "-"})
    assert kept(folder / "REPORT.urls.txt.gz") == b"https://b.example/2\n" + LIST
    assert [row.line for row in read_rows(folder / "REPORT.csv")] == [2]


def test_a_list_that_nothing_is_fetched_of(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that is abandoned leaves no copy, unless there was one before."""
    before = contents(folder)
    standard_input(monkeypatch, LIST)
    begin(project(), {"urls": "-"}).abandon()
    assert contents(folder) == before
    begin(project(), {"urls": str(folder / "urls.txt")}).abandon()
    assert contents(folder) == before
    for _ in range(2):
        standard_input(monkeypatch, LIST)
        begun({"urls": "-"})
    begin(project(), {"urls": "-"}).abandon()
    assert kept(folder / "REPORT.urls.txt.gz") == LIST
    standard_input(monkeypatch, b"https://b.example/1\n")
    job = begin(project(), {"urls": "-"})
    assert [line.text for line in job.list.lines()] == ["https://b.example/1"]
    assert estimate_lines(job.list) == (1, False)
    job.abandon()
    assert kept(folder / "REPORT.urls.txt.gz") == LIST


@pytest.mark.parametrize("kind", ["file", "gzip", "folder", "fifo", "link", "dangling"])
def test_what_is_in_a_copys_place_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Only a stored copy is overwritten or read as one; otherwise one line says what to do."""
    place = copy_path(tmp_path / "REPORT.csv")
    precious = tmp_path / "precious"
    precious.write_bytes(gzip.compress(LIST))
    if kind == "folder":
        place.mkdir()
    elif kind == "fifo":
        os.mkfifo(place)
    elif kind in {"link", "dangling"}:
        place.symlink_to(precious if kind == "link" else tmp_path / "nowhere")
    else:
        place.write_bytes(LIST if kind == "file" else precious.read_bytes())
    before = {path: path.lstat() for path in tmp_path.iterdir()}
    for content in (LIST, b""):
        standard_input(monkeypatch, content)
        with pytest.raises(BadInput, match=r"^\S+: this path is needed for the copy.*move it away"):
            copy_standard_input(tmp_path / "REPORT.csv")
    assert {path: path.lstat() for path in tmp_path.iterdir()}.keys() == before.keys()
    assert place.lstat().st_ino == before[place].st_ino


def test_endless_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Binary data is refused by its beginning; the size of a list is limited."""
    with Path("/dev/zero").open("rb") as zero:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(zero))
        with pytest.raises(BadInput, match="standard input: is not a text file"):
            copy_standard_input(tmp_path / "REPORT.csv")
    standard_input(monkeypatch, b"http://a.example/\n" * 100_000)
    with pytest.raises(BadInput, match="standard input: the list is longer than INPUT_URLS_MAX"):
        copy_standard_input(tmp_path / "REPORT.csv", 1_000_000)
    assert list(tmp_path.iterdir()) == []


def test_no_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process may have no standard input."""
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(BadInput, match="standard input: no URL"):
        copy_standard_input(tmp_path / "REPORT.csv")


@pytest.fixture
def lists(server: Server) -> Server:
    """A server with lists: plain, compressed, redirected, and responses that are not lists."""

    def answer(path: str, body: bytes, status: str = "200 OK", headers: str = "") -> None:
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode()

        async def write(writer: Writer) -> None:
            writer.write(head + body)
            await writer.drain()

        server.raw[path] = write

    answer("/raw/list", LIST)
    answer("/raw/list.gz", gzip.compress(LIST))
    answer("/raw/encoded", gzip.compress(LIST), headers="Content-Encoding: gzip\r\n")
    answer("/raw/br", brotli.compress(LIST), headers="Content-Encoding: br\r\n")
    twice = gzip.compress(gzip.compress(LIST))
    answer("/raw/twice.gz", twice, headers="Content-Encoding: gzip\r\n")
    answer("/raw/moved", b"", "302 Found", "Location: /raw/list\r\n")
    answer("/raw/cut.gz", gzip.compress(LIST)[:-6])
    answer("/raw/large", gzip.compress(b"# nothing\n" * 10_000 + LIST))
    answer("/raw/page", b"\n# no URL here\n")
    answer("/raw/away", b"", "302 Found", "Location: ftp://a.example/list\r\n")
    return server


@pytest.mark.parametrize("name", ["list", "list.gz", "encoded", "br", "twice.gz", "moved"])
def test_list_at_an_address(folder: Path, lists: Server, name: str) -> None:
    """It is fetched once and decompressed; later runs read the copy."""
    arguments = {"urls": lists.url(f"/raw/{name}"), "report": "new/r.csv"}
    copy = begun(arguments).run.urls
    assert copy.parent == folder / "new"
    assert kept(copy) == LIST
    asked = dict(lists.hits)
    begin(project(), arguments).close()
    assert lists.hits == asked
    assert lists.headers["/raw/" + name]["user-agent"].startswith("imagefetch/")


@pytest.mark.usefixtures("folder")
def test_list_for_a_script_whose_loop_runs(lists: Server) -> None:
    """A script may start a job in a coroutine."""

    async def script() -> Path:
        return begun({"urls": lists.url("/raw/list")}).run.urls

    assert kept(asyncio.run(script())) == LIST


def test_list_that_is_wanted_anew(folder: Path, lists: Server) -> None:
    """fresh=1 fetches the list again; another address has its own copy."""
    for name in ("list", "encoded"):
        begun({"urls": lists.url(f"/raw/{name}")})
    begun({"urls": lists.url("/raw/list"), "fresh": "1"})
    assert (lists.hits["/raw/list"], lists.hits["/raw/encoded"]) == (2, 1)
    assert len(list(folder.glob("REPORT.*.urls.txt.gz"))) == 2


def test_a_refused_run_leaves_the_earlier_copy(folder: Path, lists: Server) -> None:
    """fresh=1 doesn't replace the earlier copy if the report can't be replaced."""
    address = lists.url("/raw/list")
    begun({"urls": address})
    (folder / "REPORT.csv").write_bytes(b"a,b\r\n")
    before = contents(folder)
    lists.raw["/raw/list"] = lists.raw["/raw/twice.gz"]
    with pytest.raises(BadInput, match="not a report of imagefetch"):
        begin(project(), {"urls": address, "fresh": "1"})
    assert lists.hits["/raw/list"] == 2
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/status/404/list", "can't be fetched: not-found"),
        ("/status/503/list", "can't be fetched: server-error"),
        ("/raw/cut.gz", "can't be fetched: incomplete-body"),
        ("/raw/large", "can't be fetched: too-large"),
        ("/raw/page", "no URL in the list"),
        ("/raw/away", "can't be fetched: bad-redirect"),
    ],
)
def test_list_that_cannot_be_had(folder: Path, lists: Server, path: str, why: str) -> None:
    """One line names the address without its secrets; no file or folder is left."""
    before = sorted(folder.rglob("*"))
    address = lists.url(path).replace("//", "//user:secret@") + "?token=secret"
    lists.raw |= {f"{known}?token=secret": write for known, write in lists.raw.items()}
    settings = project(
        RETRY_TIMES=2,
        RETRY_DELAY=0.01,
        INPUT_URLS_MAXSIZE=20_000,
    )
    with pytest.raises(BadInput, match=why) as refusal:
        begin(settings, {"urls": address, "report": "new/deep/r.csv"})
    assert str(refusal.value).startswith(lists.url(path) + "?***: ")
    assert "secret" not in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert sorted(folder.rglob("*")) == before
    assert lists.hits[f"{path}?token=secret"] == (3 if path.endswith(("503/list", "cut.gz")) else 1)


@pytest.mark.usefixtures("folder")
def test_list_at_an_address_that_is_not_public(lists: Server) -> None:
    """The address guard of downloads applies to lists as well."""
    with pytest.raises(BadInput, match="can't be fetched: blocked-address"):
        begin(project(ALLOWED_NETWORKS=[]), {"urls": lists.url("/raw/list")})
    assert not lists.hits


@pytest.mark.usefixtures("folder")
def test_list_when_a_setting_of_downloads_cannot_be(lists: Server) -> None:
    """A setting that the download handler refuses is refused for the list, without a traceback."""
    with pytest.raises(BadInput, match="setting DOWNLOAD_BIND_ADDRESS"):
        begin(project(DOWNLOAD_BIND_ADDRESS="203.0.113.1"), {"urls": lists.url("/raw/list")})


@pytest.mark.parametrize(
    "address",
    [
        "ftp://a.example/list",
        "http://",
        "file:///etc/hostname",
        "http://[::1/list",
    ],
)
@pytest.mark.usefixtures("folder")
def test_address_that_is_none(address: str) -> None:
    """Lists are fetched from http and https addresses only."""
    with pytest.raises(BadInput, match="must be a path, or an http or https address"):
        begin(project(), {"urls": address})


def test_copies_do_not_meet(tmp_path: Path) -> None:
    """Each report and each address has its own copy."""
    reports = [tmp_path / "a.csv", tmp_path / "b.csv"]
    addresses = ["", "http://a.example/1", "http://a.example/2"]
    assert len({copy_path(r, a) for r in reports for a in addresses}) == 6
