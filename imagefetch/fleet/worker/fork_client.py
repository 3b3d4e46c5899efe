"""Starts processes by forking a preloaded server process
(`imagefetch.fleet.worker.fork_server`).

This process has one fork server, started on first use and restarted if it has ended.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Lock

import imagefetch
from imagefetch.fleet.worker.task import Order

BEGIN_MAX = 60.0
"""Seconds for the fork server to preload and fork, after which another one is started."""


class Fork:
    """A forked process.

    *stdin* is the descriptor that writes to its standard input, *status* the one from which its
    id and later its exit status are read.
    """

    def __init__(self, stdin: int, status: int) -> None:
        self._stdin = stdin
        self._status = open(status, "rb", buffering=0)
        self.pid = 0
        self.returncode: int | None = None

    def has_begun(self) -> bool:
        """Return whether the process has started; waits for up to `BEGIN_MAX` seconds."""
        if select.select([self._status], [], [], BEGIN_MAX)[0]:
            self.pid = int(self._status.readline() or 0)
        return self.pid > 0

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit status, negative for a signal, as `subprocess` does.

        :raises subprocess.TimeoutExpired: if the process doesn't end within *timeout* seconds
        """
        if self.returncode is None:
            if timeout is not None and not select.select([self._status], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
            if status := self._status.readline():
                self.returncode = int(status)
            else:  # the fork server was killed, so the exit status will never be known
                self.send_signal(signal.SIGKILL)
                self.returncode = -signal.SIGKILL
        return self.returncode

    def send_heartbeat(self) -> None:
        """Send the process a heartbeat."""
        with suppress(BrokenPipeError):
            os.write(self._stdin, b".")

    def send_signal(self, number: int) -> None:
        """Send the signal *number*; do nothing once the process is known to have ended."""
        if self.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def close(self) -> None:
        """Kill the process if it has not ended, and return once it is dead."""
        if self.pid and self.returncode is None:
            self.send_signal(signal.SIGKILL)
            self.wait()
        os.close(self._stdin)
        self._status.close()


class ForkServer:
    """The fork server of this process, started on first use and restarted if it has ended."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._pid = 0
        self._orders: socket.socket | None = None

    def begin(self) -> None:
        """Start the server early, as a fork of this process, which must have no other thread yet.

        Modules that are imported here need not be imported again. The server inherits this
        process's settings.

        :raises OSError: if the system limit of processes or descriptors is reached
        """
        with self._lock:
            self._begin(_forked)

    def fork(self, order: Order, output: int) -> Fork:
        """Start a process that writes its output to the descriptor *output*.

        :raises OSError: if the system limit of processes or descriptors is reached
        """
        with self._lock:
            for _ in range(2):  # the server may be ending at this moment
                if self._orders is None:
                    self._begin(_spawned)
                if fork := self._send(order, output):
                    return fork
                self._end()
        raise OSError("could not start a process")

    def _begin(self, start: Callable[[socket.socket, socket.socket], int]) -> None:
        self._end()
        ours, its = socket.socketpair()
        with its:
            self._pid = start(ours, its)
        self._orders = ours

    def end(self) -> None:
        """End the server, but not the processes that it has forked."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        if self._orders is not None:
            self._orders.close()
            self._orders = None
            # This process may have inherited an ignored SIGCHLD; then ended children are reaped.
            with suppress(ProcessLookupError, ChildProcessError):
                os.kill(self._pid, signal.SIGKILL)
                os.waitpid(self._pid, 0)

    def _send(self, order: Order, output: int) -> Fork | None:
        """Return the process started for *order*; None if the fork server has ended."""
        assert self._orders is not None
        its_stdin, stdin = os.pipe()
        status, its_status = os.pipe()
        fork = Fork(stdin, status)
        message = order.encode()
        with suppress(OSError):
            sent = socket.send_fds(self._orders, [message], [its_stdin, output, its_status])
            self._orders.sendall(message[sent:])
        os.close(its_stdin)
        os.close(its_status)
        if fork.has_begun():
            return fork
        fork.close()
        return None


def _forked(ours: socket.socket, its: socket.socket) -> int:
    """Start a fork server as a fork of this process; return its id."""
    sys.stdout.flush()
    sys.stderr.flush()
    if not (process := os.fork()):
        ours.close()
        os.setpgid(0, 0)  # not in the terminal's foreground group: Ctrl-C must not reach it
        with open(os.devnull, "wb") as null:
            for number, descriptor in enumerate((its.fileno(), null.fileno(), null.fileno())):
                os.dup2(descriptor, number)
        its.close()
        try:
            from imagefetch.fleet.worker.fork_server import main

            main()
        except Exception:  # must not reach the callers on the inherited stack
            traceback.print_exc()
            raise SystemExit(1) from None
    return process


def _spawned(_: socket.socket, its: socket.socket) -> int:
    """Start a fork server as a new Python process; return its id."""
    root = str(Path(imagefetch.__file__).parent.parent)
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    return os.posix_spawn(
        sys.executable,
        [sys.executable, "-m", "imagefetch.fleet.worker.fork_server"],
        {**os.environ, "PYTHONPATH": path},
        file_actions=[
            (os.POSIX_SPAWN_DUP2, its.fileno(), 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setpgroup=0,  # as in `_forked`
    )


fork_server = ForkServer()
"""The fork server of this process."""
