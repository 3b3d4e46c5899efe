"""Processes that are forked from one that has everything loaded
(`imagefetch.fleet.worker.fork_server`).

This process has one fork server, begun when it is needed first, or again.
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
"""Seconds for the fork server to load everything and to fork, after which another is begun."""


class Fork:
    """A process; *entrance* leads to its standard input, *told* is what is told of it."""

    def __init__(self, entrance: int, told: int) -> None:
        self._entrance = entrance
        self._told = open(told, "rb", buffering=0)
        self.pid = 0
        self.returncode: int | None = None

    def has_begun(self) -> bool:
        """Whether it has, which may take `BEGIN_MAX` seconds."""
        if select.select([self._told], [], [], BEGIN_MAX)[0]:
            self.pid = int(self._told.readline() or 0)
        return self.pid > 0

    def wait(self, timeout: float | None = None) -> int:
        """Return its exit status, negative for a signal, as `subprocess` does.

        :raises subprocess.TimeoutExpired: if it doesn't end within so many seconds
        """
        if self.returncode is None:
            if timeout is not None and not select.select([self._told], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
            if told := self._told.readline():
                self.returncode = int(told)
            else:  # the fork server was killed, and nobody else knows
                self.send_signal(signal.SIGKILL)
                self.returncode = -signal.SIGKILL
        return self.returncode

    def give_sign_of_life(self) -> None:
        with suppress(BrokenPipeError):
            os.write(self._entrance, b".")

    def send_signal(self, number: int) -> None:
        """Do nothing once it is known to have ended."""
        if self.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def close(self) -> None:
        """Kill it if it has not ended, and return once it is dead."""
        if self.pid and self.returncode is None:
            self.send_signal(signal.SIGKILL)
            self.wait()
        os.close(self._entrance)
        self._told.close()


class ForkServer:
    """This process's, begun when it is needed first, or again."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._pid = 0
        self._orders: socket.socket | None = None

    def begin(self) -> None:
        """Begin it before it is needed, as a fork of this process, which has no other thread yet:
        what is loaded here needs not be loaded again. This process's settings are its as well.

        :raises OSError: if the system gives no more processes or descriptors
        """
        with self._lock:
            self._begin(_forked)

    def fork(self, order: Order, output: int) -> Fork:
        """Begin a process that writes into the file of the descriptor *output*.

        :raises OSError: if the system gives no more processes or descriptors
        """
        with self._lock:
            for _ in range(2):  # it may be just ending
                if self._orders is None:
                    self._begin(_spawned)
                if fork := self._send(order, output):
                    return fork
                self._end()
        raise OSError("no process could be begun")

    def _begin(self, make: Callable[[socket.socket, socket.socket], int]) -> None:
        self._end()
        ours, its = socket.socketpair()
        with its:
            self._pid = make(ours, its)
        self._orders = ours

    def end(self) -> None:
        """End it, and leave the processes that it made to themselves."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        if self._orders is not None:
            self._orders.close()
            self._orders = None
            # Whoever began this process may have let it ignore SIGCHLD: then the dead are gone.
            with suppress(ProcessLookupError, ChildProcessError):
                os.kill(self._pid, signal.SIGKILL)
                os.waitpid(self._pid, 0)

    def _send(self, order: Order, output: int) -> Fork | None:
        """Return what becomes of *order*; None if the fork server is no more."""
        assert self._orders is not None
        its_input, entrance = os.pipe()
        told, its_told = os.pipe()
        fork = Fork(entrance, told)
        message = order.encode()
        with suppress(OSError):
            sent = socket.send_fds(self._orders, [message], [its_input, output, its_told])
            self._orders.sendall(message[sent:])
        os.close(its_input)
        os.close(its_told)
        if fork.has_begun():
            return fork
        fork.close()
        return None


def _forked(ours: socket.socket, its: socket.socket) -> int:
    """Make a fork server of a fork of this process; return its id."""
    sys.stdout.flush()
    sys.stderr.flush()
    if not (process := os.fork()):
        ours.close()
        os.setpgid(0, 0)  # a terminal's Ctrl-C is not for it
        with open(os.devnull, "wb") as nothing:
            for number, to in enumerate((its.fileno(), nothing.fileno(), nothing.fileno())):
                os.dup2(to, number)
        its.close()
        try:
            from imagefetch.fleet.worker.fork_server import main

            main()
        except Exception:  # none of whoever called this process for something else
            traceback.print_exc()
            raise SystemExit(1) from None
    return process


def _spawned(_: socket.socket, its: socket.socket) -> int:
    """Make a fork server out of nothing; return its id."""
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
        setpgroup=0,  # as above
    )


fork_server = ForkServer()
"""That of this process."""
