"""Polls a Dask cluster for the number of its workers and the timeout of their heartbeats."""

from __future__ import annotations

from typing import Any

from distributed import Client

from imagefetch.errors import SchedulerLost

HEARTBEAT_TIMEOUT_MAX = 20.0
"""Seconds, see `imagefetch.fleet.worker.task.Task`."""


class ClusterStatus:
    """The state of a cluster at the last poll."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.workers = self.threads = 0
        self.heartbeat_timeout = HEARTBEAT_TIMEOUT_MAX
        """Seconds without a heartbeat from its worker after which a crawl process ends.

        It is shorter than the scheduler's timeout, so that a process ends before another worker
        gets its shard.
        """

    def poll(self) -> None:
        """:raises SchedulerLost: if the scheduler is gone"""
        if self._client.status != "running":
            raise _lost()
        try:
            threads = self._client.nthreads().values()
            ttl: float | None = self._client.run_on_scheduler(_worker_ttl)
        except OSError as error:
            raise _lost() from error
        self.workers, self.threads = len(threads), sum(threads)
        known = HEARTBEAT_TIMEOUT_MAX if ttl is None else ttl / 3
        self.heartbeat_timeout = min(HEARTBEAT_TIMEOUT_MAX, known)


def _lost() -> SchedulerLost:
    return SchedulerLost(
        "Dask's scheduler no longer responds; start one, then run the same command to resume"
    )


def _worker_ttl(dask_scheduler: Any) -> float | None:
    ttl: float | None = dask_scheduler.worker_ttl
    return ttl
