"""Runs ``scrapy crawl images`` in a subprocess that ends with this process
(`imagefetch.fleet.worker.crawl_process`)."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from subprocess import TimeoutExpired
from threading import Lock

import psutil

from imagefetch.fleet.worker.fork_client import Fork, fork_server
from imagefetch.fleet.worker.task import Order
from imagefetch.stats.kind_log import SUFFIX

POLL = 0.5  # seconds between two polls of the process; each sends it a heartbeat

FINISHED = 0


class Crawl:
    """Fetches lists, one after the other, within the folder *scratch*.

    *assignments* are the ``NAME=VALUE`` arguments of ``-s``. *owner* is the report of the whole
    job, which owns the images. A process ends after *heartbeat_timeout* seconds without a
    heartbeat from this one, and is killed after it was stopped (SIGSTOP) for that long.
    """

    def __init__(
        self, assignments: Sequence[str], heartbeat_timeout: float, scratch: Path, owner: str = ""
    ) -> None:
        self.assignments = assignments
        self.owner = owner
        self.heartbeat_timeout = heartbeat_timeout
        self.scratch = scratch
        self.stopping = False
        self._process: Fork | None = None
        self._signalled: Fork | None = None
        """The process that was sent SIGTERM."""
        self._signal_lock = Lock()

    def run(self, lines: Path, report: Path, on_poll: Callable[[], None]) -> int:
        """Fetch the list *lines*; return the process's exit status, negative for a signal.

        *on_poll* is called every `POLL` seconds; if it raises, the process is killed.
        """
        command = ["crawl", "images", "-a", f"urls={lines}", "-a", f"report={report}"]
        command += ["-a", f"_kinds={report.with_suffix(SUFFIX)}"]
        if self.owner:
            command += ["-a", f"_owner={self.owner}"]
        for setting in self.assignments:
            command += ["-s", setting]
        environment = {"SCRAPY_SETTINGS_MODULE": "imagefetch.settings", **os.environ}
        order = Order(command, self.heartbeat_timeout, str(self.scratch), environment)
        with (self.scratch / "log").open("wb") as log:
            process = fork_server.fork(order, log.fileno())
        with closing(process):
            self._process = process
            if self.stopping:
                self._terminate()
            return self._wait(process, on_poll)

    def stop(self) -> None:
        """Shut down gracefully: finish the downloads in flight, start no others.

        May be called from any thread and more than once, by each worker of this process.
        """
        self.stopping = True
        self._terminate()

    def _terminate(self) -> None:
        """Send the process SIGTERM, only once: a second one would end it at once."""
        with self._signal_lock:
            if (process := self._process) is not None and process is not self._signalled:
                self._signalled = process
                process.send_signal(signal.SIGTERM)

    def last_output_line(self) -> str:
        """Return the last line of the last process's output."""
        output = (self.scratch / "log").read_text("utf-8", "replace").strip().splitlines()
        return output[-1].removeprefix("imagefetch: ") if output else ""

    def _wait(self, process: Fork, on_poll: Callable[[], None]) -> int:
        stopped = 0.0
        while True:
            with suppress(TimeoutExpired):
                return process.wait(POLL)
            process.send_heartbeat()
            on_poll()
            stopped = stopped + POLL if _is_stopped(process.pid) else 0.0
            if stopped > self.heartbeat_timeout:
                process.send_signal(signal.SIGKILL)


def _is_stopped(pid: int) -> bool:
    """Whether a process is stopped, as by SIGSTOP."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_STOPPED)
    except psutil.Error:
        return False
