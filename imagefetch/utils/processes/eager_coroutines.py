"""Runs coroutines at once as far as they don't wait."""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from functools import partial
from types import coroutine as awaitable
from typing import Any, TypeVar

Result = TypeVar("Result")


def eager(coroutine: Coroutine[Any, Any, Result]) -> Result | Coroutine[Any, Any, Result]:
    """Run *coroutine* until it waits; return its result, or a coroutine for the rest of it.

    Call it in the task that awaits the rest. A caller that creates a task for each coroutine, as
    Scrapy does for each callback, needs none for a result.
    """
    try:
        waits_for = coroutine.send(None)
    except StopIteration as done:
        result: Result = done.value
        return result
    return rest_of(coroutine, waits_for)


async def rest_of(coroutine: Coroutine[Any, Any, Result], waits_for: Any) -> Result:
    """Return the result of *coroutine*, which has begun and now *waits_for* this."""
    return await _resumed(coroutine, waits_for)


@awaitable
def _resumed(coroutine: Coroutine[Any, Any, Result], waits_for: Any) -> Generator[Any, Any, Result]:
    while True:
        try:
            step = partial(coroutine.send, (yield waits_for))
        except BaseException as error:
            step = partial(coroutine.throw, error)
        try:
            waits_for = step()
        except StopIteration as done:
            result: Result = done.value
            return result
