"""Measures one run of one program: its time, processor time and memory, with its children.

*Wall* is the time from the start of its process to its end. *User* and *system* are processor
seconds as returned by `os.wait4`: of the process and of all children that it waited for. *Peak*
is read from /proc ten times a second: of a single process the peak of its resident memory
(``VmHWM``), of several the sum of their proportional shares (``Pss``), so that shared pages count
once. Without /proc, it is ``ru_maxrss`` of the largest process. nginx is not included.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
INTERVAL = 0.1  # seconds between two readings of memory


@dataclass(frozen=True)
class Usage:
    """Resources that a run took."""

    wall: float
    """Seconds."""
    user: float
    """Processor seconds."""
    system: float
    """Processor seconds."""
    peak: float
    """Bytes."""

    @property
    def cpu(self) -> float:
        return self.user + self.system


class Failed(Exception):
    """The run did not do its work; its time does not count."""


def run(
    command: Sequence[str],
    folder: Path,
    env: Mapping[str, str],
    limit: float,
    *,
    watch_memory: bool = True,
) -> Usage:
    """Run *command* in *folder* for at most *limit* seconds.

    Watching the memory of five processes takes a twentieth of a core, which slows down programs
    that use all cores. Without it, the peak is that of the largest process.

    :raises Failed: if the exit status is not 0
    """
    log = folder / "output.log"
    with log.open("wb") as output:
        begin = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, env=env, stdout=output, stderr=output, start_new_session=True
        )
        memory = _Memory(process.pid) if watch_memory else None
        timer = threading.Timer(limit, os.killpg, (process.pid, 9))
        timer.start()
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begin
        timer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        peak = memory.stop() if memory else 0
    if process.returncode:
        last = log.read_text(errors="replace").strip().splitlines()[-1:]
        raise Failed(f"exit status {process.returncode}: {''.join(last)}")
    unit = 1 if sys.platform == "darwin" else 1024
    return Usage(wall, used.ru_utime, used.ru_stime, peak or used.ru_maxrss * unit)


class _Memory:
    """Watches the memory of a process and its descendants, in a thread."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.peak = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> int:
        """Return the peak in bytes; 0 if it is unknown."""
        self._ended.set()
        self._thread.join()
        return self.peak

    def _watch(self) -> None:
        while not self._ended.wait(INTERVAL):
            family = list(_family(self.pid))
            if family == [self.pid]:
                now = _field(PROC / str(self.pid) / "status", "VmHWM:")
            else:
                now = sum(_field(PROC / str(pid) / "smaps_rollup", "Pss:") for pid in family)
            self.peak = max(self.peak, now)


def _family(pid: int) -> Iterator[int]:
    yield pid
    for children in (PROC / str(pid) / "task").glob("*/children"):
        try:
            pids = children.read_text().split()
        except OSError:  # it has just ended
            continue
        for child in pids:
            yield from _family(int(child))


def _field(path: Path, name: str) -> int:
    """Return a field of *path*, which is in KiB, in bytes; 0 if the process has ended."""
    try:
        for line in path.read_text().splitlines():
            if line.startswith(name):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0
