"""Tests the timer of the next due line."""

from __future__ import annotations

import asyncio

from imagefetch.scheduling.due_timer import DueTimer


def test_it_is_set_again_until_nothing_waits() -> None:
    """Each due time wakes the scheduler once."""

    async def run() -> list[float]:
        due = [0.0, 1.0, 2.0]  # all in the past
        woken: list[float] = []
        done = asyncio.Event()

        def wake() -> None:
            woken.append(due.pop(0))
            if not due:
                done.set()

        timer = DueTimer(lambda: due[0] if due else None, wake)
        timer.set()
        timer.set()  # replaces the first one
        await done.wait()
        await asyncio.sleep(0)
        return woken

    assert asyncio.run(run()) == [0.0, 1.0, 2.0]


def test_a_cancelled_timer_wakes_nobody() -> None:
    """Even if a line was due."""

    async def run() -> list[bool]:
        woken: list[bool] = []
        timer = DueTimer(lambda: 0.0, lambda: woken.append(True))
        timer.set()
        timer.cancel()
        timer.cancel()
        for _ in range(5):
            await asyncio.sleep(0)
        return woken

    assert asyncio.run(run()) == []
