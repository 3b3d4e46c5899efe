"""``scrapy fleet`` on a real Dask cluster, run from the command line."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import closing, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import pytest

from imagefetch.errors import BadInput
from imagefetch.fleet.cluster import check_dashboard
from imagefetch.fleet.run import run_fleet
from imagefetch.fleet.worker.dask_task import is_private
from imagefetch.job.audit import audit
from imagefetch.lists.list_file import ListFile
from imagefetch.lists.plain import read_lines
from imagefetch.output.report.report_file import read_rows
from tests.conftest import HOSTS, ROOT, Crawl, environment, project, run_crawl
from tests.support.fleet_chaos import chaos
from tests.support.fleet_cluster import Cluster, cluster, crawls_of, fleet_command
from tests.support.raw_responses import sends
from tests.support.remote_stores import Remote, s3
from tests.support.server import Server
from tests.support.terminal import Terminal
from tests.support.until import PATIENCE, is_over, until

__all__ = ["s3"]  # a fixture


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Start a scheduler and two workers."""
    with cluster(tmp_path_factory.mktemp("cluster"), workers=2) as made:
        yield made


def write_list(folder: Path, lines: list[str]) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "urls.txt").write_text("".join(f"{line}\n" for line in lines))


def log(folder: Path) -> str:
    return (folder / "fleet.log").read_text()


def said_by_crawls(scratch: Path) -> str:
    """Return the logs of the running crawls, which are in the folders of Dask's workers; the log
    of one that ends meanwhile is missing."""
    said = ""
    for path in scratch.glob("**/imagefetch-*/log"):
        with suppress(FileNotFoundError):
            said += path.read_text()
    return said


def check(folder: Path) -> None:
    """Assert that list, report and files agree, that the rows are in the order of the list, and
    that no other file is left."""
    found = audit(ListFile(folder / "urls.txt"), folder / "REPORT.csv", folder / "images")
    assert not found.broken, found.examples
    assert (found.missing, found.strays, found.partial) == (0, 0, 0)
    rows = [(row.line, row.cells[0]) for row in read_rows(folder / "REPORT.csv")]
    assert rows == [line[:2] for line in read_lines(folder / "urls.txt")]
    left = {path.name for path in folder.iterdir()}
    assert left <= {"urls.txt", "REPORT.csv", "REPORT.html", "images", "fleet.log",
                    ".REPORT.csv.lock", "REPORT.1.csv", "REPORT.1.html"}  # fmt: skip


def told(folder: Path) -> list[list[str]]:
    """Return the rows without their durations."""
    rows = [row.cells for row in read_rows(folder / "REPORT.csv")]
    return sorted([*cells[:10], cells[11]] for cells in rows)


def test_as_crawl_does(dask: Cluster, tmp_path: Path, hosts: Server) -> None:
    """The same list gives the same rows as ``crawl``, also with only=failed and fresh=1 after it;
    with a finished report there is nothing to do."""
    kinds = ("/image/", "/status/404/", "/type/", "/later/1/503/", "/empty/", "/image/")
    refused = b"HTTP/1.1 200 OK\r\ntdm-reservation: 1\r\nContent-Length: 0\r\n\r\n"
    hosts.raw["/raw/opted-out"] = sends(refused)
    lines = [hosts.url(f"{kind}{n}", HOSTS[n % 20]) for n in range(20) for kind in kinds]
    lines += ["", "# no line", "no URL", "ftp://a.example/x", lines[0], f"{lines[5]}#x"]
    lines += [hosts.url(f"/status/503/{n}") for n in range(4)]
    lines += [hosts.url("/raw/opted-out", host) for host in HOSTS[:3]]
    settings: dict[str, Any] = {
        "SHARD_SIZE": 70,
        "FILES_NAME": "{line}-{hash}{ext}",
        "RETRY_TIMES": 1,
    }
    fleet = tmp_path / "fleet"
    for folder in (fleet, tmp_path / "crawl"):
        write_list(folder, lines)
        hosts.hits.clear()
        if folder == fleet:
            assert dask.run_fleet(folder, **settings) == 0, log(folder)
        else:
            assert run_crawl(folder, **settings).status == 0
        assert hosts.hits["/image/0"] == 1
        assert hosts.hits["/later/1/503/3"] == 2
    assert told(fleet) == told(tmp_path / "crawl")
    check(fleet)
    said = log(fleet)
    assert f"] INFO: Finished\n  lines       {len(lines) - 2}\n  kept        62 (" in said
    page = (fleet / "REPORT.html").read_text()
    assert "62" in page
    for text in (said, page):
        assert text.count("20 are HTML pages") == 1
    assert "\n  opted out   3 tdmrep\n" in said
    assert not list((fleet / "images").rglob("*.html"))

    assert dask.run_fleet(fleet, **settings) == 0
    assert "nothing to do: all 131 lines are done" in log(fleet)

    hosts.hits.clear()
    for n in range(4):
        hosts.hits[f"/status/503/{n}"] = 0
    assert dask.run_fleet(fleet, "-a", "only=failed", **settings) == 0
    assert hosts.hits == {f"/status/503/{n}": 2 for n in range(4)}
    check(fleet)

    hosts.hits.clear()
    before = (fleet / "REPORT.csv").read_bytes()
    assert dask.run_fleet(fleet, "-a", "fresh=1", **settings) == 0
    assert (fleet / "REPORT.1.csv").read_bytes() == before
    assert told(fleet) == told(tmp_path / "crawl")
    assert hosts.hits["/image/0"] == 1
    check(fleet)


def test_a_crawl_is_gone_on_with(dask: Cluster, tmp_path: Path, server: Server) -> None:
    """URLs that ``crawl`` has fetched are not requested again."""
    write_list(tmp_path, [server.url(f"/image/{n}") for n in range(10)])
    assert run_crawl(tmp_path).status == 0
    server.hits.clear()
    lines = [server.url(f"/image/{n}") for n in range(20)]
    write_list(tmp_path, [*lines, f"{lines[3]}#again"])
    assert dask.run_fleet(tmp_path) == 0, log(tmp_path)
    assert server.hits == {f"/image/{n}": 1 for n in range(10, 20)}
    check(tmp_path)
    assert "continuing: 9 of 21 lines done" in log(tmp_path)  # the 10th is in a shard, for its copy


def test_a_report_s_row_is_damaged(dask: Cluster, tmp_path: Path, server: Server) -> None:
    """A row that is damaged, as by a spreadsheet, is named in one line before anything is
    fetched."""
    write_list(tmp_path, [server.url(f"/image/{n}") for n in range(3)])
    assert run_crawl(tmp_path).status == 0
    report = tmp_path / "REPORT.csv"
    whole = report.read_bytes()
    row = next(row for row in read_rows(report) if row.line == 2)
    damaged = row.raw.replace(f",{row.cells[4]},".encode(), b",1.1 KB,")
    report.write_bytes(whole.replace(row.raw, damaged))
    write_list(tmp_path, [server.url(f"/image/{n}") for n in range(4)])
    assert dask.run_fleet(tmp_path) == 2
    said = log(tmp_path)
    assert "the row of line 2 is damaged: Bytes = " in said.splitlines()[-1]
    assert "Traceback" not in said, said
    report.write_bytes(whole)
    assert dask.run_fleet(tmp_path) == 0, log(tmp_path)
    check(tmp_path)
    assert set(server.hits.values()) == {1}


def test_a_host_s_limit_holds_for_the_fleet(dask: Cluster, tmp_path: Path, server: Server) -> None:
    """Two workers fetch shards of the same host at once, each with half of its limit."""
    write_list(tmp_path, [server.url(f"/held/{n}") for n in range(60)])
    settings = {"SHARD_SIZE": 20, "CONCURRENT_REQUESTS_PER_DOMAIN": 6}
    running = dask.start_fleet(tmp_path, **settings)
    until(lambda: server.under_way["all"] == 6, "six requests")
    until(lambda: sum(len(worker.crawls()) for worker in dask.workers) == 2, "two processes")
    server.gate.set()
    assert running.wait() == 0, log(tmp_path)
    assert server.peak["127.0.0.1"] == 6
    assert set(server.hits.values()) == {1}
    check(tmp_path)


def test_what_a_known_host_asks_for_holds_for_the_fleet(
    dask: Cluster, tmp_path: Path, server: Server
) -> None:
    """Its page object allows two requests at once: two processes send one each."""
    write_list(tmp_path, [server.url(f"/slow/200/{n}") for n in range(60)])
    pages = "imagefetch.pages,imagefetch.sites,tests.support.polite_pages"
    running = dask.start_fleet(tmp_path, SHARD_SIZE=20, SCRAPY_POET_DISCOVER=pages)
    until(lambda: sum(len(worker.crawls()) for worker in dask.workers) == 2, "two processes")
    assert running.wait() == 0, log(tmp_path)
    assert server.peak["127.0.0.1"] == 2
    assert set(server.hits.values()) == {1}
    check(tmp_path)


def test_a_limit_may_be_lowered_meanwhile(dask: Cluster, tmp_path: Path, server: Server) -> None:
    """The lower limit holds even if the list was split for more processes per host."""
    write_list(tmp_path, [server.url(f"/held/{n}") for n in range(60)])
    running = dask.start_fleet(tmp_path, SHARD_SIZE=20, CONCURRENT_REQUESTS_PER_DOMAIN=6)
    until(lambda: server.under_way["all"] == 6, "six requests")
    running.send_signal(signal.SIGINT)
    until(lambda: "Received SIGINT, shutting down" in log(tmp_path), "a shutdown")
    server.gate.set()
    assert running.wait() == 3
    server.peak.clear()
    settings = {"SHARD_SIZE": 20, "CONCURRENT_REQUESTS_PER_DOMAIN": 1}
    assert dask.run_fleet(tmp_path, **settings) == 0, log(tmp_path)
    assert server.peak["127.0.0.1"] == 1
    assert set(server.hits.values()) == {1}
    check(tmp_path)


def test_ended_and_gone_on_with(dask: Cluster, tmp_path: Path, hosts: Server) -> None:
    """Ended by Ctrl-C, then by a kill of the client, and resumed: no line is requested twice."""
    lines = [hosts.url(f"/held/{n}", HOSTS[n % 20]) for n in range(40)]
    write_list(tmp_path, lines)
    settings = {"SHARD_SIZE": 10, "CONCURRENT_REQUESTS": 4, "PROGRESS_INTERVAL": 0.2}
    running = dask.start_fleet(tmp_path, **settings)
    until(lambda: hosts.under_way["all"] == 8, "eight requests")
    running.send_signal(signal.SIGINT)
    until(lambda: "Received SIGINT, shutting down" in log(tmp_path), "a shutdown")
    hosts.gate.set()
    assert running.wait() == 3
    assert log(tmp_path).endswith("ended early: shutdown; run the same command to resume\n")
    assert not (tmp_path / "REPORT.csv").exists()
    assert 8 <= len(hosts.hits) < 40

    hosts.gate.clear()
    write_list(tmp_path, [*lines, "another line"])
    assert dask.run_fleet(tmp_path, **settings) == 2
    assert "urls.txt: has changed since its job began; restore the list" in log(tmp_path)
    write_list(tmp_path, lines)
    killed = dask.start_fleet(tmp_path, **settings)
    until(lambda: hosts.under_way["all"] == 8, "eight requests")
    killed.kill()
    killed.wait()
    again = dask.start_fleet(tmp_path, **settings)
    until(lambda: "2 workers" in log(tmp_path).rpartition("continuing: ")[2], "a client at it")
    hosts.gate.set()
    assert again.wait() == 0, log(tmp_path)
    assert set(hosts.hits.values()) == {1}
    assert "  kept        40 " in log(tmp_path)
    assert "  pace " not in log(tmp_path), "a rate of lines that earlier runs did too"
    assert '<dd class="missing">not recorded</dd>' in (tmp_path / "REPORT.html").read_text()
    check(tmp_path)


def test_a_worker_hangs(tmp_path: Path, hosts: Server) -> None:
    """Neither a start, nor a graceful shutdown, nor an immediate end waits for it."""
    write_list(tmp_path, [hosts.url(f"/held/{n}", HOSTS[n % 20]) for n in range(20)])
    settings = {"SHARD_SIZE": 10, "CONCURRENT_REQUESTS": 2, "PROGRESS_INTERVAL": 0.2}
    with cluster(tmp_path / "cluster", workers=2) as made:
        until(lambda: made.said("worker").count("Registered to") == 2, "two workers")
        made.workers[0].send(signal.SIGSTOP)
        running = made.start_fleet(tmp_path, **settings)
        until(lambda: hosts.under_way["all"] == 2, "two requests of the other's")
        running.send_signal(signal.SIGINT)
        until(lambda: "Received SIGINT, shutting down" in log(tmp_path), "a shutdown")
        hosts.gate.set()
        until(lambda: re.search(r" [1-9]\d* kept", log(tmp_path)), "what the other has done")
        running.send_signal(signal.SIGINT)
        assert running.wait() == 3
        assert log(tmp_path).endswith("ended early: shutdown; run the same command to resume\n")
        made.workers[0].send(signal.SIGCONT)
        assert made.run_fleet(tmp_path, **settings) == 0, log(tmp_path)
    shutil.rmtree(tmp_path / "cluster")
    check(tmp_path)
    assert set(hosts.hits.values()) == {1}


def test_a_new_job_is_not_affected_by_a_discarded_one(
    dask: Cluster, tmp_path: Path, hosts: Server
) -> None:
    """The client was killed, and workers still run its job: the new job, with other lines and
    another store, is not affected."""
    write_list(tmp_path, [hosts.url(f"/held/{n}", HOSTS[n % 20]) for n in range(60)])
    settings = {"SHARD_SIZE": 10, "CONCURRENT_REQUESTS": 2}
    killed = dask.start_fleet(tmp_path, **settings, FILES_STORE=tmp_path / "old")
    until(lambda: hosts.under_way["all"] == 4, "four requests")
    crawls = [crawl for worker in dask.workers for crawl in worker.crawls()]
    killed.kill()
    killed.wait()
    write_list(tmp_path, [hosts.url(f"/image/{n}", HOSTS[n % 20]) for n in range(60)])
    assert dask.run_fleet(tmp_path, "-a", "fresh=1", **settings) == 0, log(tmp_path)
    until(lambda: all(map(is_over, crawls)), "no process of the old job's")
    hosts.gate.set()
    until(lambda: not any((tmp_path / "old").iterdir()), "nothing of the old job's")
    (tmp_path / "old").rmdir()
    check(tmp_path)
    assert set(hosts.hits.values()) == {1}


def test_a_job_is_of_one_report(dask: Cluster, tmp_path: Path, server: Server) -> None:
    """A run with another report neither resumes nor discards the job, even with the same list."""
    write_list(tmp_path, [server.url(f"/held/{n}") for n in range(10)])
    job = ("-a", f"job={tmp_path / 'job'}")
    killed = dask.start_fleet(tmp_path, *job)
    until(lambda: server.under_way["all"], "a request")
    killed.kill()
    killed.wait()
    server.gate.set()
    other = ("-a", f"report={tmp_path / 'OTHER.csv'}")
    for more in ((), ("-a", "fresh=1")):
        assert dask.run_fleet(tmp_path, *job, *other, *more) == 2
        refusal = f"job: its job belongs to the report {tmp_path / 'REPORT.csv'}; name another"
        assert refusal in log(tmp_path).splitlines()[-1]
    (tmp_path / ".OTHER.csv.lock").unlink(missing_ok=True)
    assert dask.run_fleet(tmp_path, *job) == 0, log(tmp_path)
    check(tmp_path)
    assert set(server.hits.values()) == {1}


def test_the_scheduler_is_killed(tmp_path: Path, hosts: Server) -> None:
    """The run ends early and says so; with another scheduler, the same command resumes it."""
    write_list(tmp_path / "job", [hosts.url(f"/held/{n}", HOSTS[n % 20]) for n in range(20)])
    settings = {"SHARD_SIZE": 10, "CONCURRENT_REQUESTS": 2}
    with cluster(tmp_path / "cluster", workers=1) as made:
        running = made.start_fleet(tmp_path / "job", **settings)
        until(lambda: hosts.under_way["all"] == 2, "two requests")
        (crawl,) = made.workers[0].crawls()
        assert made.scheduler is not None
        made.scheduler.kill()
        made.scheduler.wait()
        assert running.wait() == 3
        assert "ended early: scheduler-lost: " in log(tmp_path / "job").splitlines()[-1]
        until(lambda: is_over(crawl), "no process that fetches")
        hosts.gate.set()
        made.start_scheduler()
        made.start_worker()
        assert made.run_fleet(tmp_path / "job", **settings) == 0
    check(tmp_path / "job")
    assert sum(hosts.hits.values()) <= 22


def test_in_chaos(tmp_path: Path) -> None:
    """Workers are killed and stopped at random, and the client is killed once: no row is lost or
    doubled, every file belongs to its row, and only requests in flight are repeated.

    ``python -m tests.support.fleet_chaos`` does the same for longer.
    """
    found = chaos(tmp_path, lines=1_200, hosts=10, workers=2, seed=5, pause=3, events=3, hold=True)
    assert found.is_good, (found, log(tmp_path))
    assert found.audit.kept == 1_200
    assert found.events == {"kill": 1, "lose": 1, "stop": 1, "client": 1}


def test_on_this_machine_with_s3(tmp_path: Path, server: Server, s3: Remote) -> None:
    """Without --scheduler, with store and job folder in a bucket, no port is opened. Ctrl-C, which
    reaches every process, shuts the run down gracefully; the same command resumes it."""
    paths = [*(f"/image/{n}" for n in range(28)), "/type/1", "/type/2", "/held/x"]
    write_list(tmp_path, [server.url(path) for path in paths])
    settings = {**s3.settings, "FILES_STORE": s3.store, "SHARD_SIZE": 10}
    words = fleet_command(tmp_path, settings, "--workers", "2", "-a", "job=s3://bucket/job")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with (tmp_path / "fleet.log").open("a") as out:
        running = subprocess.Popen(
            words,
            cwd=ROOT,
            env={**environment(), "TMPDIR": str(scratch)},
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    until(lambda: server.hits["/held/x"], "a line under way")
    family = [psutil.Process(running.pid), *psutil.Process(running.pid).children(recursive=True)]
    assert ports_of(family) == set()
    os.killpg(running.pid, signal.SIGINT)
    until(lambda: "Received SIGINT, shutting down" in log(tmp_path), "a shutdown")
    until(lambda: "SIGTERM" in said_by_crawls(scratch), "a crawl is told")
    server.gate.set()
    assert running.wait() == 3, log(tmp_path)
    again = subprocess.run(
        words, cwd=ROOT, env=environment(), capture_output=True, check=False, timeout=PATIENCE
    )
    assert again.returncode == 0, again.stderr
    rows = Crawl(0, "", tmp_path).by_line
    assert list(rows) == list(range(1, 32))
    kept = s3.bodies()
    assert set(kept) == {row["File"] for row in rows.values()} - {""}
    assert set(server.hits.values()) == {1}
    assert b"2 are HTML pages" in again.stderr


def ports_of(processes: list[psutil.Process]) -> set[tuple[str, int]]:
    """Return the addresses on which any of *processes* listens."""
    listening = set()
    for process in processes:
        with suppress(psutil.NoSuchProcess):  # a process whose shard is done
            for each in process.net_connections("inet"):
                if each.status == psutil.CONN_LISTEN:
                    listening.add((each.laddr.ip, each.laddr.port))
    return listening


def test_what_is_on_this_machine_is_its_own(tmp_path: Path, server: Server) -> None:
    """No port is open and no dashboard is logged; temporary folders are accessible to their user
    only; a Dask folder that others can write to is not used."""
    write_list(tmp_path, [server.url(f"/held/{n}") for n in range(4)])
    scratch = tmp_path / "scratch"
    planted = scratch / "dask-scratch-space"
    planted.mkdir(parents=True, mode=0o777)
    planted.chmod(0o777)
    with (tmp_path / "fleet.log").open("w") as out:
        running = subprocess.Popen(
            fleet_command(tmp_path, {"SHARD_SIZE": 2}, "--workers", "2"),
            cwd=ROOT,
            env={**environment(), "TMPDIR": str(scratch)},
            stdout=out,
            stderr=out,
        )
    try:
        until(lambda: server.under_way["all"] == 4, "four requests")
        process = psutil.Process(running.pid)
        assert ports_of([process, *process.children(recursive=True)]) == set()
        assert list(planted.iterdir()) == []
        there = [path for path in scratch.iterdir() if path != planted]
        assert there
        assert {path.stat().st_mode & 0o777 for path in there} == {0o700}
    finally:
        server.gate.set()
    assert running.wait() == 0, log(tmp_path)
    assert "ashboard" not in log(tmp_path)
    assert list(scratch.iterdir()) == [planted]


def test_a_worker_s_folder_may_be_another_s(tmp_path: Path) -> None:
    """A worker's folder that others can change is not used."""
    folder = tmp_path / "dask-scratch-space" / "worker-1"
    folder.mkdir(parents=True)
    assert is_private(folder)
    folder.parent.chmod(0o777)
    assert not is_private(folder)
    folder.parent.chmod(0o1777)
    assert is_private(folder)
    if os.geteuid() == 0:
        os.chown(folder.parent, 12_345, 12_345)
        assert not is_private(folder)


@pytest.mark.skipif(find_spec("bokeh") is None, reason="needs bokeh")
def test_a_dashboard_is_shown_where_it_is_asked_for(tmp_path: Path, server: Server) -> None:
    """The dashboard listens at the given address only, which is logged once it responds."""
    write_list(tmp_path, [server.url("/held/1")])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = fleet_command(tmp_path, {}, "--workers", "1", "--dashboard", f"127.0.0.1:{port}")
    with (tmp_path / "fleet.log").open("w") as out:
        running = subprocess.Popen(words, cwd=ROOT, env=environment(), stdout=out, stderr=out)
    try:
        until(lambda: server.under_way["all"] == 1, "a request")
        assert f"Dashboard: http://127.0.0.1:{port}/status" in log(tmp_path)
        process = psutil.Process(running.pid)
        assert ports_of([process, *process.children(recursive=True)]) == {("127.0.0.1", port)}
    finally:
        server.gate.set()
    assert running.wait() == 0, log(tmp_path)


@pytest.mark.parametrize(
    ("address", "scheduler", "why"),
    [
        ("8787", None, "--dashboard 8787: must be HOST:PORT"),
        (":8787", None, "--dashboard :8787: must be HOST:PORT"),
        ("127.0.0.1:99999", None, "--dashboard 127.0.0.1:99999: must be HOST:PORT"),
        ("127.0.0.1:1\n", None, "must be HOST:PORT"),
        ("127.0.0.1:8787", "tcp://127.0.0.1:1", "the cluster of --scheduler has its own"),
    ],
)
def test_a_dashboard_that_can_t_be(address: str, scheduler: str | None, why: str) -> None:
    """An invalid ``--dashboard`` is refused before anything is started."""
    with pytest.raises(BadInput, match=re.escape(why)):
        check_dashboard(address, scheduler)
    check_dashboard(None, scheduler)


def test_the_view_on_a_terminal(tmp_path: Path, hosts: Server) -> None:
    """The view stays below the log, as that of ``crawl`` does. After one Ctrl-C it says that the
    run is ending; at the end it says how to resume, and the terminal is restored."""
    lines = [hosts.url(f"/image/{n}", HOSTS[n % 20]) for n in range(20)]
    write_list(tmp_path, [*lines, *(hosts.url(f"/held/{n}") for n in range(4))])
    words = fleet_command(tmp_path, {"CONCURRENT_REQUESTS": 4}, "--workers", "2")
    variables = {**environment(), "TERM": "xterm-256color"}
    variables.pop("COLUMNS", None)
    with closing(Terminal(words, variables, ROOT, 100, 30)) as terminal:
        terminal.until(lambda: " 83% 20 / 24" in "\n".join(terminal.shown), "20 of 24 done")
        shown = [line for line in terminal.shown if line]
        bar = next(n for n, line in enumerate(shown) if " 83% 20 / 24" in line)
        assert shown[bar].startswith("━━━━")
        assert re.match(r"[\d.]+ images/s   (\d:\d\d:\d\d|\?) left$", shown[bar + 1])
        assert shown[bar + 2].startswith("20 kept   0 failed   2 workers")
        assert "Splitting the list" in "".join(shown[:bar])
        os.kill(terminal.process.pid, signal.SIGINT)
        terminal.until(lambda: "Ctrl-C again ends at once" in "\n".join(terminal.shown), "ending")
        hosts.gate.set()
        assert terminal.wait() == 3
        assert termios.tcgetattr(terminal._end) == terminal.modes
        resume = "ended early: shutdown; run the same command to resume"
        assert resume in "\n".join(terminal.everything)
        assert not any("━━━━" in line for line in terminal.everything)


def test_killed_on_this_machine(tmp_path: Path, hosts: Server) -> None:
    """When the command is killed, its processes end; the same command resumes the run."""
    write_list(tmp_path, [hosts.url(f"/held/{n}", HOSTS[n % 20]) for n in range(20)])
    settings = {"SHARD_SIZE": 10, "CONCURRENT_REQUESTS": 2}
    words = fleet_command(tmp_path, settings, "--workers", "2")
    with (tmp_path / "fleet.log").open("w") as out:
        running = subprocess.Popen(words, cwd=ROOT, env=environment(), stdout=out, stderr=out)
    until(lambda: hosts.under_way["all"] == 4, "four requests")
    family = psutil.Process(running.pid).children(recursive=True)
    assert len(crawls_of(psutil.Process(running.pid))) == 2
    assert len(family) <= 4  # a fork server and the page writer, but none for Dask's workers
    running.kill()
    running.wait()
    until(lambda: all(map(is_over, family)), "no process that fetches")
    hosts.gate.set()
    again = subprocess.run(
        words, cwd=ROOT, env=environment(), capture_output=True, check=False, timeout=PATIENCE
    )
    assert again.returncode == 0, again.stderr
    check(tmp_path)
    assert sum(hosts.hits.values()) <= 24


@pytest.mark.parametrize(
    ("arguments", "settings", "why"),
    [
        ({"urls": "none.txt"}, {}, r"none\.txt: no such list"),
        ({"urls": "picture.txt"}, {}, r"picture\.txt: is not a text file"),
        ({}, {"SHARD_SIZE": "0"}, r"setting SHARD_SIZE = '0': must be a whole number from 1"),
        ({"shard": "1"}, {}, r"argument -a shard=…: there is no such argument"),
        ({"job": "nowhere://x"}, {}, r"job folder nowhere://x: can't be used"),
        ({"job": "taken"}, {}, r"^job folder [^:]*taken: contains other files"),
        ({"job": "foreign"}, {}, r"job folder .*foreign: its job\.json is damaged or of another"),
        ({"only": "failed", "fresh": "1"}, {}, r"give one of them"),
        (
            {},
            {"SCRAPY_POET_DISCOVER": "no.pages"},
            r"^setting SCRAPY_POET_DISCOVER: can't be imported: No module named 'no'$",
        ),
        ({"report": "stranger.csv"}, {}, r"stranger\.csv: not a report of imagefetch"),
    ],
)
def test_bad_input(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: dict[str, str],
    settings: dict[str, str],
    why: str,
) -> None:
    """Bad input gives a one-line error before a cluster is contacted; no file is changed."""
    monkeypatch.chdir(tmp_path)
    write_list(tmp_path, ["http://127.0.0.1/a"])
    (tmp_path / "picture.txt").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "done").mkdir()
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "job.json").write_text('{"job": 1}')
    (tmp_path / "stranger.csv").write_text("a,b\n")
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(BadInput, match=why) as refusal:
        run_fleet(project(**settings), arguments, [], "tcp://127.0.0.1:1")
    assert "\n" not in str(refusal.value)
    after = {path.name for path in tmp_path.iterdir() if not path.name.startswith(".")}
    assert after == set(before)


def test_no_scheduler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address at which no scheduler responds is bad input."""
    monkeypatch.setenv("DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT", "1s")
    write_list(tmp_path, ["http://127.0.0.1/a"])
    words = fleet_command(tmp_path, {}, "--scheduler", "tcp://127.0.0.1:1")
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "imagefetch: --scheduler tcp://127.0.0.1:1: no scheduler responds" in done.stderr
    assert "Traceback" not in done.stderr, done.stderr


def test_without_its_packages(tmp_path: Path) -> None:
    """One line says what to install; other commands work without these packages."""
    (tmp_path / "distributed.py").write_text("raise ImportError('not here')\n")
    env = {**environment(), "PYTHONPATH": str(tmp_path)}
    for verb, status in ("fleet", 2), ("list", 0):
        done = subprocess.run(
            [sys.executable, "-m", "scrapy", verb],
            cwd=ROOT,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status
        if status:
            assert done.stderr == (
                "imagefetch: scrapy fleet needs more packages (not here): "
                "pip install -r requirements-fleet.txt\n"
            )


def test_ended_while_dask_is_loaded(tmp_path: Path) -> None:
    """Ctrl-C during the import of Dask ends the run like any other Ctrl-C."""
    (tmp_path / "distributed.py").write_text("raise KeyboardInterrupt\n")
    done = subprocess.run(
        [sys.executable, "-m", "scrapy", "fleet"],
        cwd=ROOT,
        env={**environment(), "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    said = "imagefetch: ended early: shutdown; run the same command to resume\n"
    assert (done.returncode, done.stderr) == (3, said)


def test_the_document_s_commands_work(tmp_path: Path, server: Server, s3: Remote) -> None:
    """Each command works, in order, in a project folder configured for the bucket; one machine
    stands in for all."""
    document = (ROOT / "docs" / "fleet.md").read_text()
    blocks = re.findall(r"^```sh\n(.*?)^```", document, re.MULTILINE | re.DOTALL)
    commands = [line for block in blocks for line in block.splitlines()]
    shutil.copytree(ROOT / "imagefetch", tmp_path / "imagefetch")
    shutil.copy(ROOT / "scrapy.cfg", tmp_path)
    with (tmp_path / "imagefetch" / "settings.py").open("a") as settings:
        settings.write('ALLOWED_NETWORKS = ["127.0.0.0/8"]\n')
        settings.writelines(f"{name} = {value!r}\n" for name, value in s3.settings.items())
    write_list(tmp_path, [server.url(f"/image/{n}") for n in range(5)])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {**environment(), "PATH": path}
    running, reports = [], 0
    try:
        for command in commands:
            words = command.replace("10.0.0.1:8786", address).replace("/srv", str(tmp_path))
            words = words.replace("10.0.0.1", "127.0.0.1").replace("8786", address[10:])
            if command.startswith("export "):
                name, _, value = command.removeprefix("export ").partition("=")
                env[name] = value
            elif command.startswith("python -m dask "):
                running.append(
                    subprocess.Popen(
                        words.split(), cwd=tmp_path, env=env, stderr=subprocess.DEVNULL
                    )
                )
            elif command.startswith("scrapy "):
                for report in tmp_path.rglob("REPORT.csv"):
                    report.unlink()
                server.hits.clear()
                done = subprocess.run(
                    ["bash", "-euo", "pipefail", "-c", words],
                    cwd=tmp_path,
                    env=env,
                    capture_output=True,
                    text=True,
                    check=False,
                )
                assert done.returncode == 0, (command, done.stderr)
                (report,) = tmp_path.rglob("REPORT.csv")
                assert [row.cells[1] for row in read_rows(report)] == ["200"] * 5
                assert set(server.hits.values()) == {1}
                reports += 1
            else:
                assert command.startswith("pip install ")
    finally:
        for process in running:
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
            process.kill()
            process.wait()
    assert (reports, len(running)) == (4, 2)
    assert len(s3.bodies()) == 5
