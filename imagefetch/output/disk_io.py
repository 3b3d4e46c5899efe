"""File operations of a run: at once while the disk is quick, beside the event loop once it isn't.

On a quick disk an operation takes less than handing it to a thread. On a slow one, as
those of other machines are, nothing else would go on meanwhile: no more than some
hundred pictures a second come through three operations of a few milliseconds each.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from imagefetch.utils.offload import in_thread

Result = TypeVar("Result")

# Seconds that operations may take on average; handing one to a thread takes a tenth.
QUICK = 0.001

# What each operation counts for in the average, and the seconds that it counts at most: some
# forty pictures tell, and a single operation doesn't. Quick disks have such too, each time that
# they write out what they have taken, and so has a process that must wait for its core.
WEIGHT = 1 / 128
MOST = 0.064

# Seconds until a slow disk is given another try.
TRY_AGAIN = 30.0

# Operations under way at once on a slow disk.
THREADS = 16

# Operations that a quick disk is given beside the loop. With fewer, most were left to
# the loop, which hears of those that are done only between all else it does.
HELPERS = 8


class Disk:
    """Where operations on files are carried out."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._mean = 0.0
        self._slow_until = clock()
        self._threads = ThreadPoolExecutor(THREADS, "disk")  # none begins before it is needed
        self._under_way = 0

    async def run(
        self, function: Callable[..., Result], *arguments: Any, heavy: bool = False
    ) -> Result:
        """Return *function*'s result.

        A *heavy* one, which is worth it, is carried out in a thread on a quick disk too.
        Whoever is cancelled meanwhile goes on only when it is over: what *function* works
        on is not touched by two.
        """
        begin = self._clock()
        if begin < self._slow_until or (heavy and self._under_way < HELPERS):
            return await self._beside(partial(function, *arguments))
        try:
            return function(*arguments)
        finally:
            self._note(begin)

    def _note(self, begin: float) -> None:
        now = self._clock()
        self._mean += (min(now - begin, MOST) - self._mean) * WEIGHT
        if self._mean > QUICK:
            self._mean = 0.0
            self._slow_until = now + TRY_AGAIN

    async def _beside(self, function: Callable[[], Result]) -> Result:
        self._under_way += 1
        try:
            return await in_thread(self._threads, function)
        finally:
            self._under_way -= 1

    def close(self) -> None:
        """Wait for no operation any more; those under way end by themselves."""
        self._threads.shutdown(wait=False)
