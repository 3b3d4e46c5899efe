"""Runs ``scrapy crawl images`` in a subprocess that ends with this process
(`imagefetch.fleet.worker.child`)."""

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

POLL = 0.5  # seconds between two polls of the process; each sends it a heartbeat

FINISHED = 0


class Crawl:
    """Fetches lists, one after the other, within the folder *scratch*.

    *words* are the ``NAME=VALUE`` arguments of ``-s``. *owner* is the report of the whole job,
    which owns the images. A process ends after *silence* seconds without a heartbeat from this
    one, and is killed after it was stopped (SIGSTOP) for *silence* seconds.
    """

    def __init__(
        self, words: Sequence[str], silence: float, scratch: Path, owner: str = ""
    ) -> None:
        self.words = words
        self.owner = owner
        self.silence = silence
        self.scratch = scratch
        self.stopping = False
        self._process: Fork | None = None
        self._signalled: Fork | None = None
        """The process that was sent SIGTERM."""
        self._signal_lock = Lock()

    def run(self, lines: Path, report: Path, look: Callable[[], None]) -> int:
        """Fetch the list *lines*; return the process's exit status, negative for a signal.

        *look* is called every `POLL` seconds; if it raises, the process is killed.
        """
        command = ["crawl", "images", "-a", f"urls={lines}", "-a", f"report={report}"]
        if self.owner:
            command += ["-a", f"_owner={self.owner}"]
        for setting in self.words:
            command += ["-s", setting]
        environment = {"SCRAPY_SETTINGS_MODULE": "imagefetch.settings", **os.environ}
        order = Order(command, self.silence, str(self.scratch), environment)
        with (self.scratch / "log").open("wb") as log:
            process = fork_server.fork(order, log.fileno())
        with closing(process):
            self._process = process
            if self.stopping:
                self._terminate()
            return self._wait(process, look)

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

    def last_words(self) -> str:
        """Return the last line of the last process's output."""
        output = (self.scratch / "log").read_text("utf-8", "replace").strip().splitlines()
        return output[-1].removeprefix("imagefetch: ") if output else ""

    def _wait(self, process: Fork, look: Callable[[], None]) -> int:
        stopped = 0.0
        while True:
            with suppress(TimeoutExpired):
                return process.wait(POLL)
            process.give_sign_of_life()
            look()
            stopped = stopped + POLL if _is_stopped(process.pid) else 0.0
            if stopped > self.silence:
                process.send_signal(signal.SIGKILL)


def _is_stopped(pid: int) -> bool:
    """Whether a process is stopped, as by SIGSTOP."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_STOPPED)
    except psutil.Error:
        return False
