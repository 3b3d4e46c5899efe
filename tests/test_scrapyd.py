"""Deployed to a real Scrapyd, scheduled, cancelled, gone on with."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import imagefetch
from imagefetch.job.audit import audit
from imagefetch.lists.list_file import ListFile
from tests.conftest import HOSTS
from tests.support.scrapyd_node import Node, blocks, checkout, located, outside, running
from tests.support.server import Server, Writer, serving
from tests.support.until import until


@pytest.fixture(scope="module")
def site() -> Iterator[Server]:
    with serving(HOSTS[:1]) as server:
        yield server


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for lists, reports and pictures."""
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="module")
def nodes(work: Path) -> Iterator[tuple[Node, Node]]:
    """Two nodes that the project was deployed to; the second has items_dir and jobs_dir."""
    with (
        running(work / "first") as first,
        running(work / "second", "items_dir = items\njobs_dir = jobs\n") as second,
    ):
        checkout(work / "project", work, first, second)
        for target in ([], ["node2"]):
            subprocess.run(
                ["scrapyd-deploy", *target],
                cwd=work / "project",
                env=outside(work),
                check=True,
                capture_output=True,
            )
        yield first, second


@pytest.fixture
def first(nodes: tuple[Node, Node]) -> Node:
    return nodes[0]


@pytest.fixture
def second(nodes: tuple[Node, Node]) -> Node:
    return nodes[1]


def write_list(path: Path, site: Server, *paths: str) -> Path:
    path.write_text("".join(f"{site.url(each)}\n" for each in paths))
    return path


def offer(site: Server, path: str, urls: Path) -> None:
    """Let *site* answer *path* with the list *urls*."""
    body = urls.read_bytes()

    async def answer(writer: Writer) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()

    site.raw[path] = answer


def rows_of(report: Path) -> int:
    return report.read_text().count("\n") - 1 if report.exists() else 0


def assert_whole(urls: Path, report: Path, store: Path, lines: int) -> None:
    """Assert the invariant, as ``scrapy report`` finds it."""
    found = audit(ListFile(urls), report, store)
    assert not found.broken, found.examples
    assert (found.lines, found.rows, found.missing) == (lines, lines, 0)
    assert found.partial == 0


def test_the_egg_stays_zipped(first: Node, second: Node) -> None:
    """A job's code comes out of it, and from nowhere else; its version is the package's."""
    for node in (first, second):
        (egg,) = (node.folder / "eggs" / "imagefetch").iterdir()
        assert zipfile.is_zipfile(egg)
        with zipfile.ZipFile(egg) as packed:
            about = packed.read("EGG-INFO/PKG-INFO").decode()
        assert f"\nVersion: {imagefetch.__version__}\n" in about
        done = subprocess.run(
            [sys.executable, "-c", "import imagefetch"],
            cwd=node.folder,
            env=outside(node.folder),
            capture_output=True,
            check=False,
        )
        assert b"ModuleNotFoundError" in done.stderr


def test_nobody_gets_in_without_the_password(first: Node) -> None:
    """As the document configures it."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with pytest.raises(urllib.error.HTTPError) as refusal:
        opener.open(f"http://127.0.0.1:{first.port}/daemonstatus.json")
    assert refusal.value.code == 401


def test_jobs_at_once_don_t_meet(first: Node, work: Path, site: Server) -> None:
    """Jobs that name no place have folders of their own; named places may share a store."""
    urls = write_list(work / "meet.txt", site, *(f"/image/meet{n}" for n in range(30)))
    store = work / "shared"
    for job in ("own1", "own2"):
        first.schedule(job, urls)
    for job in ("named1", "named2"):
        first.schedule(job, urls, f"FILES_STORE={store}", report=work / f"{job}.csv")
    for job in ("own1", "own2"):
        assert f"report      {first.job_folder(job)}/REPORT.csv\n" in first.wait(job)
        folder = first.job_folder(job)
        assert_whole(urls, folder / "REPORT.csv", folder / "downloaded-images", 30)
        assert first.status(job) == 0
    for job in ("named1", "named2"):  # both have ended before the store is looked at
        assert "] INFO: Finished\n  lines       30\n" in first.wait(job)
    for job in ("named1", "named2"):
        assert_whole(urls, work / f"{job}.csv", store, 30)
        assert not first.job_folder(job).exists()
    stored = [path for path in store.rglob("*") if path.is_file()]
    assert len(stored) == 60, "no file belongs to both"


def test_what_is_refused(second: Node, work: Path, site: Server) -> None:
    """One line in the job's log that says why, status 2, nothing made: neither folder nor feed."""
    urls = write_list(work / "good.txt", site, "/image/never")
    (work / "picture.txt").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    scrapyds = "must be given by an absolute path, since the working directory is Scrapyd's"
    refused: dict[str, tuple[tuple[object, ...], dict[str, object], str]] = {
        "missing": ((work / "none.txt",), {}, f"{work}/none.txt: no such list"),
        "binary": ((work / "picture.txt",), {}, f"{work}/picture.txt: is not a text file"),
        "relative": (("good.txt",), {}, f"good.txt: the list of a job on Scrapyd {scrapyds}"),
        "store": (
            (urls, "FILES_STORE=im"),
            {},
            f"im: the folder for pictures of a job on Scrapyd {scrapyds}",
        ),
        "folder": (
            (urls,),
            {"report": "/proc/none/r.csv"},
            "report /proc/none: /proc can't be written to",
        ),
        "setting": ((urls, "RETRY_TIMES=many"), {}, "setting RETRY_TIMES = 'many': must be "),
        "handler": ((urls, "DOWNLOAD_BIND_ADDRESS=203.0.113.1"), {}, "setting DOWNLOAD_HANDLERS"),
        "address": (
            (site.url("/status/404/list"),),
            {},
            f"{site.url('/status/404/list')}: the list can't be fetched: not-found",
        ),
    }
    for job, (words, arguments, _) in refused.items():
        second.schedule(f"refused-{job}", *map(str, words), **arguments)
    for job, (_, _, why) in refused.items():
        log = second.wait(f"refused-{job}")
        assert f"] ERROR: Ended early: bad-input: {why}" in log, log
        assert "Traceback" not in log, log
        if job not in {"address", "handler"}:  # which the job had begun to look at
            assert log.count("\n") == 1, log
        assert second.status(f"refused-{job}") == 2
        assert not second.job_folder(f"refused-{job}").exists()
    assert not list((second.folder / "items").rglob("refused-*"))
    assert not site.hits["/image/never"]


def test_cancelled_while_its_list_comes(first: Node, site: Server) -> None:
    """It ends at once, in order, and leaves nothing."""
    site.gate.clear()
    first.schedule("early", site.url("/held/list"))
    until(lambda: site.hits["/held/list"], "the list asked for")
    first.cancel("early")
    log = first.wait("early")
    site.gate.set()
    assert log.splitlines()[-1].endswith("] INFO: Ended early: shutdown"), log
    assert log.count("\n") == 2
    assert first.status("early") == 3
    assert not first.job_folder("early").exists()


def feed(node: Node, job: str) -> list[int]:
    """Return the line numbers in the job's own feed of Scrapyd's."""
    path = node.folder / "items" / "imagefetch" / "images" / f"{job}.jl"
    return [json.loads(line)["line"] for line in path.read_text().splitlines()]


def test_cancelled_once_and_gone_on_with(second: Node, work: Path, site: Server) -> None:
    """Lines under way get their rows; the same jobid fetches the rest, of the list as it was.

    Scrapyd's feed has each row once as well. The list comes from an address,
    once, and what is secret in it stays out of the log.
    """
    kinds = ("image", "held")
    paths = [f"/{kind}/once{n}" for n in range(10) for kind in kinds]
    paths += [f"/image/rest{n}" for n in range(10)]
    urls = write_list(work / "once.txt", site, *paths)
    offer(site, "/raw/once?key=secret", urls)
    address = site.url("/raw/once?key=secret").replace("//", "//user:secret@")
    report = second.job_folder("once") / "REPORT.csv"
    site.gate.clear()
    second.schedule("once", address, "CONCURRENT_REQUESTS=10")
    until(lambda: site.under_way["all"] == 10 and rows_of(report) == 10, "ten requests held")
    second.schedule("intruder", urls, report=report)
    assert "another process is writing it" in second.wait("intruder")
    second.cancel("once")
    until(lambda: "shutting down gracefully" in second.log("once"), "an end in order")
    site.gate.set()
    assert "] INFO: Ended early: shutdown; " in second.wait("once")
    assert second.status("once") == 3
    assert rows_of(report) == 20

    second.schedule("once", address)
    log = second.wait("once")
    assert "continuing: 20 of 30 lines done" in log
    assert second.status("once") == 0
    assert_whole(urls, report, second.job_folder("once") / "downloaded-images", 30)
    assert sorted(feed(second, "once")) == list(range(1, 31))
    assert all(site.hits[path] == 1 for path in [*paths, "/raw/once?key=secret"])
    assert "secret" not in log
    assert log.count("JOBDIR is ignored") == 2
    assert not (second.folder / "jobs").exists()


def test_cancelled_twice_and_gone_on_with(second: Node, work: Path, site: Server) -> None:
    """A forced end leaves what can be gone on with: a row a line, every file whole."""
    kept = [f"/image/twice{n}" for n in range(10)]
    urls = write_list(work / "twice.txt", site, *kept, *(f"/held/twice{n}" for n in range(10)))
    report = second.job_folder("twice") / "REPORT.csv"
    site.gate.clear()
    second.schedule("twice", urls)
    until(lambda: site.under_way["all"] == 10 and rows_of(report) == 10, "ten requests held")
    second.cancel("twice")
    until(lambda: "shutting down gracefully" in second.log("twice"), "an end in order")
    second.cancel("twice")
    second.wait("twice")
    assert second.status("twice") == 3
    assert rows_of(report) == 10

    site.gate.set()
    second.schedule("twice", urls)
    assert "continuing: 10 of 20 lines done" in second.wait("twice")
    assert_whole(urls, report, second.job_folder("twice") / "downloaded-images", 20)
    assert all(site.hits[path] == 1 for path in kept)
    assert len(feed(second, "twice")) == len(set(feed(second, "twice")))


def test_the_log_stays_small(first: Node, work: Path, site: Server, dead_port: int) -> None:
    """Progress and the summary, nothing of single URLs: 10 bytes a line at most; a job that
    is done says so in one line more. Its page is beside its report, made from within the egg."""
    kinds = ("/image/a", "/status/404/", "/later/1/503/", "/status/503/", "/type/", "/empty/")
    lines = [site.url(f"{kind}{n}") for n in range(200) for kind in kinds]
    lines += [f"http://127.0.0.1:{dead_port}/{n}" for n in range(1_200)]
    lines += ["no URL at all"] * 600
    urls = work / "long.txt"
    urls.write_text("".join(f"{line}\n" for line in lines))
    settings = ("RETRY_TIMES=1", "RETRY_DELAY=0.05", "PROGRESS_INTERVAL=0.5")
    first.schedule("long", urls, *settings)
    log = first.wait("long")
    assert "[imagefetch.stats.progress] INFO: [" in log
    assert "] INFO: Finished\n  lines       3,000\n" in log
    assert len(log) < 10 * 3_000
    page = first.job_folder("long") / "REPORT.html"
    assert '<span class="badge good">finished</span>' in page.read_text()
    first.schedule("long", urls, *settings)
    more = first.wait("long").removeprefix(log)
    assert "nothing to do: all 3,000 lines are done" in more
    assert more.count("\n") == 1
    assert first.status("long") == 0


def test_the_document_s_commands_work(
    nodes: tuple[Node, Node], work: Path, site: Server, tmp_path: Path
) -> None:
    """Each in its turn, in the project's folder; jobs are waited for before anything else."""
    by_name = {"localhost": nodes[0], "node1": nodes[0], "node2": nodes[1]}
    urls = write_list(tmp_path / "urls.txt", site, *(f"/image/doc{n}" for n in range(4)))
    offer(site, "/raw/lists", urls)
    commands = [line for block in blocks("sh") for line in block.splitlines()]
    assert commands.pop(1) == "scrapyd"  # is running
    started: list[tuple[Node, str]] = []
    for command in commands:
        if "/schedule.json" not in command:
            while started:
                node, job = started.pop()
                assert node.wait(job).count("] INFO: Finished") == node.scheduled[job]
        words = located(command, *nodes).replace("/srv", str(tmp_path))
        words = words.replace("https://lists.example/urls.txt", site.url("/raw/lists"))
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", words],
            cwd=work / "project",
            env=outside(work),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (command, done.stderr)
        if "/schedule.json" in command:
            node = by_name[command.split("//")[1].split(":")[0]]
            job = json.loads(done.stdout)["jobid"]
            node.scheduled[job] += 1
            started.append((node, job))
        elif ".json" in command or command.startswith("scrapyd-deploy"):
            assert '"status": "ok"' in done.stdout, (command, done.stdout)
        elif "/logs/" in command:
            assert "] INFO: Finished\n" in done.stdout
    assert_whole(urls, tmp_path / "tuesday.csv", tmp_path / "images", 4)
    folder = nodes[0].job_folder("monday")
    assert_whole(urls, folder / "REPORT.csv", folder / "downloaded-images", 4)
    assert (tmp_path / "all.csv").read_text().count("\n") == 5
