"""Runs file operations on the event loop while the disk is fast, else in threads.

On a fast disk an operation takes less time than handing it to a thread. On a slow disk,
such as a network file system, it would block the event loop: with three operations of a few
milliseconds for each image, throughput would be limited to about a hundred images a second.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from imagefetch.utils.processes.offload import in_thread

Result = TypeVar("Result")

# Mean duration, in seconds, above which a disk is slow. A switch to a thread takes a tenth of it.
QUICK = 0.001

# Weight of one operation in the moving average, and the most seconds that it counts. So about
# forty images decide, not one operation: fast disks have slow operations too, whenever they
# write out their cache, and so has a process that waits for a CPU core.
WEIGHT = 1 / 128
MOST = 0.064

# Seconds after which operations on a slow disk run on the event loop again.
TRY_AGAIN = 30.0

# Operations in flight at once on a slow disk.
THREADS = 16

# Heavy operations that run in threads at once on a fast disk. With fewer, most ran on the event
# loop, which learns only between its other work that a thread has finished.
HELPERS = 8


class Disk:
    """Runs file operations, each on the event loop or in a thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._mean = 0.0
        self._slow_until = clock()
        self._threads = ThreadPoolExecutor(THREADS, "disk")  # starts no thread before it is needed
        self._in_flight = 0

    async def run(
        self, function: Callable[..., Result], *arguments: Any, heavy: bool = False
    ) -> Result:
        """Call *function* with *arguments* and return its result.

        A *heavy* operation runs in a thread on a fast disk too. If the caller is cancelled,
        the cancellation is raised after *function* has returned, so that no other code works
        on the same file at the same time.
        """
        begin = self._clock()
        if begin < self._slow_until or (heavy and self._in_flight < HELPERS):
            return await self._in_thread(partial(function, *arguments))
        try:
            return function(*arguments)
        finally:
            self._note(begin)

    @property
    def is_slow(self) -> bool:
        """Whether operations run in threads now."""
        return self._clock() < self._slow_until

    def run_here(self, function: Callable[[], Result]) -> Result:
        """Call *function* on the event loop and return its result; call it only on a fast disk."""
        begin = self._clock()
        try:
            return function()
        finally:
            self._note(begin)

    def _note(self, begin: float) -> None:
        now = self._clock()
        self._mean += (min(now - begin, MOST) - self._mean) * WEIGHT
        if self._mean > QUICK:
            self._mean = 0.0
            self._slow_until = now + TRY_AGAIN

    async def _in_thread(self, function: Callable[[], Result]) -> Result:
        self._in_flight += 1
        try:
            return await in_thread(self._threads, function)
        finally:
            self._in_flight -= 1

    def close(self) -> None:
        """Shut down without waiting; operations in flight end by themselves."""
        self._threads.shutdown(wait=False)
