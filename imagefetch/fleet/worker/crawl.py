"""``scrapy crawl images`` in a process of its own, tied to this one
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

POLL = 0.5  # seconds between two looks at the process, of which each is a sign of life to it

FINISHED = 0


class Crawl:
    """Fetches lists, one after the other, within the folder *scratch*.

    *words* are ``NAME=VALUE`` of ``-s``, *owner* is the report of the whole job, which owns the
    pictures; after *silence* seconds without a sign of life from here a process ends, and one
    that is stopped for so long is killed.
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
        self._told: Fork | None = None
        """The process that was told to end."""
        self._telling = Lock()

    def run(self, lines: Path, report: Path, look: Callable[[], None]) -> int:
        """Let *lines* be fetched; return the process's exit status, negative for a signal.

        *look* is called every `POLL` seconds; if it raises, the process is killed.
        """
        command = ["crawl", "images", "-a", f"urls={lines}", "-a", f"report={report}"]
        if self.owner:
            command += ["-a", f"_owner={self.owner}"]
        for word in self.words:
            command += ["-s", word]
        environment = {"SCRAPY_SETTINGS_MODULE": "imagefetch.settings", **os.environ}
        order = Order(command, self.silence, str(self.scratch), environment)
        with (self.scratch / "log").open("wb") as log:
            process = fork_server.fork(order, log.fileno())
        with closing(process):
            self._process = process
            if self.stopping:
                self._tell()
            return self._wait(process, look)

    def stop(self) -> None:
        """End in order: downloads under way are finished, no others begun.

        May be called by any thread and again, by each worker of this process.
        """
        self.stopping = True
        self._tell()

    def _tell(self) -> None:
        """Send the process its signal once: a second would cut its end short."""
        with self._telling:
            if (process := self._process) is not None and process is not self._told:
                self._told = process
                process.send_signal(signal.SIGTERM)

    def last_words(self) -> str:
        """Return what the last process said last."""
        said = (self.scratch / "log").read_text("utf-8", "replace").strip().splitlines()
        return said[-1].removeprefix("imagefetch: ") if said else ""

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
    """Whether a process was stopped, as by SIGSTOP."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_STOPPED)
    except psutil.Error:
        return False
