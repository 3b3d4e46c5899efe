"""``python -m MODULE`` in forks of a process that has everything imported, which saves a second
of CPU time each.

A fork runs the same module with the same arguments, environment and folder, and ends by itself.
What Python does before it runs a module is not repeated: a test of imports, of variables that
Python itself reads or of memory needs a new process.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from runpy import run_module
from typing import Any, BinaryIO

ROOT = Path(__file__).parent.parent.parent


def run(
    words: Sequence[str],
    *,
    env: Mapping[str, str],
    stdin: bytes = b"",
    cwd: Path = ROOT,
    timeout: float = 300,
) -> subprocess.CompletedProcess[str]:
    """Do what ``subprocess.run`` does with ``python -m`` and *words*, capturing text.

    *stdin*: what comes through a pipe, no more than it holds.

    :raises subprocess.TimeoutExpired: if the fork has not ended after *timeout* seconds; it is
        killed
    """
    order = json.dumps([*words, str(cwd), dict(env)]).encode() + b"\n"
    server = _server()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        its_stdin, pipe = os.pipe()
        os.set_blocking(pipe, False)
        assert os.write(pipe, stdin) == len(stdin)
        os.close(pipe)
        sent = socket.send_fds(server, [order], [its_stdin, out.fileno(), err.fileno()])
        os.close(its_stdin)
        server.sendall(order[sent:])
        pid = _number(server)
        if not select.select([server], [], [], timeout)[0]:
            os.kill(pid, signal.SIGKILL)
            _number(server)
            raise subprocess.TimeoutExpired(list(words), timeout, _text(out), _text(err))
        return subprocess.CompletedProcess(list(words), _number(server), _text(out), _text(err))


def _text(file: BinaryIO) -> Any:
    file.seek(0)
    return file.read().decode()


def _number(server: socket.socket) -> int:
    """Return the number on the next line that the server sends."""
    line = b""
    while not line.endswith(b"\n"):
        if not (more := server.recv(1)):
            raise RuntimeError("the server of forks has ended")
        line += more
    return int(line)


@cache
def _server() -> socket.socket:
    """Start this process's server; it ends with this process."""
    ours, its = socket.socketpair()
    with its:
        subprocess.Popen(
            [sys.executable, "-m", "tests.support.forks"],
            cwd=ROOT,
            stdin=its.fileno(),
            stdout=subprocess.DEVNULL,
        )
    return ours


def _serve(orders: socket.socket) -> list[Any] | None:
    """Fork for each order, one after the other; return the order in the fork, None at the end."""
    while True:
        message, descriptors, _, _ = socket.recv_fds(orders, 2**16, 3)
        while message and not message.endswith(b"\n"):
            message += orders.recv(2**16)
        if not message:
            return None
        if not (pid := os.fork()):
            for number, descriptor in enumerate(descriptors):
                os.dup2(descriptor, number)
            os.closerange(3, max(descriptors) + 1)
            orders.detach()
            order: list[Any] = json.loads(message)
            return order
        for descriptor in descriptors:
            os.close(descriptor)
        orders.sendall(f"{pid}\n".encode())
        _, status = os.waitpid(pid, 0)
        orders.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())


def _main() -> None:
    from imagefetch.fleet.worker.fork_server import preload

    orders = socket.socket(fileno=os.dup(0))
    preload()
    gc.collect()
    gc.freeze()
    if order := _serve(orders):
        *words, folder, environment = order
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        paths = environment.get("PYTHONPATH", "").split(os.pathsep)
        sys.path[:1] = [folder, *filter(None, paths)]
        sys.argv[:] = words
        run_module(words[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _main()
