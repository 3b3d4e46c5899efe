"""Wakes the scheduler when a waiting line is due: the engine may have nothing else to do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class DueTimer:
    """A timer for the next due line."""

    def __init__(self, next_due: Callable[[], float | None], wake: Callable[[], None]) -> None:
        """*next_due* returns the time of the event loop, seconds, at which *wake* is called;
        None if no line waits."""
        self.next_due = next_due
        self.wake = wake
        self._timer: asyncio.TimerHandle | None = None

    def set(self) -> None:
        """Set the timer again, after a change of what waits."""
        due = self.next_due()
        if self._timer is not None and self._timer.when() == due:
            return
        self.cancel()
        if due is not None:
            self._timer = asyncio.get_running_loop().call_at(due, self._fire)

    def cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _fire(self) -> None:
        self._timer = None
        self.wake()
        self.set()
