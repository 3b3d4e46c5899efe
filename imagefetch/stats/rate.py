"""Computes a rate as a moving average."""

from __future__ import annotations

import math

SMOOTH = 20.0
"""Time constant of the moving average, seconds: after it, a value weighs 1/e of a new one."""


class Rate:
    """A rate per second, as an exponential moving average."""

    def __init__(self) -> None:
        self.value = 0.0
        self._weight = 0.0
        self._last = (0.0, 0.0)

    def update(self, now: float, amount: float) -> float:
        """Add the total *amount* at *now* (seconds); return the rate. Both start at 0."""
        seconds, added = now - self._last[0], amount - self._last[1]
        if seconds > 0:
            alpha = 1 - math.exp(-seconds / SMOOTH)
            self._weight += (1 - self._weight) * alpha  # corrects the bias of the start at 0
            self.value += (added / seconds - self.value) * alpha / self._weight
            self._last = now, amount
        return self.value
