"""Bodies are written to partial files."""

from __future__ import annotations

import hashlib
import os
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from imagefetch.download.response import FileResponse
from imagefetch.errors import StoreError
from imagefetch.images.detection import HEAD
from imagefetch.output.partial_files import (
    SMALL,
    Download,
    PartialFile,
    close_partial_folder,
    open_partial_folder,
    partial_folder,
)
from imagefetch.output.store_paths import is_remote, local_path

resource = pytest.importorskip("resource")


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let no file grow above *size* bytes, as on a disk that fills up."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("written_out", [False, True], ids=["at once", "piece by piece"])
@pytest.mark.parametrize(
    ("pieces", "head"),
    [
        ([b"a"], 1),
        ([b"", b"a", b"", b"b"], 2),
        ([b"a" * (HEAD - 1), b"bcd"], HEAD + 2),
        ([b"ab"] * (SMALL // 2), SMALL),
        ([b"ab"] * (SMALL // 2) + [b"c"], HEAD),
    ],
    ids=["one", "empty ones", "across the head", "small", "not small"],
)
def test_finished_file_is_described(
    tmp_path: Path, pieces: list[bytes], head: int, written_out: bool
) -> None:
    """Size, hash and first bytes are those of the file; the first bytes of a small file are all
    of it, unless some were written before."""
    part = PartialFile(tmp_path / "1")
    for piece in pieces:
        part.gather(piece)
        if written_out:
            part.write_out()
    body = b"".join(pieces)
    made = part.finish()
    assert made.path is not None
    assert made.path.read_bytes() == body
    assert (made.size, made.sha256) == (len(body), hashlib.sha256(body).hexdigest())
    assert made.head == body[: min(head, HEAD) if written_out else head]
    assert made.in_memory == (made.head == body)


def test_gathered_bytes_are_in_no_file(tmp_path: Path) -> None:
    """They are counted, and written only by `write_out`, so no bytes are written twice."""
    part = PartialFile(tmp_path / "1")
    part.gather(b"abc")
    assert (part.gathered, part.size, list(tmp_path.iterdir())) == (3, 3, [])
    part.write_out()
    part.write_out()
    part.gather(b"d")
    assert (part.gathered, part.size, part.path.read_bytes()) == (1, 4, b"abc")


def test_paused_file_goes_on(tmp_path: Path) -> None:
    """A paused file has all that was gathered, and what comes later is appended; not if another
    has changed or removed it."""
    part = PartialFile(tmp_path / "1")
    part.gather(b"abc")
    part.pause()
    assert part.path.read_bytes() == b"abc"
    assert part.is_intact()
    part.gather(b"def")
    part.write_out()
    made = part.finish()
    assert part.path.read_bytes() == b"abcdef"
    assert (made.size, made.sha256) == (6, hashlib.sha256(b"abcdef").hexdigest())
    part.path.write_bytes(b"abc")
    assert not part.is_intact()
    part.path.unlink()
    assert not part.is_intact()
    part.gather(b"ghi")
    with pytest.raises(StoreError, match="No such file"):
        part.write_out()


def test_empty_body_leaves_no_file(tmp_path: Path) -> None:
    """The file is created for the first byte; without one there is none after either end."""
    part = PartialFile(tmp_path / "1")
    assert part.finish() == Download(None, 0, "", b"")
    part.discard()
    assert list(tmp_path.iterdir()) == []


def test_discarded_file_is_gone(tmp_path: Path) -> None:
    """No file of a discarded body is left; discarding twice is allowed."""
    part = PartialFile(tmp_path / "1")
    part.gather(b"abc")
    part.write_out()
    part.discard()
    part.discard()
    assert list(tmp_path.iterdir()) == []


def test_other_file_is_left_alone(tmp_path: Path) -> None:
    """An existing file is neither written to nor removed; no folder is created."""
    path = tmp_path / "1"
    path.write_bytes(b"another's")
    part = PartialFile(path)
    part.gather(b"abc")
    with pytest.raises(StoreError, match="File exists"):
        part.write_out()
    elsewhere = PartialFile(tmp_path / "gone" / "1")
    elsewhere.gather(b"abc")
    with pytest.raises(StoreError, match="No such file"):
        elsewhere.finish()
    part.discard()
    elsewhere.discard()
    assert path.read_bytes() == b"another's"


@pytest.mark.parametrize("rest", [b"67890 and more", b"67890 and more" * SMALL])
def test_full_disk_is_a_store_error(tmp_path: Path, rest: bytes) -> None:
    """A piece that isn't written completely raises a one-line StoreError, and can be discarded."""
    part = PartialFile(tmp_path / "1")
    with largest_file(10):
        part.gather(b"12345")
        part.write_out()
        part.gather(rest)
        with pytest.raises(StoreError) as error:
            part.finish()
    assert str(error.value) == f"{part.path}: File too large"
    part.discard()
    assert list(tmp_path.iterdir()) == []


def test_discarding_a_download(tmp_path: Path) -> None:
    """A file that was moved away is not an error; one that can't be removed is a StoreError."""
    Download().discard()
    Download(tmp_path / "moved").discard()
    with pytest.raises(StoreError):
        Download(tmp_path).discard()


def test_response_keeps_its_download(tmp_path: Path) -> None:
    """A response that a middleware replaces still refers to its file; its body is empty."""
    download = Download(tmp_path / "1", 3, "0f", b"abc")
    response = FileResponse("https://a.example/", download=download).replace(status=404)
    assert isinstance(response, FileResponse)
    assert (response.status, response.body, response.download) == (404, b"", download)
    assert FileResponse("https://a.example/").download == Download()


def test_a_report_whose_name_is_not_unicode() -> None:
    """A report may have any name that the system allows."""
    assert partial_folder("/im", Path(os.fsdecode(b"/r/\xff.csv"))).parent == Path("/im/.part")


def test_remote_stores() -> None:
    """A URL is remote, except ``file://``."""
    assert all(map(is_remote, ["s3://bucket/images", "gs://bucket", "ftp://user:word@h/images"]))
    assert not any(map(is_remote, ["images", "/srv/images", "file:///srv/images"]))


def test_local_store_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store is the same folder in every notation."""
    monkeypatch.chdir(tmp_path)
    stores = ["images", str(tmp_path / "images"), f"file://{tmp_path}/images"]
    assert {local_path(store) for store in stores} == {tmp_path / "images"}


def test_runs_share_no_partial_folder(tmp_path: Path) -> None:
    """Each report has a folder of its own: in the store, or next to the report if it is remote."""
    one, other = tmp_path / "one.csv", tmp_path / "other.csv"
    store = tmp_path / "images"
    folder = partial_folder(str(store), one)
    assert folder == partial_folder(f"file://{store}", one)
    assert folder != partial_folder(str(store), other)
    assert folder.parent == store / ".part"
    assert partial_folder("s3://bucket/images", one).parent == tmp_path / ".part"


def test_partial_folder_begins_empty(tmp_path: Path) -> None:
    """Files of an interrupted run are removed, but none of another run."""
    mine, other = tmp_path / ".part" / "mine", tmp_path / ".part" / "other"
    for folder in (mine, other):
        open_partial_folder(folder)
        (folder / "1").write_bytes(b"half a pict")
    open_partial_folder(mine)
    assert list(mine.iterdir()) == []
    assert (other / "1").exists()


def test_partial_folder_that_cannot_be(tmp_path: Path) -> None:
    """A folder that can't be made or emptied is a StoreError that names it."""
    file = tmp_path / "file"
    file.touch()
    (tmp_path / "full" / "folder").mkdir(parents=True)
    for folder in (file, tmp_path / "full"):
        with pytest.raises(StoreError, match=f"^{folder}: "):
            open_partial_folder(folder)


@pytest.mark.parametrize("link", [".part", ".part/mine"])
def test_partial_folder_that_is_a_link(tmp_path: Path, link: str) -> None:
    """The target of the link is not emptied."""
    precious = tmp_path / "precious" / "mine"
    precious.mkdir(parents=True)
    (precious / "1").touch()
    place = tmp_path / link
    place.parent.mkdir(exist_ok=True)
    place.symlink_to(precious if link.endswith("mine") else precious.parent)
    with pytest.raises(StoreError, match=f"^{place}: is a symbolic link"):
        open_partial_folder(tmp_path / ".part" / "mine")
    assert (precious / "1").exists()


def test_closed_partial_folder_leaves_no_trace(tmp_path: Path) -> None:
    """The last run to end also removes the parent folder."""
    folder = tmp_path / ".part" / "mine"
    open_partial_folder(folder)
    close_partial_folder(folder)
    close_partial_folder(folder)
    assert list(tmp_path.iterdir()) == []


def test_closing_removes_no_other_runs_file(tmp_path: Path) -> None:
    """The files left by this run are removed; the folder of another run is kept."""
    for name in ("mine", "other"):
        (tmp_path / ".part" / name).mkdir(parents=True)
        (tmp_path / ".part" / name / "1").touch()
    close_partial_folder(tmp_path / ".part" / "mine")
    assert not (tmp_path / ".part" / "mine").exists()
    assert (tmp_path / ".part" / "other" / "1").exists()


def test_tiny_pieces_take_little_more_than_their_bytes(tmp_path: Path) -> None:
    """A server may send one byte at a time, to many downloads at once."""
    part = PartialFile(tmp_path / "1")
    tracemalloc.start()
    try:
        for n in range(2**17):
            part.gather(bytes([n % 251]))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2**19
    part.gather(bytes(5_000))
    part.gather(b"end")
    download = part.finish()
    assert download.size == 2**17 + 5_003
    assert download.path is not None
    body = bytes(n % 251 for n in range(2**17)) + bytes(5_000) + b"end"
    assert download.path.read_bytes() == body
    assert download.sha256 == hashlib.sha256(body).hexdigest()
