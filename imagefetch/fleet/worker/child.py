"""Scrapy, tied to its worker.

The worker writes to standard input now and then. When that ends, or nothing comes for
so many seconds, the worker is dead, or believed to be: this process ends at once, so
that no other fetches the same lines beside it. What it wrote stays good.
"""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Sequence

from scrapy.cmdline import execute

ORPHANED = 5
"""Exit status of a process whose worker is gone."""


def watch(descriptor: int, limit: float) -> None:
    """Return once *descriptor* has ended, or was silent for *limit* seconds."""
    last = time.monotonic()
    while select.select([descriptor], [], [], limit)[0]:
        # Stopped (SIGSTOP) for so long, this finds what came before.
        if not os.read(descriptor, 65_536) or time.monotonic() - last > limit:
            return
        last = time.monotonic()


def end_with_worker(limit: float) -> None:
    """End this process when `watch` returns."""
    watch(0, limit)
    os._exit(ORPHANED)


def run(words: Sequence[str], silence: float) -> None:
    """Be ``scrapy`` with these *words*; ends the process, at latest after so much *silence*."""
    threading.Thread(target=end_with_worker, args=(silence,), daemon=True).start()
    execute(["scrapy", *words])
