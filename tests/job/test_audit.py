"""``scrapy report`` verifies a correct job and names the faults of a broken one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imagefetch.items import ImageRecord
from imagefetch.job.audit import audit
from imagefetch.job.journal import Journal
from imagefetch.lists.list_file import ListFile
from imagefetch.output.ownership.intents import Intents
from imagefetch.output.ownership.moves import Identity
from imagefetch.output.partial_files import partial_folder
from imagefetch.output.report.csv_rows import HEADER, cells, encode
from tests.conftest import Crawl, RunCrawl
from tests.support.commands import report
from tests.support.server import Server


@pytest.fixture
def job(crawl: RunCrawl, server: Server) -> Crawl:
    """A finished job with every kind of row."""
    paths = [f"/image/{n}.jpg" for n in range(4)] + ["/status/404/a", "/status/404/b", "/type/a"]
    done = crawl([*(server.url(path) for path in paths), server.url("/image/0.jpg"), "no URL"])
    done.check(9)
    return done


def test_a_whole_job_is_proven(job: Crawl) -> None:
    """Rows match lines, files match rows, and failures are counted by reason and host."""
    done = report(job.folder)
    assert done.returncode == 0, done.stderr
    for fact in (
        "lines       9, 0 of them without a row",
        "rows        9, 5 of them with a file",
        "strays      0 ",
        "partial     0 ",
        "not kept    2 not-found",
        "  2 127.0.0.1",
        "not kept    1 invalid-url",
    ):
        assert fact in done.stdout
    assert "BROKEN" not in done.stdout


def _file(job: Crawl) -> Path:
    return job.images / job.by_line[2]["File"]


def _row_with_file(job: Crawl) -> bytes:
    rows = job.report.read_bytes().splitlines(keepends=True)
    return next(row for row in rows if b",image/jpeg," in row)


BREAK: dict[str, Callable[[Crawl], object]] = {
    "file missing: line 2": lambda job: _file(job).unlink(),
    "file missing: line 2: 1-": lambda job: _file(job).symlink_to(
        _file(job).rename(job.folder / "elsewhere")
    ),
    "file changed: line 2": lambda job: _file(job).write_bytes(b"other"),
    "second row for a line": lambda job: job.report.write_bytes(
        job.report.read_bytes() + _row_with_file(job)
    ),
    "row of no line in the list": lambda job: (job.folder / "urls.txt").write_text(
        (job.folder / "urls.txt").read_text().replace("/1.jpg", "/one.jpg")
    ),
    "torn row": lambda job: job.report.write_bytes(job.report.read_bytes() + b"http://a"),
}


@pytest.mark.parametrize("kind", BREAK)
def test_what_is_broken_is_named(job: Crawl, kind: str) -> None:
    """Exit status 1, and the line that the fault is in."""
    BREAK[kind](job)
    done = report(job.folder)
    assert done.returncode == 1, done.stdout
    assert kind in done.stdout


def test_an_unfinished_job_is_no_broken_one(job: Crawl) -> None:
    """Exit status 3, and the number of lines left; strays and partial files are counted."""
    rows = job.report.read_bytes().splitlines(keepends=True)
    job.report.write_bytes(b"".join(rows[:-2]))
    (job.images / "mine.jpg").write_bytes(b"")
    (job.images / ".part" / "x").mkdir(parents=True)
    (job.images / ".part" / "x" / "1").write_bytes(b"")
    done = report(job.folder)
    assert done.returncode == 3, done.stdout
    assert "lines       9, 2 of them without a row" in done.stdout
    assert "partial     1 " in done.stdout
    assert "BROKEN" not in done.stdout


def test_sort_writes_the_report_in_list_order(job: Crawl) -> None:
    """The same rows, by line, in a report that a run can resume."""
    before = sorted(job.report.read_bytes().splitlines())
    rows = job.report.read_bytes().splitlines(keepends=True)
    job.report.write_bytes(b"".join([rows[0], *reversed(rows[1:])]))
    assert report(job.folder, "--sort").returncode == 0
    assert [int(row["Line"]) for row in job.rows] == list(range(1, 10))
    assert sorted(job.report.read_bytes().splitlines()) == before


def test_bad_input_is_one_clear_line(tmp_path: Path) -> None:
    """A missing report is named; no file is created."""
    (tmp_path / "urls.txt").write_text("http://127.0.0.1/\n")
    done = report(tmp_path)
    assert done.returncode == 2
    assert "REPORT.csv: no such report" in done.stderr
    assert done.stderr.count("\n") == 1
    assert {path.name for path in tmp_path.iterdir()} == {"urls.txt"}


def test_nothing_on_the_terminal_moves_its_cursor(job: Crawl) -> None:
    """Control characters in a report's hosts and names are escaped."""
    torn = job.report.read_bytes().replace(b"invalid-url", b"\x1b[2J\xc2\x9b")
    job.report.write_bytes(torn)
    done = report(job.folder)
    assert "\\u001b[2J\\u009b" in done.stdout
    assert not {"\x1b", "\x9b"} & set(done.stdout)


def test_a_running_job_is_seen_as_of_one_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files and rows written during the audit: no more files than rows are counted, and no file
    whose row is written meanwhile counts as a stray."""
    store, path = tmp_path / "images", tmp_path / "REPORT.csv"
    store.mkdir()
    (tmp_path / "urls.txt").write_text("".join(f"http://a.example/{n}\n" for n in range(1, 10)))

    def row(number: int) -> bytes:
        record = ImageRecord(f"http://a.example/{number}", "200", number, f"{number}.jpg", 1)
        record.sha256, record.attempts = hashlib.sha256(b"x").hexdigest(), 1
        return encode(cells(record))

    def stored(number: int) -> None:
        file = store / f"{number}.jpg"
        file.write_bytes(b"x")
        intents.add(file.name, Identity.of(file.stat()))

    def written(number: int) -> None:
        with path.open("ab") as file:
            file.write(row(number))
        intents.end(f"{number}.jpg")

    def go_on(journal: Journal, *arguments: Any) -> None:
        stored(3)
        written(2)
        read(journal, *arguments)
        for number in (4, 5):
            stored(number)
            written(number)
        written(3)

    folder = partial_folder(str(store), path)
    folder.mkdir(parents=True)
    intents = Intents(folder)
    path.write_bytes(HEADER)
    stored(1)
    written(1)
    stored(2)
    stored(6)
    read = Journal.read
    monkeypatch.setattr(Journal, "read", go_on)
    found = audit(ListFile(tmp_path / "urls.txt"), path, store)
    intents.close()
    assert (found.lines, found.rows, found.kept, found.missing) == (9, 2, 2, 7)
    assert (found.strays, found.partial, found.broken) == (0, 1, {})
