"""Resuming after any end of a run: no row is lost and none is duplicated."""

from __future__ import annotations

import asyncio
import fcntl
import os
import random
import resource
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefetch.config.only_argument import NOTHING
from imagefetch.download.bodies.body import PORTION
from imagefetch.errors import BadInput
from imagefetch.items import ImageRecord
from imagefetch.job.report_repair.prepare import prepare
from imagefetch.job.run import lock_file, lock_report
from imagefetch.lists.list_file import ListFile
from imagefetch.output.report.csv_rows import HEADER, cells, encode
from tests.conftest import HOSTS, ROOT, Crawl, RunCrawl, command, environment, examples, run_crawl
from tests.support import kill
from tests.support.server import Server, Writer, image

SLOTS = 16
TRIES = 2


def mixed(server: Server, count: int) -> list[str]:
    """Return lines of slow, failing, redirected and duplicate URLs of several hosts."""
    draw = random.Random(count)
    lines = []
    for n in range(count):
        path = draw.choice(
            [
                f"/image/{n}.jpg",
                f"/slow/20/{n}.jpg",
                f"/hops/1/{n}.jpg",
                f"/later/1/503/{n}.jpg",
                f"/status/404/{n}",
                f"/empty/{n}",
                f"/image/same/{n % 40}.jpg",
                f"/status/404/same/{n % 10}",
            ]
        )
        lines.append(server.url(path, HOSTS[n % 5]))
    return [*lines, "no URL", "ftp://example.com/"]


def run(folder: Path, *words: str, **arguments: Any) -> Crawl:
    """Run the same command again in *folder*."""
    arguments = {"CONCURRENT_REQUESTS": SLOTS, "RETRY_TIMES": TRIES - 1, **arguments}
    return run_crawl(folder, *words, **arguments)


@contextmanager
def started(folder: Path, **settings: object) -> Iterator[subprocess.Popen[str]]:
    settings = {"CONCURRENT_REQUESTS": SLOTS, "RETRY_TIMES": TRIES - 1, **settings}
    with subprocess.Popen(
        command(folder, settings), cwd=ROOT, env=environment(), stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def rows_written(folder: Path) -> int:
    report = folder / "REPORT.csv"
    return report.read_bytes().count(b"\n") - 1 if report.exists() else 0


@pytest.mark.parametrize("step", ["body", "whole", "moved", "torn", "row"])
def test_a_kill_at_any_step_of_a_url_costs_nothing(
    tmp_path: Path, hosts: Server, step: str
) -> None:
    """SIGKILL between first byte and flushed row, three times; then the same command."""
    lines = mixed(hosts, 150)
    (tmp_path / "urls.txt").write_text("\n".join(lines))
    for count in (1, 7, 23):
        killed = run(tmp_path, env={"KILL_AT": f"{step}:{count}"}, **kill.SETTINGS)
        assert killed.status == -signal.SIGKILL, killed.log
    done = run(tmp_path)
    assert done.status == 0, done.log
    done.check(len(lines))
    assert step in {"body", "whole", "moved"} or " lines done" in done.log


def once(server: Server, path: str) -> None:
    """Make *server* respond to *path* with an image once, then with 404."""
    answers = [b"200 OK", b"404 Not Found"]

    async def answer(writer: Writer) -> None:
        body = image("/raw/a.jpg")
        head = b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n" % (answers[0], len(body))
        del answers[:-1]
        writer.write(head + body)
        await writer.drain()

    server.raw[path] = answer


@pytest.mark.parametrize("template", ["{stem}-{hash}{ext}", "{host}/{hash:.2}/{hash}{ext}"])
def test_a_file_without_a_row_goes_when_its_line_ends_otherwise(
    tmp_path: Path, server: Server, template: str
) -> None:
    """A file stored before a kill is removed if the server no longer has it after resuming."""
    once(server, "/raw/a.jpg")
    (tmp_path / "urls.txt").write_text(server.url("/raw/a.jpg"))
    names = {"FILES_NAME": template}
    killed = run(tmp_path, env={"KILL_AT": "moved:1"}, **kill.SETTINGS, **names)
    assert len([name for name in killed.files() if not name.startswith(".part/")]) == 1
    done = run(tmp_path, **names)
    assert done.status == 0, done.log
    assert done.by_line[1]["Response code"] == "404"
    done.check(1)


def test_a_file_that_another_row_names_stays(tmp_path: Path, server: Server) -> None:
    """With names by content, a line without a row after a kill may share its file with an earlier
    line: the file stays when the line ends otherwise."""
    for path in ("/first.jpg", "/raw/a.jpg"):
        once(server, path)
    (tmp_path / "urls.txt").write_text(
        "\n".join(server.url(path) for path in ("/first.jpg", "/raw/a.jpg"))
    )
    settings = {"FILES_NAME": "{sha256}{ext}", "CONCURRENT_REQUESTS": 1}
    killed = run(tmp_path, env={"KILL_AT": "moved:2"}, **kill.SETTINGS, **settings)
    assert len(killed.rows) == 1
    done = run(tmp_path, **settings)
    assert done.status == 0, done.log
    done.check(2)
    assert [done.by_line[n]["Response code"] for n in (1, 2)] == ["200", "404"]
    assert len(done.files()) == 1


def test_kills_at_random_moments_cost_only_what_was_under_way(
    tmp_path: Path, hosts: Server
) -> None:
    """Rows, files and hashes are correct, and few requests are sent twice."""
    lines = mixed(hosts, 2_000)
    (tmp_path / "urls.txt").write_text("\n".join(lines))
    draw = random.Random(5)
    kills = 0
    for _ in range(5):
        goal = rows_written(tmp_path) + draw.randint(1, 350)
        with started(tmp_path, RETRY_DELAY=0.05) as process:
            while rows_written(tmp_path) < goal and process.poll() is None:
                pass
            process.kill()
        kills += process.returncode == -signal.SIGKILL
    done = run(tmp_path)
    assert done.status == 0, done.log
    done.check(len(lines))
    assert kills == 5
    extra = sum(hosts.hits.values()) - asked_when_undisturbed(lines)
    assert 0 <= extra <= TRIES * SLOTS * kills


def asked_when_undisturbed(lines: list[str]) -> int:
    """Return the number of requests for *lines* of `mixed` in an uninterrupted run."""
    urls = {line for line in lines if line.startswith("http")}
    return sum(2 if "/hops/1/" in url or "/later/1/" in url else 1 for url in urls)


def test_a_torn_end_is_found_at_every_byte(tmp_path: Path) -> None:
    """Complete rows stay and the truncated one is removed, wherever it is cut."""
    urls = [f"http://a.example/{n},\u00e9\U0001f600\"'.jpg" for n in range(3)]
    (tmp_path / "urls.txt").write_text("\n".join([*urls, "http://a.example/last"]), "utf-8")
    rows = [
        encode(cells(ImageRecord(url, "404", n, reason="not-found")))
        for n, url in enumerate(urls, 1)
    ]
    whole = HEADER + b"".join(rows)
    report = tmp_path / "REPORT.csv"
    ends = [len(HEADER) + sum(map(len, rows[:n])) for n in range(4)]
    for cut in range(len(whole) + 1):
        report.write_bytes(whole[:cut])
        journal = prepare(
            report, ListFile(tmp_path / "urls.txt"), str(tmp_path), only=NOTHING, fresh=False
        )
        assert journal.done == sum(end <= cut for end in ends[1:])
        kept = max((end for end in [0, *ends] if end <= cut), default=0)
        assert report.read_bytes() == whole[:kept]
        journal.close()


@examples(150)
@given(st.data())
def test_a_damaged_report_is_refused_and_left_alone_or_keeps_every_whole_row(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """No complete row is silently lost, whatever bytes are inserted."""
    folder = tmp_path_factory.mktemp("damaged")
    (folder / "urls.txt").write_text("".join(f"http://a.example/{n}\n" for n in range(1, 9)))
    rows = [
        encode(cells(ImageRecord(f"http://a.example/{n}", "404", n, reason="not-found")))
        for n in range(1, 7)
    ]
    whole = HEADER + b"".join(rows)
    place = data.draw(st.integers(0, len(whole)))
    junk = data.draw(st.sampled_from([b"\n", b'"', b"\0", b"\xff", b"\r\n", b",", b"x\r\ny"]))
    report = folder / "REPORT.csv"
    report.write_bytes(whole[:place] + junk + whole[place:])
    before = report.read_bytes()
    try:
        journal = prepare(
            report, ListFile(folder / "urls.txt"), str(folder), only=NOTHING, fresh=False
        )
    except BadInput:
        assert report.read_bytes() == before
        return
    kept = sum(row in report.read_bytes() for row in rows)
    numbered = folder / "REPORT.1.csv"
    assert kept >= 5
    assert kept == 6 or numbered.exists() or junk in report.read_bytes()
    journal.close()


@pytest.mark.parametrize(
    "content",
    [
        b"name,age\nAnna,5\n",
        b"URL,Response code\r\nhttp://a.example/,200\r\n",
        HEADER + b"http://a.example/1,200,not a number" + b"," * 9 + b"\r\n",
        HEADER + b"http://a.example/1,200,1\r\n",
        HEADER.replace(b"\r\n", b"\n"),
    ],
)
def test_what_is_no_report_is_refused(tmp_path: Path, content: bytes) -> None:
    """A foreign CSV, an older set of columns, invalid rows: one clear line, file unchanged."""
    (tmp_path / "urls.txt").write_text("http://a.example/1\n")
    report = tmp_path / "REPORT.csv"
    report.write_bytes(content)
    for fresh in (False, True):
        if fresh and content.startswith(HEADER):
            continue  # a damaged report, which can still be used
        with pytest.raises(BadInput, match=r"REPORT\.csv: .*(move|mend)"):
            prepare(
                report, ListFile(tmp_path / "urls.txt"), str(tmp_path), only=NOTHING, fresh=fresh
            )
        assert report.read_bytes() == content


def test_a_finished_report_is_nothing_to_do(
    crawl: RunCrawl, server: Server, tmp_path: Path
) -> None:
    """Exit status 0, one line that says which arguments to use instead, and no request."""
    lines = [server.url(f"/image/{n}.jpg") for n in range(5)]
    crawl(lines).check(5)
    before = (tmp_path / "REPORT.csv").read_bytes()
    again = run(tmp_path)
    assert again.status == 0
    assert again.log.count("\n") == 1
    for word in ("nothing to do", "only=failed", "fresh=1"):
        assert word in again.log
    assert sum(server.hits.values()) == 5
    assert (tmp_path / "REPORT.csv").read_bytes() == before


def test_a_list_that_grew_and_moved_keeps_its_rows(
    crawl: RunCrawl, server: Server, tmp_path: Path
) -> None:
    """New lines at the top move all others; only the new ones are requested."""
    lines = [server.url(f"/image/{n}.jpg") for n in range(6)] + [server.url("/image/1.jpg")]
    crawl(lines).check(7)
    asked = sum(server.hits.values())
    new = [server.url("/image/new.jpg"), "# a comment", *lines, server.url("/image/end.jpg")]
    again = crawl(new)
    assert again.status == 0, again.log
    again.check(9)
    assert "continuing: 7 of 9 lines done" in again.log
    assert sum(server.hits.values()) == asked + 2
    assert again.by_line[3]["URL"] == lines[0]
    assert not (tmp_path / "REPORT.1.csv").exists()


def test_a_list_that_lost_lines_keeps_the_old_report(
    crawl: RunCrawl, server: Server, tmp_path: Path
) -> None:
    """The old report is kept under a numbered name before any row is dropped."""
    lines = [server.url(f"/image/{n}.jpg") for n in range(6)]
    crawl(lines).check(6)
    before = (tmp_path / "REPORT.csv").read_bytes()
    again = crawl([*lines[2:], server.url("/image/new.jpg")])
    assert again.status == 0, again.log
    assert sorted(again.by_line) == [1, 2, 3, 4, 5]
    assert (tmp_path / "REPORT.1.csv").read_bytes() == before
    assert "REPORT.1.csv" in again.log


def test_a_report_of_another_list_is_refused(
    crawl: RunCrawl, server: Server, tmp_path: Path
) -> None:
    """If most rows don't match, one clear line says so and no file is changed."""
    crawl([server.url(f"/image/{n}.jpg") for n in range(6)]).check(6)
    before = (tmp_path / "REPORT.csv").read_bytes()
    again = crawl([server.url(f"/image/other/{n}.jpg") for n in range(6)])
    assert again.status == 2
    assert "is of another list: 0 of its 6 lines" in again.log
    assert again.log.count("\n") == 1
    assert (tmp_path / "REPORT.csv").read_bytes() == before


def test_only_failed_fetches_what_may_succeed_now(
    crawl: RunCrawl, server: Server, dead_port: int
) -> None:
    """Transient errors, 429 and 5xx, but not 404; at the end each line has one row."""
    lines = [
        server.url("/image/a.jpg"),
        server.url("/later/2/503/b.jpg"),
        server.url("/status/404/c.jpg"),
        f"http://127.0.0.1:{dead_port}/d.jpg",
        server.url("/later/2/503/b.jpg") + "#again",
        server.url("/type/e.jpg"),
    ]
    first = crawl(lines, RETRY_TIMES=1)
    assert [first.by_line[n]["Response code"] for n in (2, 5)] == ["503", "503"]
    asked = dict(server.hits)
    again = crawl(lines, "-a", "only=failed", RETRY_TIMES=1)
    assert again.status == 0, again.log
    again.check(6)
    assert again.by_line[2]["Response code"] == "200"
    assert again.by_line[5]["File"] == again.by_line[2]["File"]
    assert again.by_line[4]["Response code"] == "FAILED ConnectionRefused"
    asked_again = {path: n - asked.get(path, 0) for path, n in server.hits.items()}
    assert {path for path, n in asked_again.items() if n} == {"/later/2/503/b.jpg"}


def test_only_reasons_fetches_their_lines_again(crawl: RunCrawl, server: Server) -> None:
    """Lines are fetched again once the cause is fixed; a complete image replaces a damaged one.
    For a reason that no row has, there is nothing to do."""
    whole = image("/raw/cut.jpg")

    def answer(path: str, status: bytes, body: bytes) -> None:
        async def write(writer: Writer) -> None:
            head = b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n" % (status, len(body))
            writer.write(head + body)

        server.raw[path] = write

    answer("/raw/cut.jpg", b"200 OK", whole[:-50])
    answer("/raw/b.jpg", b"401 No", b"")
    paths = ["/raw/cut.jpg", "/raw/b.jpg", "/status/404/c.jpg", "/image/d.jpg", "/type/e.jpg"]
    lines = [server.url(path) for path in paths]
    first = crawl(lines)
    reasons = ["cut-image", "unauthorized", "not-found", "", "not-an-image"]
    assert [first.by_line[n]["Reason"] for n in range(1, 6)] == reasons
    answer("/raw/cut.jpg", b"200 OK", whole)
    answer("/raw/b.jpg", b"200 OK", whole)
    asked = dict(server.hits)
    again = crawl(lines, "-a", "only=cut-image, unauthorized,not-found")
    assert again.status == 0, again.log
    again.check(5)
    assert [again.by_line[n]["Reason"] for n in (1, 2, 3)] == ["", "", "not-found"]
    assert {path for path, n in server.hits.items() if n > asked.get(path, 0)} == {*paths[:3]}
    done = crawl(lines, "-a", "only=cut-image,unauthorized")
    assert done.status == 0
    assert "nothing to do: no line has the reason cut-image or unauthorized" in done.log


def test_a_superseded_row_is_taken_away_by_any_later_command(
    crawl: RunCrawl, server: Server, tmp_path: Path
) -> None:
    """After ``only=failed`` was killed, the last row of a line counts."""
    lines = [server.url("/later/1/503/a.jpg"), server.url("/held/b.jpg")]
    server.gate.set()
    first = crawl(lines, RETRY_TIMES=0)
    assert first.by_line[1]["Response code"] == "503"
    kept = {"KILL_AT": "row:1"}
    killed = run(tmp_path, "-a", "only=failed", env=kept, **kill.SETTINGS)
    assert killed.status == -signal.SIGKILL, killed.log
    assert len(killed.rows) == 3
    again = run(tmp_path)
    assert again.status == 0, again.log
    assert "nothing to do" in again.log
    again.check(2)
    assert again.by_line[1]["Response code"] == "200"


def test_fresh_begins_anew_and_removes_only_files_that_its_report_names(
    crawl: RunCrawl, server: Server, tmp_path: Path
) -> None:
    """The old report is kept; other files in the folder stay."""
    lines = [server.url(f"/image/{n}.jpg") for n in range(4)]
    crawl(lines).check(4)
    before = (tmp_path / "REPORT.csv").read_bytes()
    (tmp_path / "images" / "mine.jpg").write_bytes(b"precious")
    again = crawl(lines[:2], "-a", "fresh=1")
    assert again.status == 0, again.log
    assert len(again.by_line) == 2
    assert again.files() == {"mine.jpg", *(row["File"] for row in again.rows)}
    assert (tmp_path / "REPORT.1.csv").read_bytes() == before
    assert sum(server.hits.values()) == 6


def test_fresh_removes_nothing_outside_the_store(
    crawl: RunCrawl, server: Server, tmp_path: Path
) -> None:
    """A report from an untrusted source may name any path."""
    lines = [server.url(f"/image/{n}.jpg") for n in range(4)]
    first = crawl(lines)
    precious = tmp_path / "precious" / "mine.jpg"
    precious.parent.mkdir()
    precious.write_bytes(b"precious")
    (first.images / "link").symlink_to(precious.parent)
    content = first.report.read_bytes()
    names = [first.by_line[line]["File"].encode() for line in range(1, 5)]
    for name, other in zip(
        names, [b"../precious/mine.jpg", bytes(precious), b"link/mine.jpg", b"link"], strict=True
    ):
        content = content.replace(name, other)
    first.report.write_bytes(content)
    assert crawl(lines[:1], "-a", "fresh=1").status == 0
    assert precious.read_bytes() == b"precious"
    assert {name.decode() for name in names} <= first.files()


def test_a_lock_that_comes_free_a_moment_after_its_run_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A subprocess that the killed run was just starting still holds the lock."""
    report = tmp_path / "REPORT.csv"
    killed = os.open(lock_file(report), os.O_RDWR | os.O_CREAT)
    just_begun = os.dup(killed)
    fcntl.flock(killed, fcntl.LOCK_EX)
    os.close(killed)
    tried: list[float] = []

    def is_on_its_own(seconds: float) -> None:
        tried.append(seconds)
        os.close(just_begun)

    monkeypatch.setattr("time.sleep", is_on_its_own)
    lock_report(report).release()
    assert len(tried) == 1


def test_one_process_per_report(tmp_path: Path, server: Server) -> None:
    """A second process is refused with one clear line; the lock of a dead one is free."""
    (tmp_path / "urls.txt").write_text(server.url("/held/a.jpg"))
    with started(tmp_path) as first:
        while not server.under_way["all"]:
            assert first.poll() is None
        second = run(tmp_path)
        assert second.status == 2
        assert "another process is writing it" in second.log
        assert second.log.count("\n") == 1
        first.kill()
    server.gate.set()
    third = run(tmp_path)
    assert third.status == 0, third.log
    third.check(1)


def test_two_jobs_may_share_a_store(tmp_path: Path, server: Server) -> None:
    """The start of one job doesn't remove the partial files of the other."""
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        folder.mkdir()
        (folder / "urls.txt").write_text(server.url(f"/size/900000/{folder.name}.jpg"))
    shared: dict[str, Any] = {"FILES_STORE": tmp_path / "images"}

    body = image("/raw/half.jpg") + bytes(2 * PORTION)  # more than is buffered in memory

    async def half(writer: Writer) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body) + 1}\r\n\r\n".encode())
        writer.write(body)
        await writer.drain()
        await asyncio.to_thread(server.gate.wait)
        writer.write(b"\0")
        await writer.drain()

    server.raw["/raw/half.jpg"] = half
    (one / "urls.txt").write_text(server.url("/raw/half.jpg"))
    with started(one, **shared) as first:
        while not list((tmp_path / "images").rglob(".part/*/*")):
            assert first.poll() is None
        assert run(two, **shared).status == 0
        server.gate.set()
        first.wait()
    assert first.returncode == 0
    assert len(list((tmp_path / "images").glob("*.jpg"))) == 2


def test_after_space_is_made_the_same_command_goes_on(tmp_path: Path, server: Server) -> None:
    """On a full disk, the report is complete up to its last row."""
    lines = [server.url(f"/image/{n}.jpg") for n in range(400)]
    (tmp_path / "urls.txt").write_text("\n".join(lines))
    full = subprocess.run(
        command(tmp_path, {}),
        cwd=ROOT,
        env={**environment(), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000)),
        check=False,
    )
    assert full.returncode == 3
    done = run(tmp_path)
    assert done.status == 0, done.log
    done.check(400)


def test_fsync_makes_file_folder_and_row_safe_in_this_order(tmp_path: Path, server: Server) -> None:
    """The report is synced every FSYNC rows and at the end; without FSYNC, nothing is."""
    (tmp_path / "urls.txt").write_text("\n".join(server.url(f"/image/{n}") for n in range(7)))
    told = tmp_path / "told"
    done = run(
        tmp_path,
        env={"RECORD_FSYNC": str(told)},
        FSYNC=3,
        CONCURRENT_REQUESTS=1,
        **kill.SETTINGS,
    )
    assert done.status == 0, done.log
    done.check(7)
    steps = told.read_text().splitlines()
    images = str(tmp_path / "images")
    rows = [place for place, step in enumerate(steps) if step.startswith("row ")]
    assert len(rows) == 7
    for count, row in enumerate(rows, 1):
        assert sum(step.startswith(f"{images}/.part/") for step in steps[:row]) >= count
        assert steps[:row].count(images) >= count
    assert steps.count(str(tmp_path / "REPORT.csv")) == 3
    told.unlink()
    run(tmp_path, "-a", "fresh=1", env={"RECORD_FSYNC": str(told)}, **kill.SETTINGS)
    assert not any(step.startswith("/") for step in told.read_text().splitlines())


@pytest.mark.parametrize("gone", ["REPORT.csv", "images"])
def test_a_report_or_store_that_vanishes_ends_the_run(
    tmp_path: Path, server: Server, gone: str
) -> None:
    """One clear line and exit status 3; no rows are written to a deleted file."""
    lines = [server.url(f"/slow/20/{n}.jpg") for n in range(300)]
    (tmp_path / "urls.txt").write_text("\n".join(lines))
    with started(tmp_path, CONCURRENT_REQUESTS=4) as process:
        while rows_written(tmp_path) < 20:
            assert process.poll() is None
        (tmp_path / gone).rename(tmp_path / "elsewhere")
        assert process.stderr is not None
        log = process.stderr.read()
    assert process.returncode == 3, log
    assert "Traceback" not in log, log
    assert log.count("report-error: " if gone == "REPORT.csv" else "store-error: ") == 2


def test_a_permission_lost_in_mid_run_ends_it(tmp_path: Path, server: Server) -> None:
    """One clear line and exit status 3; with the permission restored, the command resumes."""
    lines = [server.url(f"/slow/20/{n}.jpg") for n in range(120)]
    (tmp_path / "urls.txt").write_text("\n".join(lines))
    images = str(tmp_path / "images")
    with started(tmp_path, CONCURRENT_REQUESTS=4) as process:
        while rows_written(tmp_path) < 20:
            assert process.poll() is None
        # Permissions don't restrict root, but this flag does.
        if subprocess.run(["chattr", "+i", images], capture_output=True, check=False).returncode:
            pytest.skip("chattr +i needs root and a file system that knows it")
        try:
            assert process.stderr is not None
            log = process.stderr.read()
        finally:
            subprocess.run(["chattr", "-i", images], check=True)
    assert process.returncode == 3, log
    assert "Traceback" not in log, log
    assert log.count("store-error: ") == 2
    done = run(tmp_path)
    assert done.status == 0, done.log
    done.check(120)
