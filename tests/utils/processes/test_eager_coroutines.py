"""Coroutines run at once as far as they don't wait."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from imagefetch.utils.processes.eager_coroutines import eager


async def at_once(value: int) -> int:
    return value


async def fails_at_once() -> int:
    raise LookupError


async def waits(steps: list[str], event: asyncio.Event) -> str:
    steps.append("begun")
    await asyncio.sleep(0)
    try:
        await event.wait()
    except asyncio.CancelledError:
        steps.append("cancelled")
        raise
    async with asyncio.timeout(60):
        await asyncio.sleep(0)
    return "done"


def test_a_result_is_there_at_once() -> None:
    assert eager(at_once(7)) == 7


def test_an_error_is_raised_at_once() -> None:
    with pytest.raises(LookupError):
        eager(fails_at_once())


def test_the_rest_is_awaited() -> None:
    """The part before the first wait has run when `eager` returns."""

    async def run() -> Any:
        steps: list[str] = []
        event = asyncio.Event()
        rest: Any = eager(waits(steps, event))
        assert steps == ["begun"]
        asyncio.get_running_loop().call_soon(event.set)
        return await rest

    assert asyncio.run(run()) == "done"


def test_an_error_of_the_rest_is_raised() -> None:
    async def fails_later() -> None:
        await asyncio.sleep(0)
        raise LookupError

    async def run() -> None:
        rest: Any = eager(fails_later())
        with pytest.raises(LookupError):
            await rest

    asyncio.run(run())


def test_a_cancellation_reaches_the_coroutine() -> None:
    async def run() -> list[str]:
        steps: list[str] = []

        async def caller() -> None:
            rest: Any = eager(waits(steps, asyncio.Event()))
            await rest

        task = asyncio.ensure_future(caller())
        for _ in range(5):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return steps

    assert asyncio.run(run()) == ["begun", "cancelled"]
