"""``scrapy report``: a whole job is proven, a broken one is named."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT, Crawl, RunCrawl, command, environment
from tests.server import Server


def report(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run ``scrapy report`` over the job in *folder*."""
    arguments = command(folder, {})[5:]
    return subprocess.run(
        [sys.executable, "-m", "scrapy", "report", *arguments, *words],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def job(crawl: RunCrawl, server: Server) -> Crawl:
    """A finished job of every kind of row."""
    paths = [f"/image/{n}.jpg" for n in range(4)] + ["/status/404/a", "/status/404/b", "/type/a"]
    done = crawl([*(server.url(path) for path in paths), server.url("/image/0.jpg"), "no URL"])
    done.check(9)
    return done


def test_a_whole_job_is_proven(job: Crawl) -> None:
    """Rows against lines, files against rows, failures by reason and host."""
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


BREAK: dict[str, Callable[[Crawl], object]] = {
    "file missing: line 2": lambda job: _file(job).unlink(),
    "file missing: line 2: 1-": lambda job: _file(job).symlink_to(
        _file(job).rename(job.folder / "elsewhere")
    ),
    "file changed: line 2": lambda job: _file(job).write_bytes(b"other"),
    "second row for a line": lambda job: job.report.write_bytes(
        job.report.read_bytes() + job.report.read_bytes().splitlines(keepends=True)[1]
    ),
    "row of no line in the list": lambda job: (job.folder / "urls.txt").write_text(
        (job.folder / "urls.txt").read_text().replace("/1.jpg", "/one.jpg")
    ),
    "torn row": lambda job: job.report.write_bytes(job.report.read_bytes() + b"http://a"),
}


@pytest.mark.parametrize("kind", BREAK)
def test_what_is_broken_is_named(job: Crawl, kind: str) -> None:
    """Status 1, and the line that it is about."""
    BREAK[kind](job)
    done = report(job.folder)
    assert done.returncode == 1, done.stdout
    assert kind in done.stdout


def test_an_unfinished_job_is_no_broken_one(job: Crawl) -> None:
    """Status 3, and how many lines are left; strays and partial files are counted."""
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
    """The same rows, by line, and still a report to go on with."""
    before = sorted(job.report.read_bytes().splitlines())
    rows = job.report.read_bytes().splitlines(keepends=True)
    job.report.write_bytes(b"".join([rows[0], *reversed(rows[1:])]))
    assert report(job.folder, "--sort").returncode == 0
    assert [int(row["Line"]) for row in job.rows] == list(range(1, 10))
    assert sorted(job.report.read_bytes().splitlines()) == before


def test_bad_input_is_one_clear_line(tmp_path: Path) -> None:
    """A missing report is named; nothing is made."""
    (tmp_path / "urls.txt").write_text("http://127.0.0.1/\n")
    done = report(tmp_path)
    assert done.returncode == 2
    assert "REPORT.csv: no such report" in done.stderr
    assert done.stderr.count("\n") == 1
    assert {path.name for path in tmp_path.iterdir()} == {"urls.txt"}


def test_nothing_on_the_terminal_moves_its_cursor(job: Crawl) -> None:
    """Whatever hosts and names a report is made to hold."""
    torn = job.report.read_bytes().replace(b"invalid-url", b"\x1b[2J\xc2\x9b")
    job.report.write_bytes(torn)
    done = report(job.folder)
    assert "\\u001b[2J\\u009b" in done.stdout
    assert not {"\x1b", "\x9b"} & set(done.stdout)
