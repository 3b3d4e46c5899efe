"""``scrapy crawl images`` in a process of its own, tied to this one (`imagefetch.fleet.child`)."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock

import psutil

import imagefetch

POLL = 0.5  # seconds between two looks at the process, of which each is a sign of life to it

FINISHED = 0


class Crawl:
    """Fetches lists, one after the other, within the folder *scratch*.

    *words* are ``NAME=VALUE`` of ``-s``; after *silence* seconds without a sign of life
    from here a process ends, and one that is stopped for so long is killed.
    """

    def __init__(self, words: Sequence[str], silence: float, scratch: Path) -> None:
        self.words = words
        self.silence = silence
        self.scratch = scratch
        self.stopping = False
        self._process: subprocess.Popen[bytes] | None = None
        self._told: subprocess.Popen[bytes] | None = None
        """The process that was told to end."""
        self._telling = Lock()

    def run(self, lines: Path, report: Path, look: Callable[[], None]) -> int:
        """Let *lines* be fetched; return the process's exit status, negative for a signal.

        *look* is called every `POLL` seconds; if it raises, the process is killed.
        """
        command = [sys.executable, "-m", "imagefetch.fleet.child", str(self.silence)]
        command += ["crawl", "images", "-a", f"urls={lines}", "-a", f"report={report}"]
        for word in self.words:
            command += ["-s", word]
        root = str(Path(imagefetch.__file__).parent.parent)
        path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
        env = {"SCRAPY_SETTINGS_MODULE": "imagefetch.settings", **os.environ, "PYTHONPATH": path}
        with (self.scratch / "log").open("wb") as log:
            process = self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=self.scratch,
                env=env,
                process_group=0,  # a terminal's Ctrl-C is not for it: it is told by `stop`
            )
            try:
                if self.stopping:
                    self._tell()
                return self._wait(process, look)
            finally:
                process.kill()
                process.communicate()

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
                process.terminate()

    def last_words(self) -> str:
        """Return what the last process said last."""
        said = (self.scratch / "log").read_text("utf-8", "replace").strip().splitlines()
        return said[-1].removeprefix("imagefetch: ") if said else ""

    def _wait(self, process: subprocess.Popen[bytes], look: Callable[[], None]) -> int:
        stopped = 0.0
        while True:
            with suppress(subprocess.TimeoutExpired):
                return process.wait(POLL)
            assert process.stdin is not None
            with suppress(BrokenPipeError):
                process.stdin.write(b".")
                process.stdin.flush()
            look()
            stopped = stopped + POLL if _is_stopped(process.pid) else 0.0
            if stopped > self.silence:
                process.kill()


def _is_stopped(pid: int) -> bool:
    """Whether a process was stopped, as by SIGSTOP."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_STOPPED)
    except psutil.Error:
        return False
