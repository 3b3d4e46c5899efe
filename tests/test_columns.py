"""The columns of a list come along into the report, feeds, page objects and file names."""

from __future__ import annotations

import csv
import json
import random
import re
import signal
from pathlib import Path
from typing import Any

import pytest

from imagefetch.job.audit import audit, describe
from imagefetch.lists.list_file import ListFile
from imagefetch.output.report.columns import NAMES
from tests.conftest import Crawl, RunCrawl, run_crawl
from tests.support import kill
from tests.support.server import Server, Writer

OLD_HEADER = (
    b"URL,Response code,Line,File,Bytes,Type,Width,Height,SHA-256,Attempts,Seconds,Reason\r\n"
)


def table(server: Server) -> list[str]:
    """Return a shop's table: six images of three products, one of them twice, and one missing."""
    a, b, c = (server.url(f"/image/{name}.jpg") for name in "abc")
    gone, moved = server.url("/status/404/x.jpg"), server.url("/hops/1/moved.jpg")
    return [
        "sku,Images,Line,note",
        f'A,"{a}, {b}",5,"said ""no"", twice"',
        f"B,{c},,=1+1",
        f'C,"{gone}, {moved}, {a}",7,ü',
    ]


def rows(done: Crawl) -> dict[tuple[str, str], dict[str, str]]:
    found = {(row["Line"], row["Part"]): row for row in done.rows}
    assert len(found) == len(done.rows)
    return found


def whole(done: Crawl, folder: Path) -> None:
    """Assert that list, report and files agree."""
    found = audit(ListFile(folder / "urls.txt"), done.report, folder / "images")
    assert not found.broken, describe(found)
    assert (found.missing, found.strays, found.partial) == (0, 0, 0), describe(found)


def test_the_columns_of_a_table_are_in_the_report(
    crawl: RunCrawl, server: Server, tmp_path: Path
) -> None:
    """After those of the report, as they were; one row for each image, told apart by its part."""
    done = crawl(table(server), "-o", f"{tmp_path}/rows.jsonl", "-o", f"{tmp_path}/rows.csv")
    assert done.status == 0, done.log
    found = rows(done)
    assert list(found["2", ""]) == [*NAMES, "sku", "list.Line", "note"]
    assert sorted(found) == [("1", "1"), ("1", "2"), ("2", ""), ("3", "1"), ("3", "2"), ("3", "3")]
    assert [found["1", "2"][name] for name in ("sku", "list.Line", "note")] == [
        "A", "5", 'said "no", twice',
    ]  # fmt: skip
    assert found["2", ""]["note"] == "=1+1"
    assert b",'=1+1\r\n" in done.report.read_bytes()
    assert found["3", "1"]["Reason"] == "not-found"
    assert found["3", "3"]["Attempts"] == "0"  # a duplicate of the first row
    assert found["3", "3"]["sku"] == "C"
    assert found["3", "3"]["File"] == found["1", "1"]["File"]
    feed = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert {(row["line"], row["part"], row["record"]["sku"]) for row in feed} == {
        (1, 1, "A"), (1, 2, "A"), (2, None, "B"), (3, 1, "C"), (3, 2, "C"), (3, 3, "C"),
    }  # fmt: skip
    with (tmp_path / "rows.csv").open(newline="", encoding="utf-8") as file:
        assert {json.loads(row["record"])["sku"] for row in csv.DictReader(file)} == set("ABC")
    whole(done, tmp_path)


def test_what_the_response_said(crawl: RunCrawl, server: Server) -> None:
    """The row has the final URL of a redirect, the time, ETag and Last-Modified; a duplicate has
    what its first line has."""

    async def answer(writer: Writer) -> None:
        writer.write(
            b'HTTP/1.1 404 No\r\nETag: W/"a,b"\r\nLast-Modified: Wed, 21 Oct 2015 07:28:00 GMT\r\n'
            b"Content-Length: 0\r\n\r\n"
        )
        await writer.drain()

    server.raw["/raw/x.jpg"] = answer
    urls = [server.url(path) for path in ("/hops/1/moved.jpg", "/raw/x.jpg", "/raw/x.jpg#2")]
    done = crawl([*urls, "no URL"])
    moved, gone, again, invalid = (done.by_line[n] for n in range(1, 5))
    assert moved["Final URL"] not in {"", urls[0]}
    assert gone["Final URL"] == ""
    for row in (gone, again):
        assert row["ETag"] == 'W/"a,b"'
        assert row["Last-Modified"] == "Wed, 21 Oct 2015 07:28:00 GMT"
        assert row["Fetched"] == gone["Fetched"]
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", moved["Fetched"])
    assert [invalid[name] for name in ("Final URL", "Fetched", "ETag", "Last-Modified")] == [""] * 4


@pytest.mark.parametrize("step", ["noted:2", "moved:1", "torn:2", "row:3"])
def test_names_by_columns_survive_a_kill(
    crawl: RunCrawl, server: Server, tmp_path: Path, step: str
) -> None:
    """A second image that would get a taken name gets a hash; no file is shared or lost."""
    lines = table(server)
    lines.append(f'A,"{server.url("/image/d.jpg")}, {server.url("/image/e.jpg")}",,')  # A again
    names: dict[str, Any] = {"FILES_NAME": "{sku}-{part}{ext}"}
    killed = crawl(lines, env={"KILL_AT": step}, fork=False, **kill.SETTINGS, **names)
    assert killed.status == -signal.SIGKILL, killed.log
    done = run_crawl(tmp_path, **names)
    assert done.status == 0, done.log
    found = rows(done)
    assert len(found) == 8
    assert found["2", ""]["File"] == "B.jpg"
    both = sorted([found["1", "1"]["File"], found["4", "1"]["File"]])
    assert both[1] == "A-1.jpg"
    assert re.fullmatch(r"A-1-[a-z2-7]{16}\.jpg", both[0])
    files = [row["File"] for row in done.rows if row["File"] and row["Attempts"] != "0"]
    assert len(set(files)) == len(files) == 6
    whole(done, tmp_path)


def test_a_taken_name_is_told_in_the_summary(crawl: RunCrawl, server: Server) -> None:
    """Also if the images are equal."""
    urls = [server.url(f"/image/{n}.jpg") for n in range(3)]
    done = crawl(["sku,url", *(f"A,{url}" for url in urls)], FILES_NAME="{sku}{ext}")
    assert "  renamed     2 files, whose name was taken\n" in done.log
    assert len({row["File"] for row in done.rows}) == 3
    assert "A.jpg" in {row["File"] for row in done.rows}


def test_an_unknown_column_in_a_name(crawl: RunCrawl, server: Server, tmp_path: Path) -> None:
    """The columns that exist are named in one line; nothing is fetched."""
    done = crawl(table(server), FILES_NAME="{skuu}{ext}")
    assert done.status == 2
    assert done.log.count("\n") == 1
    assert "setting FILES_NAME = '{skuu}{ext}': {skuu} is not one of" in done.log
    assert "{sku}, {Images}" not in done.log
    assert "{Line}" in done.log
    assert not server.hits.total()
    assert not (tmp_path / "REPORT.csv").exists()


def test_a_report_without_the_columns_gets_them(
    crawl: RunCrawl, server: Server, tmp_path: Path
) -> None:
    """Gone on with under another CARRY_COLUMNS, all rows have the new columns, from the list; if
    columns go, the report with them is kept under a number."""
    lines = table(server)
    first = crawl(lines, CARRY_COLUMNS="none")
    assert list(first.rows[0]) == list(NAMES)
    requests = server.hits.total()
    more = crawl(lines, CARRY_COLUMNS="note,sku")
    assert more.status == 0, more.log
    assert {(row["sku"], row["Part"]) for row in more.rows} >= {("A", "2"), ("B", ""), ("C", "1")}
    assert not (tmp_path / "REPORT.1.csv").exists()
    before = more.report.read_bytes()
    less = crawl(lines, CARRY_COLUMNS="sku")
    assert list(less.rows[0]) == [*NAMES, "sku"]
    assert "the columns note are kept in" in less.log
    assert (tmp_path / "REPORT.1.csv").read_bytes() == before
    assert server.hits.total() == requests
    whole(less, tmp_path)


def test_a_report_of_the_old_columns_is_gone_on_with(
    crawl: RunCrawl, server: Server, tmp_path: Path
) -> None:
    """It is read, and rewritten when a line is left; a finished one stays as it is."""
    urls = [server.url(f"/status/404/{n}.jpg") for n in range(3)]
    old = OLD_HEADER + b"".join(
        f"{url},404,{n},,,,,,,1,0.100,not-found\r\n".encode() for n, url in enumerate(urls[:2], 1)
    )
    (tmp_path / "REPORT.csv").write_bytes(old)
    finished = crawl(urls[:2])
    assert finished.status == 0, finished.log
    assert finished.report.read_bytes() == old
    whole(finished, tmp_path)
    done = crawl(urls)
    assert done.status == 0, done.log
    assert list(done.rows[0]) == list(NAMES)
    assert [row["Fetched"] != "" for row in done.rows] == [False, False, True]
    assert server.hits.total() == 1


def test_lines_are_put_before_a_table_gone_on_with(
    crawl: RunCrawl, server: Server, tmp_path: Path
) -> None:
    """Rows follow their lines, and each keeps its own record, though URLs are repeated."""
    a, b = server.url("/image/a.jpg"), server.url("/image/b.jpg")
    head, *records = "sku,url", f"A,{a}", f"B,{a}", f'C,"{a} {b}"'
    first = crawl([head, *records])
    assert {(row["Line"], row["sku"]) for row in first.rows} >= {("1", "A"), ("2", "B")}
    requests = server.hits.total()
    done = crawl([head, f"N,{server.url('/status/404/n.jpg')}", *records])
    assert done.status == 0, done.log
    assert {key: row["sku"] for key, row in rows(done).items()} == {
        ("1", ""): "N", ("2", ""): "A", ("3", ""): "B", ("4", "1"): "C", ("4", "2"): "C",
    }  # fmt: skip
    assert server.hits.total() == requests + 1
    whole(done, tmp_path)


def test_a_failed_part_alone_is_fetched_again(
    crawl: RunCrawl, server: Server, tmp_path: Path
) -> None:
    """``only=`` goes by line and part, and the report is compacted afterwards."""
    lines = table(server)
    assert crawl(lines).status == 0
    requests = server.hits.total()
    again = crawl(lines, "-a", "only=not-found")
    assert again.status == 0, again.log
    assert server.hits.total() == requests + 1
    assert len(rows(again)) == 6
    whole(again, tmp_path)


def test_a_long_cell_is_cut_and_counted(crawl: RunCrawl, server: Server) -> None:
    """In the report alone; the log says so once."""
    url = server.url("/status/404/x.jpg")
    cells = ["a" * 65_536, "b" * 65_537, "ü" * 40_000, "\x1b" * 30_000]
    done = crawl(["text,url", *(f"{cell},{url}?{n}" for n, cell in enumerate(cells))])
    assert done.status == 0, done.log
    found = {int(row["Line"]): row["text"] for row in done.rows}
    assert found[1] == cells[0]
    assert found[2] == "b" * 65_536 + "\ufffd"
    assert found[3] == "ü" * 32_768 + "\ufffd"
    assert found[4][:-1] in cells[3]
    assert done.log.count("such cells are cut in the report") == 1
    assert "  cut         3 cells of more than 64 KiB\n" in done.log


def test_kills_at_random_moments(crawl: RunCrawl, server: Server, tmp_path: Path) -> None:
    """Each image of each record gets one row, whenever the run was killed."""
    draw = random.Random(7)
    steps = ["body", "noted", "linked", "moved", "torn", "row"]
    lines = ["sku,url"]
    for number in range(8):
        parts = [server.url(f"/image/{number}-{n}.jpg") for n in range(draw.randint(1, 4))]
        lines.append(f'{number % 3},"{" ".join(parts)}"')
    images = sum(line.count("http") for line in lines)
    names: dict[str, Any] = {"FILES_NAME": "{sku}-{part}{ext}"}
    for _ in range(4):
        step = f"{draw.choice(steps)}:{draw.randint(1, 4)}"
        done = crawl(lines, env={"KILL_AT": step}, fork=False, **kill.SETTINGS, **names)
        assert done.status in {0, -signal.SIGKILL}, done.log
    done = run_crawl(tmp_path, **names)
    assert done.status == 0, done.log
    assert len(rows(done)) == images
    files = {row["File"] for row in done.rows}
    assert len(files) == images
    whole(done, tmp_path)
