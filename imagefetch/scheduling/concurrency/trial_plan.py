"""Plans the trials of another limit: when the next one is due, its direction and its size."""

from __future__ import annotations

# Growth factors of a trial: the first and largest one, the smallest one, and the largest one
# after a trial that failed. The excess over 1 doubles after a success; a decrease halves it.
GROWTH_MAX = 2.0
GROWTH_MIN = 1.06
GROWTH_AFTER_FAILURE = 1.25

# The factor of a trial that lowers the limit.
SHRINK = 0.8

# Seconds between a failed trial and the next one; they double with each failure.
TRIAL_PAUSE = 1.0
TRIAL_PAUSE_MAX = 4.0


class TrialPlan:
    """When the next trial of a host is due, and the limit that it tries."""

    __slots__ = ("_growth", "_next_at", "_pause", "grows", "shrink_failed")

    def __init__(self, now: float) -> None:
        self.grows = True
        """Whether the next trial raises the limit."""
        self.shrink_failed = False
        """Whether a lower limit ever lost throughput."""
        self._growth = GROWTH_MAX
        self._pause = TRIAL_PAUSE
        self._next_at = now

    def is_due(self, now: float) -> bool:
        """Return whether a trial may start."""
        return now >= self._next_at

    def higher(self, limit: int, most: int) -> int:
        """Return the limit to try above *limit*."""
        return min(max(int(limit * self._growth), limit + 1), most)

    def lower(self, limit: int) -> int:
        """Return the limit to try below *limit*."""
        return max(min(int(limit * SHRINK), limit - 1), 1)

    def growth_succeeded(self, factor: float) -> None:
        """Record that raising the limit by this *factor* raised the throughput."""
        self._growth = min(GROWTH_MAX, 1 + 2 * (factor - 1))
        self._pause = TRIAL_PAUSE

    def growth_failed(self, now: float) -> None:
        """Record that raising the limit did not raise the throughput."""
        self._growth = max(GROWTH_MIN, min(GROWTH_AFTER_FAILURE, self._growth))
        self.postpone(now, grow=False)

    def shrinking_succeeded(self) -> None:
        """Record that lowering the limit kept the throughput."""
        self._pause = TRIAL_PAUSE

    def shrinking_failed(self, now: float) -> None:
        """Record that lowering the limit lost throughput."""
        self.shrink_failed = True
        self.postpone(now, grow=True)

    def was_cut(self, now: float, *, in_trial: bool) -> None:
        """Let the limit grow in smaller steps after a cut; a cut *in_trial* fails the trial."""
        self._growth = max(GROWTH_MIN, (1 + self._growth) / 2)
        if in_trial:
            self.postpone(now, grow=True)
        else:
            self.grows, self._next_at = True, now + self._pause

    def postpone(self, now: float, *, grow: bool) -> None:
        """Postpone the next trial; *grow*: whether it raises the limit."""
        self.grows = grow
        self._next_at = now + self._pause
        self._pause = min(2 * self._pause, TRIAL_PAUSE_MAX)
