"""File operations run on the event loop while the disk is fast, else in threads."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest

from imagefetch.output.disk_io import HELPERS, MOST, QUICK, TRY_AGAIN, WEIGHT, Disk

# Timeout, in seconds, of a thread that waits for another: reached only if the code is wrong.
PATIENCE = 30.0


class Clock:
    """Simulated time, advanced by operations."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def operation(self, seconds: float) -> Callable[[], bool]:
        """Return an operation of that duration, which returns whether it ran on the event loop."""
        loop = threading.get_ident()

        def carry_out() -> bool:
            self.now += seconds
            return threading.get_ident() == loop

        return carry_out


def test_quick_disk_is_written_to_on_the_loop() -> None:
    """Operations as long as the limit stay there, however many; one at twice as much at times."""

    async def run() -> None:
        clock = Clock()
        disk = Disk(clock)
        for number in range(1_000):
            operation = clock.operation(QUICK * (1.8 if number % 2 else 0.1))
            assert await disk.run(operation)

    asyncio.run(run())


def test_a_single_long_operation_makes_no_disk_slow() -> None:
    """Not even one of a minute, repeatedly, if all others are fast."""

    async def run() -> None:
        clock = Clock()
        disk = Disk(clock)
        for number in range(1_000):
            assert await disk.run(clock.operation(0 if number % 250 else 60))

    asyncio.run(run())


@pytest.mark.parametrize("seconds", [2 * QUICK, MOST, 60])
def test_slow_disk_is_written_to_in_threads(seconds: float) -> None:
    """On a disk that is slow on average, threads are used for `TRY_AGAIN` seconds, after three
    operations if these are very slow. Then the event loop is used again: it may be fast now."""

    async def run() -> None:
        clock = Clock()
        disk = Disk(clock)
        tried = 0
        while await disk.run(clock.operation(seconds)):
            tried += 1
            assert tried * min(seconds, MOST) <= 2 * QUICK / WEIGHT
        slow_since = clock.now
        while clock.now < slow_since + TRY_AGAIN - seconds:
            assert not await disk.run(clock.operation(TRY_AGAIN / 10))
        clock.now += TRY_AGAIN
        assert await disk.run(clock.operation(0))
        assert await disk.run(clock.operation(0))
        disk.close()

    asyncio.run(run())


def test_heavy_operations_leave_the_loop_free() -> None:
    """At most `HELPERS` run in threads at once, each of which ends only if the event loop isn't
    blocked; the next runs on the event loop, so that it receives no more than can be written."""

    async def run() -> None:
        clock = Clock()
        disk = Disk(clock)
        went_on = threading.Event()
        heavy: list[Awaitable[bool]] = [
            asyncio.create_task(disk.run(went_on.wait, PATIENCE, heavy=True))
            for _ in range(HELPERS)
        ]
        await asyncio.sleep(0)
        assert await disk.run(clock.operation(0), heavy=True)
        went_on.set()
        assert await asyncio.gather(*heavy) == [True] * HELPERS
        assert not await disk.run(clock.operation(0), heavy=True)
        disk.close()

    asyncio.run(run())


def test_cancelled_only_when_the_operation_is_over() -> None:
    """A caller that cleans up after one or more cancellations finds no operation in flight."""

    async def run() -> None:
        disk = Disk()
        begun, may_end = threading.Event(), threading.Event()
        ended: list[str] = []

        def operation() -> None:
            begun.set()
            may_end.wait(PATIENCE)
            ended.append("operation")
            raise OSError("no caller waits for this")

        async def user() -> None:
            try:
                await disk.run(operation, heavy=True)
            finally:
                ended.append("user")

        task = asyncio.create_task(user())
        await asyncio.to_thread(begun.wait, PATIENCE)
        for _ in range(3):
            task.cancel()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        assert ended == []
        may_end.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ended == ["operation", "user"]
        disk.close()

    asyncio.run(run())


def test_errors_are_the_callers() -> None:
    """Errors are raised from the event loop and from threads."""

    def fail() -> None:
        raise OSError("no")

    async def run() -> None:
        disk = Disk()
        for heavy in (False, True):
            with pytest.raises(OSError, match="no"):
                await disk.run(fail, heavy=heavy)
        disk.close()

    asyncio.run(run())
