"""Forks processes that have everything preloaded.

Run as ``python -m imagefetch.fleet.worker.fork_server``. Starting Python and importing
everything for a crawl takes a second of CPU time; forking a preloaded process takes a tenth.
Orders come through a socket from `imagefetch.fleet.worker.fork_client`; the id and the exit
status of each process are sent back.

The forkserver of `multiprocessing`, with the same preload, is as quick (2.4 s to the end of the
first shard of one line, 0.2 to 0.35 s for each later one) and as large (90 MB), but:

- the worker processes of ``dask worker`` are daemonic, and "daemonic processes are not allowed
  to have children";
- if the server is killed, its processes run on, and their exit status is reported as 255;
- it never ends while the worker runs, so processes would run old code after an update;
- its socket is in the folder for temporary files, whose path may be too long for AF_UNIX, and
  stays there if the worker is killed.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
from contextlib import suppress
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import walk_packages
from typing import NoReturn

from scrapy.settings import default_settings
from scrapy.utils.misc import load_object, walk_modules_iter

import imagefetch
from imagefetch.fleet.worker import crawl_process
from imagefetch.fleet.worker.task import Order

IDLE = 10.0
"""Seconds without a running process and an order after which the server ends, so that the next
one imports the project's files as they are by then."""

MESSAGE_MAX = 2**16  # bytes received at once


NOT_PRELOADED = (
    "imagefetch.settings",
    "imagefetch.cli",
    "imagefetch.__main__",
    "imagefetch.fleet.",
)
"""Beginnings of the names of modules that a fork imports itself."""


def preload() -> None:
    """Import what a crawl imports, except the project's settings, which may change until the
    fork, and the reactor, which doesn't survive a fork."""
    for _ in walk_modules_iter("scrapy.commands"):
        pass
    for entry_point in entry_points(group="scrapy.commands"):
        entry_point.load()
    for module in walk_packages(imagefetch.__path__, "imagefetch."):
        # The command has imported those modules of the fleet that a crawl process needs.
        # The settings of a folder (`imagefetch.cli`) may change as those of the project.
        if not module.name.startswith(NOT_PRELOADED):
            import_module(module.name)
    for components in (
        default_settings.EXTENSIONS_BASE,
        default_settings.DOWNLOADER_MIDDLEWARES_BASE,
        default_settings.SPIDER_MIDDLEWARES_BASE,
    ):
        for component in components:
            load_object(component)
    for name in ("scrapy.crawler", "scrapy.core.downloader.contextfactory"):
        import_module(name)


def serve(orders: socket.socket) -> Order | None:
    """Fork for each order.

    Returns the order in the forked process. Returns None in the server once the other side has
    closed the socket or sent no order for `IDLE` seconds.
    """
    ended, signalled = os.pipe()
    os.set_blocking(signalled, False)
    signal.set_wakeup_fd(signalled, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    status_pipes: dict[int, int] = {}  # by process id
    sources = [orders.fileno(), ended]
    while ready := select.select(sources, [], [], None if status_pipes else IDLE)[0]:
        if ended in ready:
            os.read(ended, MESSAGE_MAX)
            report_ended(status_pipes)
        if orders.fileno() in ready:
            message, descriptors = receive(orders)
            if not message:
                return None
            order = Order(**json.loads(message))
            if (process := os.fork()) == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for each in (ended, signalled, orders.detach(), *status_pipes.values()):
                    os.close(each)
                set_up_process(order, *descriptors)
                return order
            stdin, output, status_pipes[process] = descriptors
            os.close(stdin)
            os.close(output)
            send_number(status_pipes[process], process)
    return None


def receive(orders: socket.socket) -> tuple[bytes, list[int]]:
    """Return an order as encoded by `Order.encode`, and its descriptors; ``b""`` at the end."""
    message, descriptors, _, _ = socket.recv_fds(orders, MESSAGE_MAX, 3)
    while message and not message.endswith(b"\n"):
        more = orders.recv(MESSAGE_MAX)
        if not more:
            return b"", []
        message += more
    return message, descriptors


def report_ended(status_pipes: dict[int, int]) -> None:
    """Reap the processes that have ended, and send their exit statuses."""
    for process in list(status_pipes):
        if (ended := os.waitpid(process, os.WNOHANG))[0]:
            pipe = status_pipes.pop(process)
            send_number(pipe, os.waitstatus_to_exitcode(ended[1]))
            os.close(pipe)


def send_number(pipe: int, number: int) -> None:
    """Send *number*, a process id or an exit status, through *pipe*."""
    with suppress(BrokenPipeError):  # the client has closed its end
        os.write(pipe, f"{number}\n".encode())


def set_up_process(order: Order, stdin: int, output: int, pipe: int) -> None:
    """Set up the forked process as *order* says, in its own process group, which a terminal's
    Ctrl-C doesn't reach."""
    os.setpgid(0, 0)
    os.close(pipe)
    for number, descriptor in enumerate((stdin, output, output)):
        os.dup2(descriptor, number)
    os.close(stdin)
    os.close(output)
    os.chdir(order.folder)
    os.environ.clear()
    os.environ.update(order.environment)


def main() -> NoReturn:
    """Run the fork server, with the socket as standard input; in a forked process, run Scrapy."""
    with socket.socket(fileno=os.dup(0)) as orders:
        preload()
        gc.collect()
        gc.freeze()  # or the collector would write to, and so copy, these pages in each process
        order = serve(orders)
    if order is not None:
        crawl_process.run(order.arguments, order.heartbeat_timeout)
    raise SystemExit(0)


if __name__ == "__main__":
    main()
