"""Coroutines run without a task while they wait only for a `PromptFuture`."""

from __future__ import annotations

import asyncio

from imagefetch.utils.processes.taskless import PromptFuture, Taskless, in_task


def test_a_prompt_future_continues_the_coroutine_at_once() -> None:
    """No turn of the event loop passes, and there is no task, neither before nor after it."""

    async def run() -> None:
        loop = asyncio.get_running_loop()
        steps: list[object] = []
        future: PromptFuture[int] = PromptFuture(loop=loop)

        async def follow() -> None:
            steps.append("begun")
            steps.append(await future)

        begun = asyncio.all_tasks()
        Taskless(follow())
        assert steps == ["begun"]
        assert asyncio.all_tasks() == begun
        future.finish(7)
        assert steps == ["begun", 7]

    asyncio.run(run())


def test_the_rest_runs_in_a_task_after_any_other_wait() -> None:
    """There, a `PromptFuture` is a future like any other."""

    async def run() -> None:
        loop = asyncio.get_running_loop()
        prompt: PromptFuture[int] = PromptFuture(loop=loop)
        done: asyncio.Future[list[object]] = loop.create_future()

        async def follow() -> None:
            await asyncio.sleep(0)
            async with asyncio.timeout(60):
                value = await prompt
            done.set_result([value, asyncio.current_task() is not None])

        Taskless(follow())
        loop.call_later(0, prompt.finish, 7)
        assert await done == [7, True]

    asyncio.run(run())


def test_what_needs_a_task_gets_one() -> None:
    """`asyncio.timeout` at the beginning of a coroutine, as in a middleware of a user."""

    async def run() -> None:
        done: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        async def needs_a_task() -> str:
            async with asyncio.timeout(60):
                return await asyncio.sleep(0, "done")

        async def follow() -> None:
            done.set_result(await in_task(needs_a_task()))

        asyncio.get_running_loop().call_soon(lambda: Taskless(follow()))
        assert await done == "done"

    asyncio.run(run())
