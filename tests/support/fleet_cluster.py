"""A real Dask cluster on loopback: a scheduler and workers, each a process of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.conftest import ROOT, command, environment
from tests.support.until import PATIENCE, until

TTL = 5  # seconds without a sign of life until a worker is believed dead; Dask takes no less


def outside(scratch: Path) -> dict[str, str]:
    """Return an environment for all processes of a cluster, their scratch folders in *scratch*."""
    return {
        **environment(),
        "PYTHONPATH": str(ROOT),
        "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": f"{TTL}s",
        "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "5s",
        "TMPDIR": str(scratch),
    }


def fleet_command(folder: Path, settings: Mapping[str, object], *words: str) -> list[str]:
    """Return the command line of a fleet for ``urls.txt`` in *folder*."""
    crawl = command(folder, {"RETRY_DELAY": 0.05, "PROGRESS_INTERVAL": 1, **settings})
    return [*crawl[:3], "fleet", *crawl[5:], *words]


@dataclass
class Worker:
    """``dask worker``: a nanny, and a process that it starts anew when that dies."""

    process: subprocess.Popen[bytes]

    def tree(self) -> list[psutil.Process]:
        """Return the processes of Dask's, the nanny first; crawls are left out."""
        with suppress(psutil.Error):
            nanny = psutil.Process(self.process.pid)
            return [nanny, *(child for child in nanny.children() if not _is_tracker(child))]
        return []

    def crawls(self) -> list[psutil.Process]:
        """Return the processes that fetch."""
        return [crawl for process in self.tree()[1:] for crawl in crawls_of(process)]

    def send(self, number: int, *, nanny: bool = True, crawls: bool = False) -> list[int]:
        """Send a signal to worker, and, where wanted, *nanny* and *crawls*; return their ids."""
        processes = self.tree() if nanny else self.tree()[1:]
        processes += self.crawls() if crawls else []
        for process in processes:
            with suppress(psutil.Error):
                process.send_signal(number)
        return [process.pid for process in processes]

    def end(self) -> None:
        self.send(signal.SIGCONT)
        self.send(signal.SIGKILL, crawls=True)
        self.process.wait()


def crawls_of(process: psutil.Process) -> list[psutil.Process]:
    """Return the processes that fetch for *process*, made by its fork server."""
    found = []
    with suppress(psutil.Error):
        for server in process.children():
            with suppress(psutil.Error):
                found += server.children()
    return found


def _is_tracker(process: psutil.Process) -> bool:
    """Whether a process is multiprocessing's own."""
    try:
        return "resource_tracker" in " ".join(process.cmdline())
    except psutil.Error:
        return True


@dataclass
class Cluster:
    """A running scheduler and its workers."""

    folder: Path
    env: dict[str, str]
    address: str = ""
    workers: list[Worker] = field(default_factory=list)
    scheduler: subprocess.Popen[bytes] | None = None

    def start_scheduler(self) -> None:
        file = self.folder / "scheduler.json"
        file.unlink(missing_ok=True)
        port = self.address.rpartition(":")[2] or "0"
        words = ["scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard"]
        self.scheduler = self._dask("scheduler", *words, "--scheduler-file", str(file))

        def address() -> str:
            assert self.scheduler is not None
            assert self.scheduler.poll() is None, self.said("scheduler")
            with suppress(OSError, ValueError):
                return str(json.loads(file.read_text())["address"])
            return ""

        self.address = until(address, "a scheduler")

    def start_worker(self) -> Worker:
        words = ["worker", self.address, "--nthreads", "1", "--no-dashboard", "--host", "127.0.0.1"]
        words += ["--local-directory", str(self.folder), "--memory-limit", "0"]
        worker = Worker(self._dask("worker", *words))
        self.workers.append(worker)
        return worker

    def _dask(self, log: str, *words: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{log}.log").open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "dask", *words],
                cwd=self.folder,
                env=self.env,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def left(self) -> list[str]:
        """Return the processes that fetch, whoever's they are now."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if Path(process.cwd()).is_relative_to(self.folder / "scratch"):
                    found.append(" ".join(process.cmdline()))
        return found

    def said(self, log: str) -> str:
        """Return what the scheduler said, or all workers."""
        return (self.folder / f"{log}.log").read_text()

    def start_fleet(self, folder: Path, *words: str, **settings: object) -> subprocess.Popen[str]:
        """Start ``scrapy fleet`` on this cluster; what it says is appended to ``fleet.log``."""
        arguments = fleet_command(folder, settings, "--scheduler", self.address, *words)
        with (folder / "fleet.log").open("a") as log:
            return subprocess.Popen(
                arguments, cwd=ROOT, env=self.env, stdout=log, stderr=log, text=True
            )

    def run_fleet(self, folder: Path, *words: str, **settings: object) -> int:
        """Run it to its end; return its exit status."""
        return self.start_fleet(folder, *words, **settings).wait(PATIENCE)


@contextmanager
def cluster(folder: Path, workers: int) -> Iterator[Cluster]:
    """Run a scheduler and so many workers, their logs in *folder*."""
    folder.mkdir(parents=True, exist_ok=True)
    scratch = folder / "scratch"
    scratch.mkdir(exist_ok=True)
    made = Cluster(folder, outside(scratch))
    try:
        made.start_scheduler()
        for _ in range(workers):
            made.start_worker()
        yield made
    finally:
        for worker in made.workers:
            worker.end()
        if made.scheduler is not None:
            made.scheduler.kill()
            made.scheduler.wait()
