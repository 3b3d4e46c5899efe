"""Runs CPU-bound work on untrusted bytes in a few threads instead of on the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

Result = TypeVar("Result")

# Concurrent calls in the whole process; this also bounds the decoders in memory, which have a
# window each.
THREADS = 2

_threads = ThreadPoolExecutor(THREADS, "offload")  # starts threads on demand


async def in_thread(
    threads: Executor, function: Callable[[], Result], on_cancel: Callable[[], None] | None = None
) -> Result:
    """Run *function* in one of *threads* and return its result.

    A cancelled caller continues only after *function* has returned, so that no two tasks
    work on the same file. *on_cancel* may make *function* return early.
    """
    future = asyncio.get_running_loop().run_in_executor(threads, function)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        if on_cancel is not None:
            on_cancel()
        while not future.done():
            try:
                await asyncio.wait([future])
            except asyncio.CancelledError:
                continue
        if not future.cancelled():
            future.exception()  # retrieved, so that asyncio doesn't log it
        raise


async def offload(
    function: Callable[..., Result], *arguments: Any, on_cancel: Callable[[], None] | None = None
) -> Result:
    """Wait for one of the `THREADS`, run *function* in it and return its result."""
    return await in_thread(_threads, partial(function, *arguments), on_cancel)
