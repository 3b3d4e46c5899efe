"""Tests of imagefetch.utils.standard_streams: closed pipes, full disks, other encodings."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, Crawl, RunCrawl, command, environment
from tests.support.server import Server


def into_a_broken_pipe(words: list[str], *streams: str) -> tuple[int, bytes]:
    """Run a command with *streams* on a closed pipe; return its status and its standard error."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            words,
            cwd=ROOT,
            env=environment(),
            check=False,
            stdout=writer if "stdout" in streams else subprocess.DEVNULL,
            stderr=writer if "stderr" in streams else subprocess.PIPE,
        )
    finally:
        os.close(writer)
    return done.returncode, done.stderr or b""


def test_a_crawl_goes_on_without_a_reader(tmp_path: Path, server: Server) -> None:
    """As in ``scrapy crawl … 2>&1 | head``: every line gets its row; the exit status is right."""
    lines = [server.url(f"/image/{n}.jpg") for n in range(30)]
    (tmp_path / "urls.txt").write_text("\n".join(lines))
    done = into_a_broken_pipe(command(tmp_path, {"PROGRESS_INTERVAL": 0.1}), "stdout", "stderr")
    assert done == (0, b"")
    Crawl(0, "", tmp_path).check(30)
    again = into_a_broken_pipe(command(tmp_path, {}), "stderr")  # nothing left to do
    assert again == (0, b"")
    refused = into_a_broken_pipe([*command(tmp_path, {}), "-a", "urls=nowhere"], "stderr")
    assert refused == (2, b"")


def test_a_report_without_a_reader(tmp_path: Path, crawl: RunCrawl, server: Server) -> None:
    """As in ``scrapy report | head``: no traceback, and the usual exit status."""
    crawl([server.url("/image/a.jpg")])
    words = command(tmp_path, {})
    report = [*words[:3], "report", *words[5:]]
    for streams in (["stdout"], ["stdout", "stderr"]):
        for more in ([], ["--html"]):
            done = into_a_broken_pipe([*report, *more], *streams)
            assert done == (0, b"")


def test_a_full_disk_behind_standard_output(
    tmp_path: Path, crawl: RunCrawl, server: Server
) -> None:
    """The failed write is reported on standard error."""
    crawl([server.url("/image/a.jpg")])
    words = command(tmp_path, {})
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*words[:3], "report", *words[5:]],
            cwd=ROOT,
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert (
        done.stderr == b"imagefetch: standard output: can't be written: No space left on device\n"
    )


FORMATS = ["csv", "jsonlines", "json", "xml"]
"""Formats of ``-o``; their exporters write in different ways."""


@pytest.mark.parametrize("kind", FORMATS)
def test_a_feed_that_fails_costs_no_row(tmp_path: Path, server: Server, kind: str) -> None:
    """An error of ``-o`` on a closed pipe doesn't affect the report or the exit status."""
    (tmp_path / "urls.txt").write_text("\n".join(server.url(f"/image/{n}") for n in range(5)))
    done = into_a_broken_pipe([*command(tmp_path, {}), "-o", f"-:{kind}"], "stdout")
    assert done[0] == 0
    assert b"Traceback" not in done[1], done[1].decode()
    Crawl(0, "", tmp_path).check(5)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("reader", [["head", "-1"], ["true"]], ids=" ".join)
def test_a_feed_whose_reader_leaves(
    tmp_path: Path, server: Server, reader: list[str], kind: str
) -> None:
    """As in ``-o -:jsonlines | head -1``: the reader gets its line, and the log no traceback."""
    lines = [server.url(f"/image/{n}.jpg?{n:01000}") for n in range(150)]  # more than a pipe holds
    (tmp_path / "urls.txt").write_text("\n".join(lines))
    words = [*command(tmp_path, {}), "-o", f"-:{kind}"]
    with (
        subprocess.Popen(
            words,
            cwd=ROOT,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as crawl,
        subprocess.Popen(reader, stdin=crawl.stdout, stdout=subprocess.PIPE) as read,
    ):
        assert crawl.stdout is not None
        crawl.stdout.close()
        shown = read.communicate()[0]
        assert crawl.stderr is not None
        log = crawl.stderr.read()
    assert crawl.returncode == 0
    assert "Traceback" not in log, log
    assert "BrokenPipe" not in log, log
    assert (shown != b"") == (reader[0] == "head")
    Crawl(0, "", tmp_path).check(150)


@pytest.mark.parametrize("feed", [*(f"-:{kind}" for kind in FORMATS), "/dev/full:jsonlines"])
def test_a_feed_on_a_full_disk(tmp_path: Path, server: Server, feed: str) -> None:
    """A feed that can't be written, on standard output or in a file, is reported in one line."""
    lines = [server.url(f"/image/{n}.jpg?{n:01000}") for n in range(30)]
    (tmp_path / "urls.txt").write_text("\n".join(lines))
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*command(tmp_path, {}), "-o", feed],
            cwd=ROOT,
            env=environment(),
            stdout=full if feed.startswith("-") else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 0
    assert "Traceback" not in done.stderr, done.stderr
    assert done.stderr.count("No space left on device") == 1, done.stderr
    Crawl(0, "", tmp_path).check(30)


def test_a_feed_that_cannot_be_opened(crawl: RunCrawl, server: Server) -> None:
    """A feed that can't be opened, whose name is not known before, is reported in one line."""
    lines = [server.url(f"/image/{n}.jpg") for n in range(3)]
    done = crawl(lines, "-o", "/proc/rows-%(batch_id)02d.csv")
    assert done.status == 0, done.log
    assert "Traceback" not in done.log, done.log
    assert done.log.count("can't be written") == 1, done.log
    done.check(3)


def test_a_feed_without_standard_output(tmp_path: Path, server: Server) -> None:
    """As in ``-o -:csv >&-``: the rows are in the report."""
    (tmp_path / "urls.txt").write_text(server.url("/image/a.jpg"))
    words = " ".join(map(shlex.quote, [*command(tmp_path, {}), "-o", "-:csv"]))
    done = subprocess.run(
        f"{words} >&-",
        shell=True,
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    Crawl(0, "", tmp_path).check(1)


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_a_name_that_the_terminal_does_not_know(encoding: str) -> None:
    """Characters that the encoding lacks are escaped."""
    script = (
        "from imagefetch.utils.standard_streams import print_output, "
        "print_error; print_output('名\\udcff'); print_error('名\\udcff')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**environment(), "PYTHONIOENCODING": encoding},
        capture_output=True,
        check=True,
    )
    shown = "名" if encoding == "utf-8" else "\\u540d"
    assert done.stdout.decode() == f"{shown}\\udcff\n"
    assert done.stderr.decode() == f"imagefetch: {shown}\\udcff\n"
