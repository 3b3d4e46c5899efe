"""Reports and lists that nobody can have wished for: one line says what is wrong, and where."""

from __future__ import annotations

import csv
import os
import resource
from pathlib import Path

import pytest

from imagefetch.config.only_argument import NOTHING
from imagefetch.errors import BadInput, SystemLimit
from imagefetch.job.report_repair.prepare import prepare
from imagefetch.lists.list_file import ListFile
from imagefetch.lists.plain import read_lines
from imagefetch.output.report.csv_rows import COLUMNS, HEADER, ROW_MAX, encode
from imagefetch.output.report.report_file import read_rows
from imagefetch.utils.bounded.scratch_db import ScratchDatabase
from imagefetch.utils.cells import CELL_MAX, CUT
from tests.conftest import RunCrawl
from tests.support.checks import URL, check, content
from tests.support.commands import scrapy

GOOD = [URL, "404", "1", "", "", "", "", "", "", "1", "0.1", "not-found", *[""] * 8]


def changed(column: str, value: str) -> bytes:
    """Return a row with another *value* in *column*."""
    row = list(GOOD)
    row[list(COLUMNS.values()).index(column)] = value
    return encode(row)


DAMAGED = {
    "line beyond 64 bits": changed("Line", str(2**64)),
    "line of 5,000 digits": changed("Line", "9" * 5_000),
    "line 0": changed("Line", "000"),
    "negative line": changed("Line", "-4"),
    "other digits": changed("Line", "٣"),
    "no hash": changed("SHA-256", "zz"),
    "surrogates as a hash": changed("SHA-256", "\ud800" * 64),
    "width of 5,000 digits": changed("Width", "1" * 5_000),
    "negative height": changed("Height", "-1"),
    "bytes": changed("Bytes", "1e3"),
    "attempts": changed("Attempts", "9" * 400),
    "no attempts": changed("Attempts", ""),
    "nan": changed("Seconds", "nan"),
    "infinite": changed("Seconds", "inf"),
    "seconds": changed("Seconds", "9" * 400),
    "a line's end in a number": changed("Bytes", "1\n2"),
    "no UTF-8": encode(GOOD).replace(b"not", b"\xff\xfe"),
    "NULs": b"\0" * 5_000 + b"\r\n",
    "LF only": encode(GOOD).replace(b"\r\n", b"\n"),
    "too many cells": encode([*GOOD, ""]),
    "too few": encode(GOOD[1:]),
    "a quote that never ends": b'"' + encode(GOOD),
    "empty": b"\r\n",
    "cell too long": b"a" * (CELL_MAX + 2) + b',"' + encode(GOOD)[len(URL) + 1 :],
}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "urls.txt").write_text(f"{URL}\n{URL}2\n")


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_row(tmp_path: Path, kind: str) -> None:
    """File and line are named, the report stays as it is; ``fresh=1`` is the way on."""
    report, urls = tmp_path / "REPORT.csv", tmp_path / "urls.txt"
    report.write_bytes(HEADER + encode(GOOD) + DAMAGED[kind])
    before = content(tmp_path)
    with pytest.raises(BadInput, match=r"REPORT\.csv: .*line .*; repair it, move") as refusal:
        prepare(report, ListFile(urls), str(tmp_path / "images"), only=NOTHING, fresh=False)
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 500
    assert content(tmp_path) == before
    report.write_bytes(HEADER + DAMAGED[kind] + encode(GOOD))
    prepare(report, ListFile(urls), str(tmp_path / "images"), only=NOTHING, fresh=True).close()
    assert not report.exists() or report.read_bytes() == HEADER


@pytest.mark.parametrize("tail", ["名".encode()[:2], b'"', b"\0" * 9_000, encode(GOOD)[:-1]])
def test_a_torn_row_is_left_out(tmp_path: Path, tail: bytes) -> None:
    """Wherever it was torn."""
    report = tmp_path / "REPORT.csv"
    report.write_bytes(HEADER + encode(GOOD) + tail)
    assert [row.cells for row in read_rows(report)] == [GOOD]
    for torn in (b"", HEADER[:7], HEADER):
        report.write_bytes(torn)
        assert list(read_rows(report)) == []


def test_every_command_says_it_in_one_line(tmp_path: Path) -> None:
    """And no traceback, whatever is asked."""
    report = tmp_path / "REPORT.csv"
    report.write_bytes(HEADER + encode(GOOD) + DAMAGED["no hash"])
    words = ["-a", f"urls={tmp_path}/urls.txt", "-a", f"report={tmp_path}/REPORT.csv"]
    words += ["-s", f"FILES_STORE={tmp_path}/images"]
    before = content(tmp_path)
    for command in (
        ["crawl", "images", "-a", "only=failed"],
        ["fleet", "--workers", "1"],
        ["report", "--sort"],
        ["report", "--html"],
    ):
        done = scrapy(*command, *words)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
        assert f"{report}: the row of line 1 is damaged: SHA-256 = 'zz'" in done.stderr
        after = content(tmp_path)
        after.pop(".REPORT.csv.lock", None)
        assert after == before, command


def test_a_report_without_an_end(tmp_path: Path) -> None:
    """It is read within bounds; what is no file is not read at all."""
    report = tmp_path / "REPORT.csv"
    with report.open("wb") as file:
        file.write(HEADER)
        file.truncate(2**32)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(BadInput, match=r"line 2 is not a valid row: too long"):
        list(read_rows(report))
    report.write_bytes(b"")
    with report.open("wb") as file:
        file.truncate(2**32)
    with pytest.raises(BadInput, match="not a report of imagefetch"):
        list(read_rows(report))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 10 * ROW_MAX // 1024
    os.mkfifo(tmp_path / "fifo")
    for path in ("fifo", "/dev/zero", "/dev/full", "/dev/null"):
        with pytest.raises(BadInput, match=f"{path}: is not a regular file; name another"):
            check({"report": path})
        with pytest.raises(BadInput, match=f"{path}: is not a regular file"):
            list(read_rows(Path(path)))


def test_a_list_that_is_no_file(tmp_path: Path) -> None:
    """It is read more than once, so it must be one; standard input as a path is standard input."""
    os.mkfifo(tmp_path / "fifo")
    for name in ("fifo", "/dev/zero", "/dev/null"):
        with pytest.raises(BadInput, match=rf"{name}: is not a regular file; .* -a urls=-"):
            check({"urls": name})
    for name in ("/dev/stdin", "/dev/fd/0"):
        check({"urls": name})


def test_a_shard_without_an_end(tmp_path: Path) -> None:
    """A line of it has a bound, and so has its number."""
    for text in (b"1\t" + b"a" * 200_000, b"9" * 30 + b"\ta\n", "٣\ta\n".encode()):
        (tmp_path / "a.shard").write_bytes(text)
        with pytest.raises(BadInput, match=r"line [12] is not a line of a shard"):
            list(read_lines(tmp_path / "a.shard"))


HOSTILE = [
    '"' + "\x01" * 30_000,
    "http://127.0.0.1:9/" + "\u200e" * 30_000,
    "http://127.0.0.1:9/" + "\u200e" * 30_000,
    "\x01" * 65_536 + "one",
    "\x01" * 65_536 + "another",
    "\x85a\u2028b\u2029\ufeff",
    "http://127.0.0.1:9/a;=cmd|' /C calc'!A0",
    "＝1+1",
]


def test_lines_whose_cells_would_be_too_long(crawl: RunCrawl) -> None:
    """Each has its one row, and the next run knows it again; so do other programs."""
    done = crawl([line.replace("\u2028", "\\u2028") for line in HOSTILE], RETRY_TIMES=0)
    assert done.status == 0, done.log
    with done.report.open(encoding="utf-8", newline="") as file:
        assert len(list(csv.reader(file))) == len(HOSTILE) + 1
    assert {row["Reason"] for n, row in done.by_line.items() if n < 6} == {"invalid-url"}
    assert all(row["URL"].endswith(CUT) for n, row in done.by_line.items() if n < 6)
    before = done.report.read_bytes()
    again = crawl([line.replace("\u2028", "\\u2028") for line in HOSTILE], RETRY_TIMES=0)
    assert f"nothing to do: all {len(HOSTILE)} lines are done" in again.log
    assert again.report.read_bytes() == before
    assert not list(done.folder.glob("REPORT.*.csv"))


def test_surrogates_in_a_report_whose_list_has_changed(tmp_path: Path) -> None:
    """They are text like any other: rows move along."""
    report, urls = tmp_path / "REPORT.csv", tmp_path / "urls.txt"
    rows = [[f"\ud800{n}", *GOOD[1:2], str(n), *GOOD[3:]] for n in range(1, 3)]
    rows.append([URL, "404", "3", *GOOD[3:]])
    report.write_bytes(HEADER + b"".join(map(encode, rows)))
    urls.write_text(f"{URL}\n{URL}2\n{URL}3\n")
    with pytest.raises(BadInput, match="is of another list: 1 of its 3 lines"):
        prepare(report, ListFile(urls), str(tmp_path / "images"), only=NOTHING, fresh=False)


def test_no_room_for_temporary_files() -> None:
    """One line says where room is needed."""
    table = ScratchDatabase("CREATE TABLE a (b BLOB)", cache=100)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(SystemLimit, match=r"no room for a temporary file .*: free some in /"):
            for _ in range(2_000):
                table.execute("INSERT INTO a VALUES (?)", (b"x" * 1_000,))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
