"""Attempts at a shard, with real processes and a real server, without Dask."""

from __future__ import annotations

import asyncio
import csv
import json
import multiprocessing
import os
import shutil
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path

import psutil
import pytest

from imagefetch.fleet.folder import JobFolder, done_path, shard_path
from imagefetch.fleet.job_report import kinds_of
from imagefetch.fleet.ownership import clear_partials
from imagefetch.fleet.worker import fencing, fork_client
from imagefetch.fleet.worker.crawl import FINISHED, Crawl
from imagefetch.fleet.worker.fork_client import Fork
from imagefetch.fleet.worker.running_attempts import fetch_shard, running, stop, stopped
from imagefetch.fleet.worker.task import Abandoned, AttemptFailed, Task
from imagefetch.job.audit import audit
from imagefetch.line import Line
from imagefetch.lists.list_file import ListFile
from imagefetch.lists.shards import shard_line
from imagefetch.output.report.columns import HEADER, Layout
from imagefetch.output.report.report_file import read_rows
from tests.conftest import LOOPBACK, ROOT, environment
from tests.support.fleet_cluster import crawls_of
from tests.support.server import Server, Writer, image, jpeg
from tests.support.until import is_over, until


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ.keys() - environment().keys():
        monkeypatch.delenv(name)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


class Shard:
    """Shard 7 of a job; its lines have the numbers 1,000, 2,000, …"""

    def __init__(self, folder: Path, urls: list[str]) -> None:
        self.folder = folder
        self.store = folder / "images"
        self.job = JobFolder(str(folder / "job"), {}).of("0123456789ab")
        self.lines = [Line(1_000 * n, url) for n, url in enumerate(urls, 1)]
        self.job.write(shard_path(7), b"".join(map(shard_line, self.lines)))

    def task(self, *words: str, silence: float = 60) -> Task:
        settings = (f"FILES_STORE={self.store}", f"ALLOWED_NETWORKS={LOOPBACK}", "RETRY_DELAY=0.05")
        words = (*settings, *words)
        return Task("job", self.job.address, {}, 7, words, str(self.store), silence)

    @property
    def report(self) -> Path:
        """The report of the newest attempt."""
        assert self.job.local is not None
        return self.job.local / "attempts" / "000007" / f"{self.job.attempts(7)[-1]}.csv"

    def partial_of(self, attempt: str) -> Path:
        """Return the folder of *attempt*'s partial files."""
        found = self.job.partial_folder(str(self.store), 7, attempt)
        assert found is not None
        return found

    def codes(self) -> dict[int, str]:
        """Return the response code of each row, by line number."""
        return {row.line: row.cells[1] for row in read_rows(self.report)}

    def check(self) -> None:
        """Assert that every line has a row and that every file belongs to a row."""
        assert self.job.local is not None
        found = audit(ListFile(self.job.local / shard_path(7)), self.report, self.store)
        assert not found.broken, found.examples
        assert (found.lines, found.rows, found.missing) == (len(self.lines),) * 2 + (0,)
        assert (found.strays, found.partial) == (0, 0)


def ignored(*_: object) -> None:
    """Ignore the progress of an attempt."""


def test_an_attempt_goes_on_where_the_last_one_was(tmp_path: Path, server: Server) -> None:
    """Lines keep their numbers, also in file names. Lines with a row and their duplicates are not
    requested again; a truncated row does not count; a shard that is done is not changed."""
    urls = [server.url(path) for path in ("/image/a", "/status/404/b", "/image/a#x", "/image/c")]
    shard = Shard(tmp_path, [*urls, "no URL"])
    first = (
        f"{urls[0]},200,1000,first.jpg,{len(image('/image/a'))},image/jpeg,64,48,{'0' * 64},1,0.1,"
    )
    # The earlier attempt was one of a version whose reports had fewer columns.
    before = Layout(own=12).header + f"{first}\r\n{urls[1]},404,20".encode()
    shard.job.write("attempts/000007/0000-before.csv", before)
    told: list[dict[str, int]] = []
    task = shard.task("FILES_NAME={line}-{hash}{ext}")
    progress = fetch_shard(task, told.append, lambda: True)
    assert progress == {"shard": 7, "done": 5, "kept": 3} == told[-1]
    with shard.report.open(newline="") as file:
        rows = {int(row["Line"]): row for row in csv.DictReader(file)}
    assert next(iter(rows)) == 1000
    assert {n: row["Response code"] for n, row in sorted(rows.items())} == {
        1000: "200",
        2000: "404",
        3000: "200",
        4000: "200",
        5000: "FAILED InvalidURL",
    }
    assert rows[3000]["File"] == "first.jpg"
    assert rows[4000]["File"].startswith("4000-")
    assert server.hits == {"/status/404/b": 1, "/image/c": 1}
    assert shard.job.outcomes()[7]["attempt"] == shard.report.stem
    assert fetch_shard(task, ignored, lambda: True) == progress
    assert len(shard.job.attempts(7)) == 2


def test_kinds_of_all_attempts(tmp_path: Path, server: Server) -> None:
    """What bodies are that are not images is recorded beside the rows, and handed on with them."""
    shard = Shard(tmp_path, [server.url(path) for path in ("/type/a", "/type/b", "/image/c")])
    row = f"{shard.lines[0].text},200,1000,,,,,,,1,0.1,not-an-image{',' * 8}\r\n"
    shard.job.write("attempts/000007/0001-before1.csv", HEADER + row.encode())
    shard.job.write("attempts/000007/0001-before1.kinds", b"1000 pdf\n")
    assert fetch_shard(shard.task(), ignored, lambda: True) is not None
    assert kinds_of(shard.job, 7, shard.report.stem) == {1000: "pdf", 2000: "html"}
    assert kinds_of(shard.job, 7, "0009-other") == {}


@pytest.mark.parametrize("damaged", [False, True])
def test_nothing_in_the_job_folder_is_a_path_to_delete(
    tmp_path: Path, server: Server, damaged: bool
) -> None:
    """Whatever its notes and other files contain, an attempt fences and clears only folders that
    are derived from job, shard, attempt and store. A damaged note is ignored."""
    shard = Shard(tmp_path, [server.url("/image/a"), server.url("/image/b")])
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.tex").write_text("x")
    note: dict[str, object] = {"partial": str(precious), "clean": True, "suspects": {}}
    if damaged:
        note["suspects"] = {"deaths": "many", "until": [], "../x": 1}
    shard.job.write("attempts/000007/0001-aa11aa11.csv", HEADER)
    shard.job.write("attempts/000007/0001-aa11aa11.json", json.dumps(note).encode())
    shard.job.write("attempts/000007/0000-before.csv", HEADER)
    shard.job.write("attempts/000007/zz.csv", b"no attempt's")
    shard.job.write("attempts/mine/0001-aa11aa11.csv", b"no shard's")
    shard.job.write(done_path(7), json.dumps({"attempt": "../../x", "done": 2, "kept": 2}).encode())
    progress = fetch_shard(shard.task(), ignored, lambda: True)
    assert progress == {"shard": 7, "done": 2, "kept": 2}
    clear_partials(shard.job, str(shard.store), shard.job.attempted_shards())
    assert (precious / "thesis.tex").exists()
    assert not (shard.store / ".part").exists()
    assert set(shard.codes().values()) == {"200"}


def test_a_shard_without_a_line_is_done(tmp_path: Path) -> None:
    """No process is started for a shard without lines."""
    shard = Shard(tmp_path, [])
    assert fetch_shard(shard.task(), ignored, lambda: True) == {"shard": 7, "done": 0, "kept": 0}
    assert shard.job.outcomes().keys() == {7}


def test_a_line_that_kills_its_process_is_found(tmp_path: Path, server: Server) -> None:
    """A line that kills its process gets a ``WorkerCrash`` row; the other lines are kept."""
    paths = [f"/image/{n}" for n in range(6)]
    paths[2] = "/image/deadly/x"
    shard = Shard(tmp_path, [server.url(path) for path in paths])
    pipeline = (
        'ITEM_PIPELINES={"imagefetch.pipelines.ImageFilesPipeline": null, '
        '"tests.support.fleet_kill.DeadlyPipeline": 300}'
    )
    progress = fetch_shard(shard.task(pipeline, "CONCURRENT_REQUESTS=2"), ignored, lambda: True)
    assert progress == {"shard": 7, "done": 6, "kept": 5}
    assert shard.codes()[3000] == "FAILED WorkerCrash"
    last = {row.line: row.reason for row in read_rows(shard.report)}
    assert last[3000] == "worker-crash"
    assert not shard.job.outcomes()[7]["clean"]
    fencing.remove_fence(shard.partial_of(shard.report.stem))
    for stray in shard.store.glob("x-*"):
        stray.unlink()
    shard.check()
    assert server.hits[paths[2]] <= 3 + 2 + 2  # whole shard; halved; alone


def test_what_can_t_be_done_here_is_told(tmp_path: Path, server: Server) -> None:
    """The error has the last line of the process's output; lines that are done stay done."""
    shard = Shard(tmp_path, [server.url("/image/a")])
    with pytest.raises(AttemptFailed, match="setting RETRY_TIMES = 'many': must be"):
        fetch_shard(shard.task("RETRY_TIMES=many"), ignored, lambda: True)
    assert fetch_shard(shard.task(), ignored, lambda: True) == {"shard": 7, "done": 1, "kept": 1}
    shard.check()
    shutil.rmtree(tmp_path / "job")
    with pytest.raises(AttemptFailed, match="job folder"):
        fetch_shard(shard.task(), ignored, lambda: True)


def test_a_process_that_does_nothing_is_no_success(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that ends without a row is an error; otherwise it would be restarted forever."""
    shard = Shard(tmp_path, [server.url("/image/a")])
    runs = iter([FINISHED])
    monkeypatch.setattr(Crawl, "run", lambda *_: next(runs))
    with pytest.raises(AttemptFailed, match="ended without a row"):
        fetch_shard(shard.task(), ignored, lambda: True)


class Elsewhere:
    """An attempt in a separate process, like a worker."""

    def __init__(self, task: Task) -> None:
        context = multiprocessing.get_context("spawn")
        self.outcome, other = context.Pipe(False)
        self.process = context.Process(target=attempt_elsewhere, args=(task, other))
        self.process.start()

    def crawl(self) -> psutil.Process:
        """Return the crawl process once it has started."""
        worker = psutil.Process(self.process.pid)
        (crawl,) = until(lambda: crawls_of(worker), "a crawl")
        return crawl


def attempt_elsewhere(task: Task, outcome: Connection) -> None:
    try:
        outcome.send(fetch_shard(task, ignored, lambda: True))
    except (AttemptFailed, Abandoned) as error:
        outcome.send(error)


class Holding:
    """A shard of two lines, one done, the other requested by an attempt in another process.

    The server responds to that request once its gate is opened, and to later ones at once with
    another image.
    """

    def __init__(self, folder: Path, server: Server, silence: float) -> None:
        self.server = server
        self.asked = 0
        server.raw["/raw/a"] = self._answer
        self.shard = Shard(folder, [server.url("/image/done"), server.url("/raw/a")])
        self.elsewhere = Elsewhere(self.shard.task(silence=silence))
        attempts = self.shard.job.attempts
        until(lambda: self.asked and attempts(7) and len(self.shard.codes()) == 1, "one of two")

    async def _answer(self, writer: Writer) -> None:
        self.asked += 1
        number = self.asked
        if number == 1:
            await asyncio.to_thread(self.server.gate.wait)
        body = jpeg(f"answer {number}".encode())
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()


@pytest.fixture
def holding(tmp_path: Path, server: Server, request: pytest.FixtureRequest) -> Iterator[Holding]:
    made = Holding(tmp_path, server, silence=request.param)
    try:
        yield made
    finally:
        made.elsewhere.process.kill()
        made.elsewhere.process.join()


@pytest.mark.parametrize("holding", [1_000], indirect=True)
def test_a_process_believed_dead_does_no_harm(holding: Holding, server: Server) -> None:
    """A process is stopped while another attempt fetches its lines, and then continued: the image
    that it receives is not stored; rows and files are those of the other attempt."""
    crawl = holding.elsewhere.crawl()
    crawl.suspend()
    shard = holding.shard
    progress = fetch_shard(shard.task(), ignored, lambda: True)
    assert progress == {"shard": 7, "done": 2, "kept": 2}
    server.gate.set()
    crawl.resume()
    outcome = holding.elsewhere.outcome.recv()
    assert isinstance(outcome, AttemptFailed), outcome
    assert "store-error" in str(outcome)
    assert server.hits["/raw/a"] == 2
    assert server.hits["/image/done"] == 1
    for attempt in shard.job.attempts(7):
        fencing.remove_fence(shard.partial_of(attempt))
    shard.check()


SILENCE = 5.0  # longer than the gaps between heartbeats on a loaded machine


@pytest.mark.parametrize("holding", [SILENCE], indirect=True)
def test_a_process_ends_with_its_worker(holding: Holding) -> None:
    """The crawl process ends when its worker is stopped or killed; a worker that was stopped
    abandons the shard."""
    crawl = holding.elsewhere.crawl()
    worker = psutil.Process(holding.elsewhere.process.pid)
    worker.suspend()
    end = time.monotonic() + SILENCE
    until(lambda: is_over(crawl) and time.monotonic() > end, "its end")
    worker.resume()
    assert isinstance(holding.elsewhere.outcome.recv(), Abandoned)
    holding.elsewhere = Elsewhere(holding.shard.task())
    crawl = holding.elsewhere.crawl()
    holding.elsewhere.process.kill()
    until(lambda: is_over(crawl), "its end")


def test_a_worker_without_scheduler_gives_up(tmp_path: Path, server: Server) -> None:
    """Another worker may have its shard, so it abandons the shard and sends no request."""
    shard = Shard(tmp_path, [server.url("/image/a")])
    with pytest.raises(Abandoned):
        fetch_shard(shard.task(), ignored, lambda: False)
    assert not server.hits


def test_a_job_that_was_given_up(tmp_path: Path, server: Server) -> None:
    """An attempt at a discarded job ends and writes nothing into the job folder."""
    shard = Shard(tmp_path, [server.url("/image/done"), server.url("/held/x")])
    with ThreadPoolExecutor(1) as thread:
        attempt = thread.submit(fetch_shard, shard.task(), ignored, lambda: True)
        until(lambda: server.under_way["all"], "a request")
        JobFolder(str(tmp_path / "job"), {}).remove()
        with pytest.raises(Abandoned, match="its job no longer exists"):
            attempt.result()
    assert {path.name for path in tmp_path.iterdir()} == {"images"}
    assert {path.suffix for path in shard.store.iterdir()} <= {".jpg"}


def test_told_once_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process gets one signal for any number of calls of `stop`, even while it is starting: a
    second signal would end it at once."""
    signals = []

    class Process(Fork):
        def send_signal(self, number: int) -> None:
            if number == signal.SIGTERM:
                signals.append(self.pid)
            else:
                super().send_signal(number)

    class Told(Crawl):
        """A crawl that is stopped as soon as its process exists."""

        def __setattr__(self, name: str, value: object) -> None:
            super().__setattr__(name, value)
            if isinstance(value, Process) and name == "_process":
                self.stop()

    monkeypatch.setattr(fork_client, "Fork", Process)
    crawl = Told([], 60, tmp_path)
    assert crawl.run(tmp_path / "list", tmp_path / "report", lambda: None) == 2
    crawl.stop()
    assert len(signals) == 1


def test_stopped_as_it_begins(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`stop` reaches an attempt that is just starting."""
    shard = Shard(tmp_path, [server.url("/image/a")])

    def stopped_here(*_: object) -> None:
        stopped.add("job")
        stop("job")

    monkeypatch.setattr(JobFolder, "outcome", stopped_here)
    try:
        assert fetch_shard(shard.task(), ignored, lambda: True) is None
    finally:
        stopped.clear()
    assert not server.hits


def test_stopped_in_order(tmp_path: Path, server: Server) -> None:
    """Downloads in flight are finished and counted; no line is requested twice; the note records
    no death."""
    urls = [server.url(f"/held/{n}") for n in range(2)] + [server.url("/image/a")]
    shard = Shard(tmp_path, urls)
    task = shard.task("CONCURRENT_REQUESTS=2")
    with ThreadPoolExecutor(1) as thread:
        told: list[dict[str, int]] = []
        attempt = thread.submit(fetch_shard, task, told.append, lambda: True)
        until(lambda: server.under_way["all"] == 2, "two requests")
        (begun,) = running["job"]
        stop("job")
        log = begun.scratch / "log"
        until(lambda: "SIGTERM" in log.read_text("utf-8", "replace"), "the signal")
        server.gate.set()
        assert attempt.result() is None
    assert told[-1] == {"shard": 7, "done": 2, "kept": 2}
    assert shard.codes() == {1000: "200", 2000: "200"}
    note = shard.job.note(7, shard.report.stem)
    assert note["suspects"]["deaths"] == 0
    stopped.add("job")
    assert fetch_shard(task, ignored, lambda: True) is None
    stopped.clear()
    assert fetch_shard(task, ignored, lambda: True) == {"shard": 7, "done": 3, "kept": 3}
    for attempt_name in shard.job.attempts(7):
        fencing.remove_fence(shard.partial_of(attempt_name))
    shard.check()
    assert set(server.hits.values()) == {1}
