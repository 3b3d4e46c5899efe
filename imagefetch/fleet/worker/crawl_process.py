"""Runs Scrapy in a process that ends with its worker.

The worker sends heartbeats to this process's standard input. When the input ends, or no
heartbeat comes for a number of seconds, the worker is dead or believed to be: this process
exits at once, so that no other process fetches the same lines at the same time. The rows
that it has written stay valid.
"""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Sequence

from scrapy.cmdline import execute

ORPHANED = 5
"""Exit status of a process whose worker has died."""


def watch(descriptor: int, limit: float) -> None:
    """Return once *descriptor* is at its end, or had no data for *limit* seconds."""
    last = time.monotonic()
    while select.select([descriptor], [], [], limit)[0]:
        # After a stop (SIGSTOP) of this process there may be old data, so check the clock too.
        if not os.read(descriptor, 65_536) or time.monotonic() - last > limit:
            return
        last = time.monotonic()


def end_with_worker(limit: float) -> None:
    """End this process once `watch` returns."""
    watch(0, limit)
    os._exit(ORPHANED)


def run(arguments: Sequence[str], heartbeat_timeout: float) -> None:
    """Run ``scrapy`` with the command-line arguments *arguments*; never returns.

    The process ends at the latest *heartbeat_timeout* seconds after the last heartbeat.
    """
    threading.Thread(target=end_with_worker, args=(heartbeat_timeout,), daemon=True).start()
    execute(["scrapy", *arguments])
