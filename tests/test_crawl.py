"""The whole path: a list goes in, pictures and a report come out."""

from __future__ import annotations

import gzip
import json
import random
import re
import resource
import signal
import subprocess
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.conftest import HOSTS, ROOT, Crawl, RunCrawl, command, environment
from tests.support import faults
from tests.support.server import Server, image


def test_two_thousand_urls_over_twenty_hosts(crawl: RunCrawl, hosts: Server) -> None:
    """Rows equal lines and files equal rows, however faults are mixed in."""
    troubles = [case for case in faults.BODIES if case.outcome in {faults.GOOD, faults.CUT}]
    hosts.raw.update({case.path: case.sent for case in troubles if not isinstance(case.sent, str)})
    draw = random.Random(7)
    lines = []
    for n in range(2_000):
        path = draw.choice(
            [f"/image/{n}.jpg", f"/image/same/{n}/name.jpg", draw.choice(troubles).path]
        )
        lines.append(hosts.url(path, draw.choice(HOSTS)))
    done = crawl(lines, RETRY_TIMES=1)
    assert done.status == 0, done.log
    done.check(2_000)
    assert "Traceback" not in done.log, done.log
    kept = sum(1 for row in done.rows if row["File"])
    assert kept > 1_300


def test_a_long_url_and_a_cell_that_a_spreadsheet_would_run(
    crawl: RunCrawl, server: Server
) -> None:
    """10,000 characters are no reason to lose a row, and a formula is made text."""
    long = server.url("/image/" + "x" * 10_000)
    done = crawl([long, "+1-2"])
    assert done.by_line[1]["URL"] == long
    assert done.by_line[1]["Response code"] == "200"
    assert done.by_line[2]["URL"] == "+1-2"
    assert b"\r\n'+1-2," in done.report.read_bytes()


def test_the_report_is_rfc_4180_with_the_columns_promised(crawl: RunCrawl, server: Server) -> None:
    """First the two columns of the original scripts, then what was learned of the picture."""
    done = crawl([server.url("/image/a,b.jpg")])
    header, row, end = done.report.read_bytes().split(b"\r\n")
    assert header == (
        b"URL,Response code,Line,File,Bytes,Type,Width,Height,SHA-256,Attempts,Seconds,Reason"
    )
    assert row.startswith(b'"http://127.0.0.1:')
    assert end == b""
    (record,) = done.rows
    body = image("/image/a,b.jpg")
    assert record["Bytes"] == str(len(body))
    assert (record["Type"], record["Width"], record["Height"]) == ("image/jpeg", "64", "48")
    assert (done.images / record["File"]).read_bytes() == body
    assert float(record["Seconds"]) > 0


def test_duplicates_are_one_download_and_a_row_each(crawl: RunCrawl, server: Server) -> None:
    """Whether the first is done, under way, failing or redirected when the next is read."""
    same = ["/image/a.jpg", "/slow/300/b.jpg", "/status/404/c.jpg", "/hops/1/d.jpg"]
    lines = [server.url(path) for path in same * 3]
    lines += [server.url(path) + "#part" for path in same]
    lines += [server.url(f"/image/{n}.jpg") for n in range(50)] + [server.url("/image/a.jpg")]
    done = crawl(lines, LOOKAHEAD=20)
    assert done.status == 0, done.log
    done.check(len(lines))
    for number, path in enumerate(same, 1):
        assert server.hits[path] == 1
        rows = [done.by_line[number + offset] for offset in (0, 4, 8, 12)]
        assert len({(row["File"], row["SHA-256"], row["Response code"]) for row in rows}) == 1
        assert sorted(row["Attempts"] for row in rows) == ["0", "0", "0", "1"]
        assert sum(1 for row in rows if row["Seconds"]) == 1
    assert done.by_line[len(lines)]["Attempts"] == "0"


def test_one_last_segment_of_many_urls_is_many_files(crawl: RunCrawl, server: Server) -> None:
    """Equal base names, and queries that differ, never share a file."""
    lines = [server.url(f"/image/{n}/photo.jpg") for n in range(20)]
    lines += [server.url(f"/image/photo.jpg?size={n}") for n in range(20)]
    done = crawl(lines)
    done.check(40)
    assert len(done.files()) == 40
    assert all(name.startswith("photo-") for name in done.files())


def test_requests_say_who_asks_and_want_plain_images(crawl: RunCrawl, server: Server) -> None:
    """An honest user agent with its version; no compression, no cookies, no Referer."""
    crawl([server.url("/hops/1/a.jpg")])
    sent = server.headers["/hops/0/a.jpg"]
    assert sent["user-agent"].startswith("imagefetch/")
    assert sent["accept-encoding"] == "identity"
    assert not {"cookie", "referer"} & sent.keys()


def test_a_list_on_standard_input(tmp_path: Path, server: Server) -> None:
    """`-a urls=-` reads it, and keeps a copy beside the report."""
    words = command(tmp_path, {})
    words[words.index(f"urls={tmp_path / 'urls.txt'}")] = "urls=-"
    text = "\n\n".join(server.url(f"/image/{n}.jpg") for n in range(3))
    run = subprocess.run(
        words, cwd=ROOT, env=environment(), input=text.encode(), capture_output=True, check=False
    )
    done = Crawl(run.returncode, run.stderr.decode(), tmp_path)
    assert done.status == 0, done.log
    assert sorted(done.by_line) == [1, 3, 5]
    assert gzip.decompress((tmp_path / "REPORT.urls.txt.gz").read_bytes()).decode() == text


def test_a_compressed_list_of_another_encoding(tmp_path: Path, server: Server) -> None:
    """A .gz of UTF-16 with CRLF is read as what it is."""
    lines = [server.url("/image/1.jpg"), "# a comment", "", "  " + server.url("/image/2.jpg")]
    (tmp_path / "urls.txt.gz").write_bytes(gzip.compress("\r\n".join(lines).encode("utf-16")))
    settings = {"INPUT_URLS": tmp_path / "urls.txt.gz", "REPORT": tmp_path / "REPORT.csv"}
    words = [word for word in command(tmp_path, settings) if "urls.txt" not in word or "-s" in word]
    words = [*words[:5], "-s", *command(tmp_path, settings)[10:]]
    run = subprocess.run(words, cwd=ROOT, env=environment(), capture_output=True, check=False)
    done = Crawl(run.returncode, run.stderr.decode(), tmp_path)
    assert done.status == 0, done.log
    assert {n: row["Response code"] for n, row in done.by_line.items()} == {1: "200", 4: "200"}


def test_a_feed_of_the_users_is_one_more(crawl: RunCrawl, server: Server, tmp_path: Path) -> None:
    """`-o` does not replace the report, and holds the same records, those of a run that goes
    on behind the earlier ones."""
    extra = tmp_path / "extra.jsonl"
    lines = [server.url("/image/a.jpg"), "nonsense", server.url("/image/b.jpg")]
    for count in (2, 3):
        done = crawl(lines[:count], "-o", str(extra))
        assert done.status == 0, done.log
        done.check(count)
    records = [json.loads(line) for line in extra.read_text().splitlines()]
    found = {record["line"]: record["reason"] for record in records}
    assert found == {1: "", 2: "invalid-url", 3: ""}
    assert len(records) == 3
    assert all("download" not in record and "key" not in record for record in records)


def test_jobdir_is_ignored(crawl: RunCrawl, server: Server, tmp_path: Path) -> None:
    """Scrapy's queue on disk would double rows; one line in the log says so."""
    done = crawl([server.url("/image/a.jpg")], JOBDIR=tmp_path / "job")
    assert done.status == 0, done.log
    done.check(1)
    assert "JOBDIR is ignored" in done.log
    assert not (tmp_path / "job").exists()


def test_the_summary_adds_up(crawl: RunCrawl, server: Server) -> None:
    """At the end: kept, not kept by reason, and where everything is."""
    paths = ["/image/1", "/image/2", "/status/404/1", "/status/404/2", "/type/1"]
    done = crawl([server.url(path) for path in paths])
    summary = done.log[done.log.index("Finished\n") :]
    for fact in ("lines       5", "kept        2", "2 not-found", "1 not-an-image"):
        assert fact in summary
    assert f"report      {done.report}" in summary
    assert f"images      {done.images}" in summary


def test_the_summary_of_a_continued_run_tells_of_the_whole(
    crawl: RunCrawl, server: Server, tmp_path: Path
) -> None:
    """And of what this run added, in the log and in the page's figures."""
    paths = ["/image/1", "/image/2", "/status/404/1", "/status/404/2", "/later/1/503/a"]
    crawl([server.url(path) for path in paths], RETRY_TIMES=0)
    paths += ["/image/3", "/status/404/3", "/type/1"]
    done = crawl([server.url(path) for path in paths])
    summary = [line.strip() for line in done.log.partition("Finished\n")[2].splitlines()]
    assert summary[:2] == ["lines       8 (this run: 3)", summary[1]]
    assert re.match(r"kept        3 \(0\.0 MB\) \(this run: 1, 0\.0 MB\)", summary[1])
    assert summary[2:5] == [
        "not kept    3 not-found (this run: 1)",
        "not kept    1 not-an-image (this run: 1)",
        "not kept    1 server-error (this run: 0)",
    ]
    page = (tmp_path / "REPORT.html").read_text()
    assert "<title>3 of 8 kept" in page
    assert '<dd class="ok">3</dd><dd class="sub">37.5 %; this run: 1' in page
    (tmp_path / "own.py").write_text("from imagefetch.settings import *\nCONCURENT_REQUESTS = 5\n")
    own = {"SCRAPY_SETTINGS_MODULE": "own", "PYTHONPATH": f"{tmp_path}:{ROOT}"}
    again = crawl([server.url(path) for path in paths], "-a", "only=failed", env=own)
    assert (
        "CONCURENT_REQUESTS: there is no such setting; did you mean CONCURRENT_REQUESTS?"
        in again.log
    )
    assert "lines       8 (this run: 1)" in again.log
    assert "kept        4 " in again.log
    assert "server-error" not in again.log


def test_what_most_likely_went_wrong(crawl: RunCrawl, server: Server) -> None:
    """Where nothing was kept, a warning says why that may be, and what to do then."""
    lines = [server.url(f"/image/{n}.jpg") for n in range(3)]
    done = crawl(lines, ALLOWED_NETWORKS="")
    (warning,) = (
        line for line in done.log.splitlines() if "[imagefetch.stats.summary] WARNING" in line
    )
    assert "No picture was kept: all of 3 lines: blocked-address. Most likely: " in warning
    assert "-s ALLOWED_NETWORKS=" in warning
    assert warning.endswith("; then -a only=blocked-address fetches them again.")
    done = crawl(lines, "-a", "only=blocked-address")
    assert "[imagefetch.stats.summary] WARNING" not in done.log
    assert "kept        3 " in done.log


def test_progress_is_told_while_it_runs(crawl: RunCrawl, server: Server) -> None:
    """[done/total] and the pace, at the interval set."""
    lines = [server.url(f"/slow/100/{n}.jpg") for n in range(40)]
    done = crawl(lines, CONCURRENT_REQUESTS=4, PROGRESS_INTERVAL=0.2)
    told = [line for line in done.log.splitlines() if "[imagefetch.stats.progress]" in line]
    assert told, done.log
    assert all("/40]" in line and "lines/s" in line for line in told)


def _limited(folder: Path, limit: int, settings: Mapping[str, object]) -> Crawl:
    """Crawl where no file may grow past *limit* bytes: as on a full disk."""
    run = subprocess.run(
        command(folder, settings),
        cwd=ROOT,
        env={**environment(), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        check=False,
    )
    return Crawl(run.returncode, run.stderr, folder)


def test_a_report_that_cannot_be_written_ends_the_run(tmp_path: Path, server: Server) -> None:
    """Status 3 and one line; every row before stands whole, and no file lacks its row."""
    lines = [server.url(f"/image/{n}.jpg") for n in range(2_000)]
    (tmp_path / "urls.txt").write_text("\n".join(lines))
    done = _limited(tmp_path, 40_000, {"CONCURRENT_REQUESTS": 8})
    assert done.status == 3
    assert "Traceback" not in done.log, done.log
    assert done.log.count("report-error: ") == 2  # in the log, and at the end
    raw = done.report.read_bytes()
    assert len(raw) <= 40_000
    assert raw.endswith(b"\r\n")
    rows = done.by_line
    assert 100 < len(rows) < 2_000
    assert {row["File"] for row in rows.values()} <= done.files()
    # Beyond the rows: what was under way, and what waited for its row.
    assert sum(server.hits.values()) <= len(rows) + 100


def test_a_store_that_is_full_ends_the_run(tmp_path: Path, server: Server) -> None:
    """Status 3 and one line; the disk's fault is no picture's, so no row is written for it."""
    paths = [f"/image/{n}.jpg" for n in range(50)] + ["/size/200000/big.jpg"]
    (tmp_path / "urls.txt").write_text("\n".join(server.url(path) for path in paths))
    done = _limited(tmp_path, 100_000, {"CONCURRENT_REQUESTS": 1})
    assert done.status == 3
    assert "Traceback" not in done.log, done.log
    assert done.log.count("store-error: ") == 2
    assert len(done.by_line) == 50
    assert all(row["Response code"] == "200" for row in done.rows)
    assert done.files() == {row["File"] for row in done.rows}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_in_order(
    tmp_path: Path, server: Server, number: signal.Signals
) -> None:
    """Downloads under way are finished, their rows written, and the status is 3."""
    lines = [server.url(f"/held/{n}.jpg") for n in range(100)]
    (tmp_path / "urls.txt").write_text("\n".join(lines))
    with subprocess.Popen(
        command(tmp_path, {"CONCURRENT_REQUESTS": 5, "CONCURRENT_REQUESTS_PER_DOMAIN": 5}),
        cwd=ROOT,
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
    ) as run:
        assert run.stderr is not None
        while server.under_way["all"] < 5:
            assert run.poll() is None
        run.send_signal(number)
        log = ""
        while "Received " not in log:
            line = run.stderr.readline()
            assert line, log
            log += line
        server.gate.set()
        log += run.stderr.read()
    done = Crawl(run.returncode, log, tmp_path)
    assert done.status == 3, log
    told = "shutdown; 5 of 100 lines done; run the same command to resume\n"
    assert f"Ended early: {told}" in log
    assert log.endswith(f"imagefetch: ended early: {told}")
    answered = Counter(row["Response code"] for row in done.rows)
    assert answered == {"200": 5}


def test_a_second_signal_ends_the_run_at_once(tmp_path: Path, server: Server) -> None:
    """Whatever is under way; rows of everything done are there, and the same command resumes."""
    lines = [server.url(f"/image/{n}.jpg") for n in range(5)]
    lines += [server.url(f"/held/{n}.jpg") for n in range(20)]
    (tmp_path / "urls.txt").write_text("\n".join(lines))
    words = command(tmp_path, {"CONCURRENT_REQUESTS": 5})
    with subprocess.Popen(
        words, cwd=ROOT, env=environment(), stderr=subprocess.PIPE, text=True
    ) as run:
        assert run.stderr is not None
        while server.under_way["all"] < 5 or server.hits["/image/4.jpg"] < 1:
            assert run.poll() is None
        log = ""
        for word in ("shutting down gracefully", "forcing unclean shutdown"):
            run.send_signal(signal.SIGINT)
            while word not in log:
                line = run.stderr.readline()
                assert line, log
                log += line
        log += run.stderr.read()
    assert run.returncode == 3, log
    told = "stopped at once; 5 of 25 lines done; run the same command to resume\n"
    assert f"Ended early: {told}" in log
    assert log.endswith(f"imagefetch: ended early: {told}")
    done = Crawl(run.returncode, log, tmp_path)
    assert {row["Response code"] for row in done.rows} == {"200"}
    assert len(done.rows) == 5
    server.gate.set()
    again = subprocess.run(words, cwd=ROOT, env=environment(), capture_output=True, check=False)
    assert again.returncode == 0
    done.check(25)


def test_a_host_that_can_be_no_name(crawl: RunCrawl) -> None:
    """Neither as IDNA writes it nor as it stands: its line has a row, and nobody is asked."""
    done = crawl(["https://\xfcuser:pw@\U00033a62\xb3\x8f\xfc\U000bb000xn--a:"])
    assert done.status == 0
    assert [(row["Response code"], row["Reason"]) for row in done.rows] == [
        ("FAILED InvalidURL", "invalid-url")
    ]
    assert "Traceback" not in done.log, done.log
