"""Was this process stopped (SIGSTOP) for so long that others may have taken it for dead?"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Pulse:
    """A thread that looks at the *clock* now and then: more than *limit* seconds between two
    looks tell of it, however long the work beside takes."""

    def __init__(self, limit: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._last = clock()
        self._missed = False
        self._lock = threading.Lock()
        self._over = threading.Event()
        threading.Thread(target=self._beat, daemon=True).start()

    def has_missed(self) -> bool:
        """Whether it was so at any time until now."""
        with self._lock:
            now = self._clock()
            self._missed |= now - self._last > self._limit
            self._last = now
            return self._missed

    def end(self) -> None:
        self._over.set()

    def _beat(self) -> None:
        while not self._over.wait(self._limit / 10):
            self.has_missed()
