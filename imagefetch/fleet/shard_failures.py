"""Counts the failures of shards, and ends the run when one has failed too often."""

from __future__ import annotations

import logging
from collections import Counter

from distributed import KilledWorker

from imagefetch.errors import ShardFailed
from imagefetch.fleet.worker.task import Abandoned

logger = logging.getLogger(__name__)

FAILURES_MAX = 3
"""Failures of a shard, other than deaths of its worker, after which the run ends."""

KILLED_MAX = 20
"""Times that Dask may give up a shard because its workers died; each stands for several deaths."""


class ShardFailures:
    """The failures of each shard in this run."""

    def __init__(self) -> None:
        self._failed: Counter[int] = Counter()
        self._killed: Counter[int] = Counter()

    def record(self, shard: int, error: BaseException | None) -> None:
        """Record that the task of *shard* ended with *error*.

        :raises ShardFailed: if the shard failed too often
        """
        if isinstance(error, KilledWorker | Abandoned):
            logger.warning("Shard %d: its worker died or lost it; retrying", shard)
            self._killed[shard] += 1
        else:
            logger.warning("Shard %d failed: %s; retrying", shard, error)
            self._failed[shard] += 1
        if self._failed[shard] >= FAILURES_MAX or self._killed[shard] >= KILLED_MAX:
            why = " ".join(str(error).split()) or type(error).__name__
            raise ShardFailed(f"shard {shard}: {why}")
