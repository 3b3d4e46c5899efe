"""``python -m imagefetch.fleet.worker.fork_server``: forks processes that have everything loaded.

Python with all that a crawl imports takes a second of a core to start, a fork of a process
that has it a tenth. Orders come by a socket, from
`imagefetch.fleet.worker.fork_client`; of each process its id is told, and how it ended.
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
from imagefetch.fleet.worker import child
from imagefetch.fleet.worker.task import Order

IDLE = 10.0
"""Seconds without a process and an order, after which this one ends: the next shall find the
project's files as they are then."""

MESSAGE_MAX = 2**16  # bytes received at once


def preload() -> None:
    """Import what a crawl does, but for the project's settings, which may change meanwhile,
    and a reactor, which doesn't outlive a fork."""
    for _ in walk_modules_iter("scrapy.commands"):
        pass
    for entry_point in entry_points(group="scrapy.commands"):
        entry_point.load()
    for module in walk_packages(imagefetch.__path__, "imagefetch."):
        # What of the fleet a process of it needs, the command has imported.
        if not module.name.startswith(("imagefetch.settings", "imagefetch.fleet.")):
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
    """Fork for each order, and return it in the new process; None in this one, once the other
    side is gone or had no order for `IDLE` seconds."""
    ended, signalled = os.pipe()
    os.set_blocking(signalled, False)
    signal.set_wakeup_fd(signalled, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    told: dict[int, int] = {}
    sources = [orders.fileno(), ended]
    while ready := select.select(sources, [], [], None if told else IDLE)[0]:
        if ended in ready:
            os.read(ended, MESSAGE_MAX)
            tell_of_the_dead(told)
        if orders.fileno() in ready:
            message, descriptors = receive(orders)
            if not message:
                return None
            order = Order(**json.loads(message))
            if (process := os.fork()) == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for each in (ended, signalled, orders.detach(), *told.values()):
                    os.close(each)
                settle(order, *descriptors)
                return order
            entrance, output, told[process] = descriptors
            os.close(entrance)
            os.close(output)
            tell(told[process], process)
    return None


def receive(orders: socket.socket) -> tuple[bytes, list[int]]:
    """Return an order, as `Order.encode` made it, and its descriptors; nothing at the end."""
    message, descriptors, _, _ = socket.recv_fds(orders, MESSAGE_MAX, 3)
    while message and not message.endswith(b"\n"):
        more = orders.recv(MESSAGE_MAX)
        if not more:
            return b"", []
        message += more
    return message, descriptors


def tell_of_the_dead(told: dict[int, int]) -> None:
    """Tell how those ended that did."""
    for process in list(told):
        if (found := os.waitpid(process, os.WNOHANG))[0]:
            pipe = told.pop(process)
            tell(pipe, os.waitstatus_to_exitcode(found[1]))
            os.close(pipe)


def tell(pipe: int, number: int) -> None:
    with suppress(BrokenPipeError):  # nobody wants to know any more
        os.write(pipe, f"{number}\n".encode())


def settle(order: Order, entrance: int, output: int, pipe: int) -> None:
    """Make this process the one that *order* wants, in a process group of its own: a terminal's
    Ctrl-C is not for it."""
    os.setpgid(0, 0)
    os.close(pipe)
    for number, descriptor in enumerate((entrance, output, output)):
        os.dup2(descriptor, number)
    os.close(entrance)
    os.close(output)
    os.chdir(order.folder)
    os.environ.clear()
    os.environ.update(order.environment)


def main() -> NoReturn:
    """Be the fork server, with the socket as standard input; or, later, one of its processes."""
    with socket.socket(fileno=os.dup(0)) as orders:
        preload()
        gc.collect()
        gc.freeze()  # or the collector would copy all of it into each process
        wanted = serve(orders)
    if wanted is not None:
        child.run(wanted.words, wanted.silence)
    raise SystemExit(0)


if __name__ == "__main__":
    main()
