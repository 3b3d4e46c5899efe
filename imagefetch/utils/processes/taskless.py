"""Runs coroutines without a task as long as they wait for nothing but a `PromptFuture`.

A task takes a turn of the event loop to begin, and another after each wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from imagefetch.utils.processes.eager_coroutines import rest_of

Result = TypeVar("Result")


class PromptFuture(asyncio.Future[Result]):
    """A future that continues a coroutine without a task as soon as it is done."""

    proceed: Callable[[], None] | None = None
    """Continues the coroutine; None in a task, which is continued in the next turn of the loop."""

    def finish(self, result: Result) -> None:
        """Set *result*, and continue the coroutine that waits for it."""
        self.set_result(result)
        if self.proceed is not None:
            self.proceed()


class Taskless:
    """Runs a coroutine, which raises no exception, from now on.

    Other code that it awaits may need a task, for example for `asyncio.timeout`: let it await
    `in_task` of that. At the first wait for anything but a `PromptFuture`, the rest of it is put
    into a task.
    """

    __slots__ = ("_coroutine", "_task")

    def __init__(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self._coroutine = coroutine
        self._task: asyncio.Task[None] | None = None
        self._proceed()

    def _proceed(self) -> None:
        try:
            waits_for = self._coroutine.send(None)
        except StopIteration:
            return
        if isinstance(waits_for, PromptFuture):
            waits_for.proceed = self._proceed
        else:
            rest = rest_of(self._coroutine, waits_for)
            self._task = asyncio.get_running_loop().create_task(rest)
            self._task.add_done_callback(self._forget)  # which keeps the task alive until then

    def _forget(self, _: asyncio.Task[None]) -> None:
        self._task = None


async def in_task(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """Return the result of *coroutine*, run in a task of its own."""
    return await asyncio.get_running_loop().create_task(coroutine)
