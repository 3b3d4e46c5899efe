"""CPU-bound work on untrusted bytes, in a few threads instead of on the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

Result = TypeVar("Result")

# Pieces of work at once in the whole process; so many decoders, with a window each, are in
# memory at most.
THREADS = 2

_threads = ThreadPoolExecutor(THREADS, "offload")  # starts no thread before it is needed


async def in_thread(
    threads: Executor, function: Callable[[], Result], on_cancel: Callable[[], None] | None = None
) -> Result:
    """Return what *function* returns in one of *threads*.

    A caller that is cancelled meanwhile continues only when *function* has returned:
    no two tasks work on the same file. *on_cancel* may tell it to return early.
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
            future.exception()  # looked at, so that asyncio doesn't log it
        raise


async def offload(
    function: Callable[..., Result], *arguments: Any, on_cancel: Callable[[], None] | None = None
) -> Result:
    """Return *function*'s result; wait for one of the `THREADS` first."""
    return await in_thread(_threads, partial(function, *arguments), on_cancel)
