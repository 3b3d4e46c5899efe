"""Writing the page: files that it must not overwrite, and hostile images."""

from __future__ import annotations

import base64
import io
import re
import resource
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from PIL import Image

from imagefetch.demo_site import picture
from imagefetch.html_report import writer as page_writer
from imagefetch.html_report.render import link
from imagefetch.html_report.writer import PageError, PageWriter
from imagefetch.items import ImageRecord
from imagefetch.output.page_file import page_path
from imagefetch.stats.run_info import RunInfo
from imagefetch.stats.run_stats import Figures
from imagefetch.stats.sketches import Reservoir
from imagefetch.utils.processes.json_process import JSONProcess
from tests.conftest import ROOT, RunCrawl, command, environment
from tests.support import bombs
from tests.support.peak import peak_memory
from tests.support.server import Server
from tests.support.until import until


def facts(*files: tuple[str, str]) -> dict[str, Any]:
    """Return the facts of a run that stored *files*, pairs of name and type."""
    figures = Figures(sample=Reservoir(20))
    for line, (name, kind) in enumerate(files, 1):
        url = f"http://a.example/{line}"
        figures.add(ImageRecord(url, "200", line, name, 9, kind, 8, 8, "ab" * 32, 1, 0.1), "a")
    info = RunInfo(started=time.time(), ended=time.time(), reason="finished")
    return {
        "run": info.to_json(),
        "seconds": 1.0,
        "refresh": 30,
        "repeats": [],
        "figures": figures.to_json(),
    }


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[PageWriter]:
    made = PageWriter(tmp_path / "REPORT.html", str(tmp_path), 1_000_000)
    yield made
    made.close()


def chunk(kind: bytes, data: bytes) -> bytes:
    checked = kind + data
    return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))


def bomb(side: int) -> bytes:
    """Return a PNG of a few kilobytes with *side* × *side* pixels."""
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(min(10**8, side * (3 * side + 1))), 9)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def test_a_bad_image_has_no_thumbnail(
    writer: PageWriter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A decompression bomb, a wrong type, a missing file, a file outside of the store, and one that
    crashes the subprocess: the page is written, with thumbnails of the good images."""
    (tmp_path / "greedy_page.py").write_text(
        "import imagefetch.html_report.worker as p, os\n"
        "small = p.thumbnail\n"
        "p.thumbnail = lambda path, *rest: os.abort() if 'killer' in path.name "
        "else small(path, *rest)\n"
        "p.main()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(page_writer, "MODULE", "greedy_page")
    (tmp_path / "good.jpg").write_bytes(picture("dawn", "jpg"))
    (tmp_path / "half.png").write_bytes(picture("dusk", "png")[:2000])
    (tmp_path / "bomb.png").write_bytes(bomb(20_000))
    (tmp_path / "over.png").write_bytes(bomb(1_200))  # a little more than may be decoded
    (tmp_path / "lie.jpg").write_bytes(b"<svg/>")
    (tmp_path / "killer.gif").write_bytes(picture("noon", "gif"))
    names = [
        "killer.gif",
        "bomb.png",
        "over.png",
        "lie.jpg",
        "gone.jpg",
        "../good.jpg",
        "good.jpg",
        "half.png",
    ]
    types = {"jpg": "image/jpeg", "png": "image/png", "gif": "image/gif"}
    writer.write(facts(*((name, types[name[-3:]]) for name in names)), 60)
    text = writer.path.read_text()
    assert text.count("data:image/jpeg;base64,") == 2
    assert text.count("no preview") == 6
    assert "</html>" in text


def test_thumbnails_are_created_once(writer: PageWriter, tmp_path: Path) -> None:
    """The second page reuses those of the first, even if the files are gone; the thumbnail of an
    image that is no longer in the sample is dropped."""
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(picture(name, "jpg"))
    both = facts(("a.jpg", "image/jpeg"), ("b.jpg", "image/jpeg"))
    writer.write(both, 60)
    (tmp_path / "a.jpg").unlink()
    writer.write(both, 60)
    assert writer.path.read_text().count("data:image/jpeg;base64,") == 2
    writer.write(facts(("b.jpg", "image/jpeg")), 60)
    assert writer._thumbnails.keys() == {"b.jpg"}


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_images_on_their_side(writer: PageWriter, tmp_path: Path, orientation: int) -> None:
    """The thumbnail stands upright; that the size is of the image on its side is noted."""
    exif = Image.Exif()
    exif[274] = orientation
    Image.new("RGB", (80, 60)).save(tmp_path / "a.jpg", exif=exif)
    writer.write(facts(("a.jpg", "image/jpeg")), 60)
    text = writer.path.read_text()
    data = re.search(r"data:image/jpeg;base64,([^\"]+)", text)
    assert data is not None
    with Image.open(io.BytesIO(base64.b64decode(data[1]))) as small:
        assert (small.width < small.height) is (orientation >= 5)
    assert ("8 × 8, turned" in text) is (orientation >= 5)


def test_no_time_no_thumbnail(writer: PageWriter, tmp_path: Path) -> None:
    """An image without time for a thumbnail is not on the sheet; the page is written."""
    (tmp_path / "a.jpg").write_bytes(picture("a", "jpg"))
    writer.write(facts(("a.jpg", "image/jpeg")), -1)
    assert "no images yet" in writer.path.read_text()


def test_images_in_a_remote_store_are_named(tmp_path: Path) -> None:
    """There are neither thumbnails nor links to files, and the page says why."""
    remote = PageWriter(tmp_path / "REPORT.html", "s3://bucket/folder/", 1_000_000)
    remote.write(facts(("a.jpg", "image/jpeg")), 60)
    remote.close()
    text = remote.path.read_text()
    assert "They are in a remote store" in text
    assert "http://a.example/1" in text
    assert "base64" not in text


def test_only_files_of_the_store_that_run_nothing_are_linked(tmp_path: Path) -> None:
    """A report may be untrusted, and so may files in the store: SVG and HTML run scripts in a
    browser. Files that are not linked are named."""
    store = tmp_path / "images"
    (store / "ab").mkdir(parents=True)
    good = ["a.jpg", "ab/b.png", "c#d%20?.gif", "e\\..\\f.webp", "g.svg.jpg"]
    active = ["h.svg", "i.SVG", "j.svgz", "k.html", "l.xhtml", "m.xml", "n", "o.jpg.htm", "p.mht"]
    for name in (*good, *active, "../outside.jpg"):
        (store / name).write_bytes(picture("a", "jpg"))
    (store / "link.jpg").symlink_to(tmp_path / "outside.jpg")
    (store / "folder").symlink_to(tmp_path)
    bad = ["../outside.jpg", str(tmp_path / "outside.jpg"), "link.jpg", "folder/outside.jpg", "ab",
           "gone.jpg", "file:///etc/passwd.jpg", "javascript:alert(1)//.jpg", "..\\outside.jpg",
           "ab/../a.jpg", "//a.example/a.jpg", "http://a.example/a.jpg", "data:,a.jpg"]  # fmt: skip
    files = [*good, *active, *bad]
    writer = PageWriter(tmp_path / "REPORT.html", str(store), 1_000_000)
    asked = facts()
    sample = Reservoir(100)
    for line, name in enumerate(files, 1):
        sample.wants()
        sample.put(
            {"line": line, "url": "x", "file": name, "type": "image/jpeg", "width": 1, "height": 1,
             "bytes": 1, "reason": ""}
        )  # fmt: skip
    asked["figures"]["sample"] = sample.to_json()
    writer.write(asked, 60)
    writer.close()
    page = writer.path.read_text()
    assert re.findall(r'href="([^"]+)"', page) == [
        "data:,", *(f"./images/{quote(name)}" for name in good)
    ]  # fmt: skip
    for name in active:
        assert f", {name}," in page
    assert "Content-Security-Policy" in page


@pytest.mark.parametrize(
    "url",
    [
        *("http:/bob:pw@a.example/", "http:\\\\bob:pw@a.example/", "bob:pw@a.example/"),
        *("http://bob:p/w@a.example/", "http://a.example/?u=http://bob:pw@h/", "http://a\\@b/"),
        *("http://a.example/?X-Amz-Signature=b", "http://a.example/?token=b", "javascript:a"),
        *("file:///a", "//a.example/", "http://a.example\\b", "data:,a"),
    ],
)
def test_urls_that_are_not_linked(url: str) -> None:
    """URLs with credentials, and those that a browser parses differently."""
    assert link(url) is None
    assert link("http://a.example/b@2x.jpg?c=d#e") == "http://a.example/b@2x.jpg?c=d#e"


def test_a_foreign_file_is_not_overwritten(writer: PageWriter) -> None:
    """Only a page of this program is overwritten."""
    writer.path.write_text("<!doctype html><title>mine</title>")
    with pytest.raises(PageError, match="no page of this program's"):
        writer.write(facts(), 60)
    assert writer.path.read_text() == "<!doctype html><title>mine</title>"


def test_a_page_that_cannot_be_written_leaves_the_old_one(writer: PageWriter) -> None:
    """It is intact, without temporary files; later writes succeed again."""
    writer.write(facts(), 60)
    old = writer.path.read_text()
    folder = writer.path.parent
    away = folder.rename(folder.with_name("away"))
    with pytest.raises(PageError, match="No such file or directory"):
        writer.write(facts(("a.jpg", "image/jpeg")), 60)
    away.rename(folder)
    assert writer.path.read_text() == old
    assert not list(folder.glob(".*.new"))
    writer.write(facts(("a.jpg", "image/jpeg")), 60)
    assert "http://a.example/1" in writer.path.read_text()


@pytest.mark.parametrize(
    ("report", "page"),
    [
        ("REPORT.csv", "REPORT.html"),
        ("a/b.CSV", "a/b.html"),
        ("rows.html", "rows.html.html"),
        ("rows.txt", "rows.txt.html"),
        ("rows", "rows.html"),
    ],
)
def test_no_page_is_its_own_report(report: str, page: str) -> None:
    """It is next to it; ``.html`` is appended to a name that does not end in .csv."""
    assert page_path(Path(report)) == Path(page)


def test_a_run_continues_without_its_page(crawl: RunCrawl, server: Server, tmp_path: Path) -> None:
    """One line says why there is no page; the exit status is 0, the summary names none."""
    (tmp_path / "REPORT.html").write_text("mine")
    done = crawl([server.url("/slow/1200/a.jpg")], HTML_REPORT_INTERVAL=0.2)
    assert done.status == 0
    done.check(1)
    assert done.log.count("no page of this program's; move it away") == 1
    assert (tmp_path / "REPORT.html").read_text() == "mine"
    assert "  page " not in done.log


def test_a_page_that_can_not_be_updated_is_removed(server: Server, tmp_path: Path) -> None:
    """It would show the run as running for ever."""
    (tmp_path / "urls.txt").write_text(f"{server.url('/held/a')}\n")
    page = tmp_path / "REPORT.html"
    run = command(tmp_path, {"HTML_REPORT_INTERVAL": 0.1})
    with (tmp_path / "log").open("wb") as log:
        running = subprocess.Popen(run, cwd=ROOT, env=environment(), stderr=log)
        until(page.exists, "a page")
        children = Path(f"/proc/{running.pid}/task/{running.pid}/children")
        for child in children.read_text().split():  # as on a full disk
            resource.prlimit(int(child), resource.RLIMIT_FSIZE, (0, 0))
        server.gate.set()
        assert running.wait() == 0
    assert not page.exists()
    assert not list(tmp_path.glob(".*.new"))
    said = (tmp_path / "log").read_text()
    assert f"{page} can't be written: File too large" in said
    assert "  page " not in said


def test_it_can_be_switched_off(crawl: RunCrawl, server: Server, tmp_path: Path) -> None:
    """No page with HTML_REPORT off, no progress lines with PROGRESS off; there is a summary."""
    lines = [server.url(f"/slow/300/{n}.jpg") for n in range(4)]
    done = crawl(
        lines, HTML_REPORT=False, PROGRESS="off", PROGRESS_INTERVAL=0.1, CONCURRENT_REQUESTS=1
    )
    assert done.status == 0
    assert not list(tmp_path.glob("*.html"))
    assert "[imagefetch.stats.progress]" not in done.log
    assert "Finished\n  lines       4\n" in done.log


def test_the_old_page_is_renamed_with_the_old_report(
    crawl: RunCrawl, server: Server, tmp_path: Path
) -> None:
    """``fresh=1`` keeps both; the page of a resumed run says what earlier runs did, and what its
    statistics cover."""
    lines = [server.url("/image/a.jpg"), server.url("/image/b.jpg")]
    crawl(lines[:1])
    first = (tmp_path / "REPORT.html").read_text()
    done = crawl(lines)
    assert "Earlier runs did 1 line." in (tmp_path / "REPORT.html").read_text()
    second = (tmp_path / "REPORT.html").read_text()
    assert f"  page        {tmp_path / 'REPORT.html'}\n" in done.log
    crawl(lines, "-a", "fresh=1")
    kept = tmp_path / "REPORT.1.html"
    assert kept.read_text() == second != first
    assert "2 of 2 kept" in (tmp_path / "REPORT.html").read_text()
    (tmp_path / "REPORT.html").unlink()
    crawl(lines, "-a", "fresh=1")
    assert kept.read_text() == second
    assert (tmp_path / "REPORT.2.csv").exists()
    assert not (tmp_path / "REPORT.2.html").exists(), "a page of another report"


# Most peak memory of the subprocess, MiB: for an image, and for itself.
PEAK = 256 + 150


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
def test_no_image_takes_much_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Images of any size and format, nested ones too: the page is written, without thumbnails of
    those that would take too much memory."""
    monkeypatch.setattr(page_writer, "THUMBNAIL_TIMEOUT", 60)
    writer = PageWriter(tmp_path / "REPORT.html", str(tmp_path), 89_478_485)
    pictures = bombs.of_every_format(9_000)
    peaks = []
    ask = JSONProcess.ask

    def watched(child: JSONProcess, question: Any) -> Any:
        response = ask(child, question)
        if child.process.poll() is None:
            peaks.append(peak_memory(child.process.pid))
        return response

    monkeypatch.setattr(JSONProcess, "ask", watched)
    try:
        for name, (content, _) in pictures.items():
            (tmp_path / name).write_bytes(content)
        (tmp_path / "good.jpg").write_bytes(picture("dawn", "jpg"))
        files = [(name, kind) for name, (_, kind) in pictures.items()]
        writer.write(facts(*files, ("good.jpg", "image/jpeg")), 600)
        assert writer._thumbnails["good.jpg"]
        assert not writer._thumbnails["a.j2k"]
        assert max(peaks) < PEAK
        limits = Path(f"/proc/{writer._child.process.pid}/limits").read_text(encoding="ascii")  # type: ignore[union-attr]
        assert int(limits.partition("Max address space")[2].split()[0]) < 2**30
    finally:
        writer.close()
    page = (tmp_path / "REPORT.html").read_text(encoding="utf-8")
    assert "data:image/jpeg" in page


def test_the_report_is_locked_until_the_page_is_written(crawl: RunCrawl, server: Server) -> None:
    """The next run, which starts when the lock is free, writes the same page."""
    pages = (
        '{"imagefetch.html_report.extension.HtmlReport": null, '
        '"tests.support.parts.WatchedPage": 300}'
    )
    done = crawl([server.url("/image/a.jpg")], EXTENSIONS=pages)
    assert done.status == 0, done.log
    assert "page written, report locked" in done.log
    assert "page written, report free" not in done.log
